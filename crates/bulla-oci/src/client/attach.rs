//! Attaching a document to an image, as cosign 3 does it.
//!
//! One manifest with the document as its only layer, the empty configuration,
//! the artifact type and the subject. Where the registry has no referrers API,
//! the fallback tag gets an entry more; it never loses one.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type};
use bytes::Bytes;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use std::collections::BTreeMap;

use super::{ClientError, Fetched, Registry, grow::Next, push::Content};
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
        let empty = Bytes::from_static(EMPTY);
        let blobs = [
            (
                Descriptor::of(&artifact.artifact_type, &artifact.bytes),
                &artifact.bytes,
            ),
            (manifest.config.clone(), &empty),
        ];
        let pushes = blobs
            .iter()
            .map(|(blob, bytes)| self.push_blob(at, blob, Content::Bytes(bytes)));
        try_join_all(pushes).await?;
        let bytes = to_json(&manifest)?;
        let mut descriptor = Descriptor::of(media_type::MANIFEST, &bytes);
        descriptor.artifact_type = Some(artifact.artifact_type.clone());
        descriptor.annotations.clone_from(&artifact.annotations);
        self.refer(at, &subject.digest, &descriptor, &bytes).await?;
        Ok(descriptor)
    }

    /// Writes the manifest of a referrer, whose blobs are there, and sees that
    /// it is listed.
    pub(crate) async fn refer(
        &self,
        at: &Reference,
        subject: &Digest,
        entry: &Descriptor,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        let name = entry.digest.to_string();
        let put = self.put_manifest(at, &name, &entry.media_type, bytes.to_vec().into());
        let filed = put.await?.is_some_and(|filed| filed == subject.to_string());
        if !filed && !self.has_referrers(at, subject).await? {
            self.add_to_fallback(at, subject, entry).await?;
        }
        Ok(())
    }

    /// Lists `entry` under the fallback tag of `subject`, beside what is there.
    pub(crate) async fn add_to_fallback(
        &self,
        at: &Reference,
        subject: &Digest,
        entry: &Descriptor,
    ) -> Result<(), ClientError> {
        let tag = self.fallback_tag(at, subject)?;
        let merge = |now: Option<&Fetched>| {
            let mut index = match now {
                // Some clients put the image itself under this tag when they copy it.
                Some(fetched) if fetched.descriptor.digest != *subject => listed(fetched)?,
                _ => ImageIndex::of(Vec::new()),
            };
            let known = |known: &Descriptor| known.digest == entry.digest;
            if index.manifests.iter().any(known) {
                return Ok(None);
            }
            index.media_type = Some(media_type::INDEX.into());
            index.manifests.push(entry.clone());
            Ok(Some(Next {
                media_type: media_type::INDEX.into(),
                bytes: to_json(&index)?,
                blobs: Vec::new(),
            }))
        };
        self.grow(&tag, merge).await.map(drop)
    }

    /// Takes entries out of the fallback tag of `subject`.
    pub(crate) async fn drop_from_fallback(
        &self,
        at: &Reference,
        subject: &Digest,
        gone: &[Digest],
    ) -> Result<(), ClientError> {
        let tag = self.fallback_tag(at, subject)?;
        let merge = |now: Option<&Fetched>| {
            let Some(now) = now.filter(|now| now.descriptor.digest != *subject) else {
                return Ok(None);
            };
            let mut index = listed(now)?;
            let before = index.manifests.len();
            index
                .manifests
                .retain(|entry| !gone.contains(&entry.digest));
            if index.manifests.len() == before {
                return Ok(None);
            }
            Ok(Some(Next {
                media_type: media_type::INDEX.into(),
                bytes: to_json(&index)?,
                blobs: Vec::new(),
            }))
        };
        self.grow(&tag, merge).await.map(drop)
    }

    pub(super) fn fallback_tag(
        &self,
        at: &Reference,
        subject: &Digest,
    ) -> Result<Reference, ClientError> {
        at.by_tag(&subject.fallback_tag())
            .map_err(|_| ClientError::NoTag {
                reference: at.name(),
            })
    }
}

/// The list under a fallback tag. Its entries may hold fields that we do not
/// know; an index is a list of descriptors all the same.
fn listed(fetched: &Fetched) -> Result<ImageIndex, ClientError> {
    match &fetched.manifest {
        Manifest::Index(index) => Ok(index.clone()),
        Manifest::Image(_) => Err(ManifestError::Ambiguous.into()),
    }
}

pub(super) fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(document).map_err(|source| {
        let what = "the manifest";
        bulla_core::limits::LimitError::Json { what, source }.into()
    })
}

#[cfg(test)]
mod tests;
