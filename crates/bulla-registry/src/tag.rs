//! What a tag may do: be written once, or only grow.
//!
//! Clients without a referrers API keep signatures under `sha256-<64 hex>`,
//! optionally with `.sig`, `.att` or `.sbom`, and re-point that tag for each new
//! one. Such a tag may be replaced by what holds every earlier entry unchanged;
//! every other tag names its first digest for good.

use bulla_core::{Descriptor, Digest};

use crate::manifest::ManifestView;

/// Whether `tag` is one that may grow.
pub fn may_grow(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else {
        return false;
    };
    let (Some(hex), Some(suffix)) = (rest.get(..64), rest.get(64..)) else {
        return false;
    };
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    hex.bytes().all(lower_hex) && matches!(suffix, "" | ".sig" | ".att" | ".sbom")
}

/// The first entry of `old` that `new` lacks or changed; `None` if it holds all.
pub fn lost(old: &ManifestView, new: &ManifestView) -> Option<Digest> {
    let entries = |view: &ManifestView| -> Vec<Descriptor> {
        view.layers.iter().chain(&view.manifests).cloned().collect()
    };
    let kept = entries(new);
    entries(old)
        .into_iter()
        .find(|entry| !kept.iter().any(|candidate| holds(candidate, entry)))
        .map(|entry| entry.digest)
}

/// Whether `new` says everything that `old` said. The signature of cosign's old
/// layout stands in an annotation, so annotations count.
fn holds(new: &Descriptor, old: &Descriptor) -> bool {
    let annotation = |(key, value): (&String, &String)| new.annotations.get(key) == Some(value);
    new.digest == old.digest
        && new.media_type == old.media_type
        && new.size == old.size
        && old.annotations.iter().all(annotation)
}

#[cfg(test)]
mod tests;
