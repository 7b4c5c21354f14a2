//! Images and bundles from registries, through the one client.
//!
//! Bundles are fetched several at a time under one budget of bytes. A referrer
//! that turns out not to be a bundle about this image is passed over: anybody who
//! may push can attach anything. One that is, and cannot be had, is a gap.

use bulla_core::{
    Descriptor, Diagnose as _, Digest, Reason, Reference, descriptor::media_type, limits,
};
use bulla_oci::{ClientError, Manifest, Registry};
use futures_util::{StreamExt as _, stream};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    judge::BUDGET_EXCEEDED,
    resolve::{Bundles, ImageSource, SourceError},
};

/// Bytes of all bundles of one image.
const BUDGET: u64 = 64 << 20;
/// Bundles that are fetched at once.
const AT_ONCE: usize = 8;

impl ImageSource for Registry {
    async fn resolve(&self, image: &Reference) -> Result<Descriptor, SourceError> {
        Self::resolve(self, image).await.map_err(cause)
    }

    async fn bundles(&self, image: &Reference) -> Result<Bundles, SourceError> {
        let Some(subject) = image.digest() else {
            let reference = image.to_string();
            return Err(cause(ClientError::NoTag { reference }));
        };
        let listed = self.referrers(image, subject, Some(media_type::BUNDLE));
        let listed = listed.await.map_err(cause)?;
        let left = AtomicU64::new(BUDGET);
        let fetched: Vec<_> = stream::iter(listed)
            .map(async |entry| fetch(self, image, subject, &entry, &left).await)
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut found = Bundles::default();
        for result in fetched {
            match result {
                Ok(Some(bytes)) => found.bundles.push(bytes),
                Ok(None) => {}
                Err(gap) => found.gaps.push(gap),
            }
        }
        Ok(found)
    }
}

/// The bundle that `entry` attaches to `subject`; `None` if it does not.
async fn fetch(
    registry: &Registry,
    image: &Reference,
    subject: &Digest,
    entry: &Descriptor,
    left: &AtomicU64,
) -> Result<Option<Vec<u8>>, Reason> {
    let manifest = match registry
        .manifest(&image.by_digest(entry.digest.clone()))
        .await
    {
        Ok(fetched) => fetched.manifest,
        Err(ClientError::Manifest(_)) => return Ok(None),
        Err(error) => return Err(gap(&error)),
    };
    let Manifest::Image(manifest) = manifest else {
        return Ok(None);
    };
    let is_about = manifest
        .subject
        .as_ref()
        .is_some_and(|s| s.digest == *subject);
    let ([layer], true) = (
        manifest.layers.as_slice(),
        is_about && manifest.kind() == media_type::BUNDLE,
    ) else {
        return Ok(None);
    };
    let fits = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(layer.size)
    });
    if fits.is_err() {
        let text = format!("the bundles of {subject} are larger than {BUDGET} bytes together");
        return Err(Reason::new(BUDGET_EXCEEDED, text));
    }
    match registry.blob(image, layer, limits::BUNDLE_BYTES).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => Err(gap(&error)),
    }
}

fn gap(error: &ClientError) -> Reason {
    Reason {
        code: error.code(),
        text: format!("a bundle could not be had: {error}"),
        hint: error.hint(),
    }
}

fn cause(error: ClientError) -> SourceError {
    match &error {
        ClientError::NotFound { .. } => SourceError::missing(&error),
        _ => SourceError::unavailable(&error),
    }
}

#[cfg(test)]
mod tests;
