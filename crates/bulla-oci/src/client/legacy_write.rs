//! Writing cosign's old layout: read the tag, add, write, and look again.
//!
//! Payloads first, then the manifest: whoever reads the tag in between finds
//! what was there before. Equal seals give equal bytes, so repeating is harmless.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type};

use super::{ClientError, Fetched, Registry, attach::to_json, grow::Next, push::Content};
use crate::{
    cosign::{self, Existing, Growth, NewLayer, Slot, grown},
    manifest::ImageManifest,
};

impl Registry {
    /// Adds layers to what the tag of `subject` names in the repository of
    /// `at`, keeping every earlier layer unless told to replace; the manifest
    /// that it then names. Adding what is there already changes nothing.
    ///
    /// # Errors
    /// [`ClientError::AppendOnly`] if the registry refuses a replacement,
    /// [`ClientError::Contended`], [`ClientError::TooManyLayers`], or as for
    /// every exchange.
    pub async fn add_legacy(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
        layers: &[NewLayer],
        existing: Existing,
    ) -> Result<Descriptor, ClientError> {
        let tag = self.seal_tag(at, subject, slot)?;
        let mut add = Vec::new();
        for layer in layers {
            let descriptor = layer.descriptor();
            self.push_blob(&tag, &descriptor, Content::Bytes(&layer.bytes))
                .await?;
            add.push(descriptor);
        }
        let place = tag.to_string();
        let mut existing_then = existing;
        let merge = |now: Option<&Fetched>| {
            let now = now.map(|fetched| &fetched.manifest);
            // Once written, what others added meanwhile stays.
            let existing = std::mem::take(&mut existing_then);
            let growth = grown(now, &add, existing, self.limits.layers, &place)?;
            growth.map(next).transpose()
        };
        match self.grow(&tag, merge).await {
            Ok(Some(descriptor)) => Ok(descriptor),
            Ok(None) => Err(ClientError::NotFound { what: place }),
            Err(ClientError::Refused { place, answer, .. })
                if existing == Existing::ReplacePredicate =>
            {
                Err(ClientError::AppendOnly { place, answer })
            }
            Err(error) => Err(error),
        }
    }

    /// Makes `tag` hold every layer of `manifest`, whose blobs are there, beside
    /// those that it has; whether that changed anything.
    pub(crate) async fn merge_legacy(
        &self,
        tag: &Reference,
        manifest: &ImageManifest,
    ) -> Result<bool, ClientError> {
        let (place, mut changed) = (tag.to_string(), false);
        let merge = |now: Option<&Fetched>| {
            let now = now.map(|fetched| &fetched.manifest);
            let growth = cosign::merged(now, manifest, self.limits.layers, &place)?;
            changed |= growth.is_some();
            growth.map(next).transpose()
        };
        self.grow(tag, merge).await?;
        Ok(changed)
    }
}

fn next(growth: Growth) -> Result<Next, ClientError> {
    let kind = growth.manifest.media_type.clone();
    Ok(Next {
        media_type: kind.unwrap_or_else(|| media_type::MANIFEST.into()),
        bytes: to_json(&growth.manifest)?,
        blobs: vec![(growth.manifest.config.clone(), growth.config)],
    })
}
