//! Files in a registry, each as the only layer of a manifest of its own; several
//! under one index, told apart by their platforms.

use bulla_core::{
    Descriptor, Reference,
    descriptor::{Platform, media_type},
};
use bytes::Bytes;
use std::collections::BTreeMap;

use super::{ClientError, Registry, attach::to_json, push::Content};
use crate::manifest::{ImageIndex, ImageManifest};

/// A file to push.
#[derive(Clone, Debug)]
pub struct FileImage {
    /// The media type of its content.
    pub media_type: String,
    /// Its content.
    pub bytes: Bytes,
    /// The media type of the configuration beside it.
    pub config_type: String,
    /// The configuration beside it.
    pub config: Bytes,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// What it is for, where it is one of several.
    pub platform: Option<Platform>,
}

impl FileImage {
    /// The manifest that holds it.
    pub fn manifest(&self) -> ImageManifest {
        ImageManifest {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.into()),
            artifact_type: None,
            config: Descriptor::of(&self.config_type, &self.config),
            layers: vec![Descriptor::of(&self.media_type, &self.bytes)],
            subject: None,
            annotations: self.annotations.clone(),
        }
    }
}

impl Registry {
    /// Pushes files under the tag or digest of `to`: one file's manifest, or the
    /// index of several; what `to` then names.
    ///
    /// # Errors
    /// [`ClientError::Digest`] if `to` names another digest, or as for every
    /// exchange.
    pub async fn push_files(
        &self,
        to: &Reference,
        files: &[FileImage],
    ) -> Result<Descriptor, ClientError> {
        let mut entries = Vec::new();
        for file in files {
            let manifest = file.manifest();
            let bytes = to_json(&manifest)?;
            let mut entry = Descriptor::of(media_type::MANIFEST, &bytes);
            if let [_] = files {
                is_meant(to, &entry)?;
            }
            for (blob, content) in [
                (&manifest.config, &file.config),
                (&Descriptor::of(&file.media_type, &file.bytes), &file.bytes),
            ] {
                self.push_blob(to, blob, Content::Bytes(content)).await?;
            }
            if let [_] = files {
                self.name(to, &entry, bytes).await?;
                return Ok(entry);
            }
            let name = entry.digest.to_string();
            self.put_manifest(to, &name, &entry.media_type, bytes.into())
                .await?;
            entry.platform.clone_from(&file.platform);
            entries.push(entry);
        }
        let mut index = ImageIndex::of(entries);
        index.media_type = Some(media_type::INDEX.into());
        let bytes = to_json(&index)?;
        let top = Descriptor::of(media_type::INDEX, &bytes);
        is_meant(to, &top)?;
        self.name(to, &top, bytes).await?;
        Ok(top)
    }

    async fn name(
        &self,
        to: &Reference,
        manifest: &Descriptor,
        bytes: Vec<u8>,
    ) -> Result<(), ClientError> {
        let digest = manifest.digest.to_string();
        let name = to.tag().unwrap_or(&digest);
        self.put_manifest(to, name, &manifest.media_type, bytes.into())
            .await
            .map(drop)
    }
}

fn is_meant(to: &Reference, manifest: &Descriptor) -> Result<(), ClientError> {
    match to.digest().filter(|digest| **digest != manifest.digest) {
        None => Ok(()),
        Some(digest) => Err(ClientError::Digest {
            place: to.name(),
            digest: digest.clone(),
        }),
    }
}
