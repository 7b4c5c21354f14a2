//! Attaching a document to an image, as cosign 3 does it.
//!
//! One manifest with the document as its only layer, the empty configuration,
//! the artifact type and the subject. Where the registry has no referrers API,
//! the fallback tag gets an entry more; it never loses one.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;

use super::{ClientError, Registry, push::Content};
use crate::manifest::{ImageIndex, ImageManifest, Manifest, ManifestError};

const EMPTY: &[u8] = b"{}";

/// A document to attach.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The artifact type, which is the media type of the document too.
    pub artifact_type: String,
    /// The document.
    pub bytes: Bytes,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Artifact {
    /// A Sigstore bundle with a DSSE envelope over a statement of that
    /// predicate type, made at `created`.
    pub fn bundle(bytes: impl Into<Bytes>, predicate_type: &str, created: Timestamp) -> Self {
        let created = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let annotations = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", predicate_type),
            ("org.opencontainers.image.created", &created),
        ];
        Self {
            artifact_type: media_type::BUNDLE.into(),
            bytes: bytes.into(),
            annotations: annotations
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }

    /// The manifest that attaches this to `subject`.
    pub fn manifest(&self, subject: &Descriptor) -> ImageManifest {
        let subject = Descriptor::new(
            subject.media_type.clone(),
            subject.digest.clone(),
            subject.size,
        );
        let mut config = Descriptor::of(media_type::EMPTY, EMPTY);
        config.artifact_type = Some(self.artifact_type.clone()); // as cosign writes it
        ImageManifest {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.into()),
            artifact_type: Some(self.artifact_type.clone()),
            config,
            layers: vec![Descriptor::of(&self.artifact_type, &self.bytes)],
            subject: Some(subject),
            annotations: self.annotations.clone(),
        }
    }
}

impl Registry {
    /// Attaches `artifact` to `subject`, a manifest in the repository of `at`;
    /// the descriptor of the manifest that does it.
    ///
    /// # Errors
    /// As for every exchange.
    pub async fn attach(
        &self,
        at: &Reference,
        subject: &Descriptor,
        artifact: &Artifact,
    ) -> Result<Descriptor, ClientError> {
        let manifest = artifact.manifest(subject);
        for layer in &manifest.layers {
            self.push_blob(at, layer, Content::Bytes(&artifact.bytes))
                .await?;
        }
        let empty = Bytes::from_static(EMPTY);
        self.push_blob(at, &manifest.config, Content::Bytes(&empty))
            .await?;
        let bytes = to_json(&manifest)?;
        let mut descriptor = Descriptor::of(media_type::MANIFEST, &bytes);
        let name = descriptor.digest.to_string();
        let filed = self
            .put_manifest(at, &name, media_type::MANIFEST, bytes.into())
            .await?;
        descriptor.artifact_type = Some(artifact.artifact_type.clone());
        descriptor.annotations.clone_from(&artifact.annotations);
        let filed = filed.is_some_and(|filed| filed == subject.digest.to_string());
        if !filed && !self.has_referrers(at, &subject.digest).await? {
            self.add_to_fallback(at, &subject.digest, &descriptor)
                .await?;
        }
        Ok(descriptor)
    }

    async fn add_to_fallback(
        &self,
        at: &Reference,
        subject: &Digest,
        entry: &Descriptor,
    ) -> Result<(), ClientError> {
        let name = subject.fallback_tag();
        let tag = at.by_tag(&name).map_err(|_| ClientError::NoTag {
            reference: at.name(),
        })?;
        let mut index = match self.manifest(&tag).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Index(index) => index,
                Manifest::Image(_) => return Err(ManifestError::Ambiguous.into()),
            },
            Err(ClientError::NotFound { .. }) => ImageIndex::of(Vec::new()),
            Err(error) => return Err(error),
        };
        if index
            .manifests
            .iter()
            .any(|known| known.digest == entry.digest)
        {
            return Ok(());
        }
        index.media_type = Some(media_type::INDEX.into());
        index.manifests.push(entry.clone());
        let bytes = to_json(&index)?;
        self.put_manifest(at, &name, media_type::INDEX, bytes.into())
            .await?;
        Ok(())
    }
}

fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(document).map_err(|source| {
        let what = "the manifest";
        bulla_core::limits::LimitError::Json { what, source }.into()
    })
}

#[cfg(test)]
mod tests;
