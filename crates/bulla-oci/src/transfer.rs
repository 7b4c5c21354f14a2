//! Moving an image with its evidence: between registries, into a folder and
//! out of it; and taking evidence away.
//!
//! Bytes are moved verbatim and checked on the way. Evidence is in place before
//! the name: whoever finds the tag finds the seals. Seals that the destination
//! has already are kept beside those that come.

use bulla_core::{Descriptor, Reference};
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, path::Path};

use crate::{
    client::{ClientError, Registry},
    cosign::Slot,
    layout::Layout,
    manifest::ImageManifest,
    platform::PlatformName,
    saved::Saved,
    source::EvidenceSource,
};

mod carrier;
mod clean;

pub use clean::{Removed, clean};

use carrier::{Carrier, Sink};

/// The predicate type of the statements that cosign 3 signs images with.
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What a piece of evidence is, as far as its manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A signature over the image alone.
    Signature,
    /// A signed statement.
    Attestation,
    /// An SBOM, not signed by itself.
    Sbom,
    /// Anything else that refers to the image.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Signature, Self::Attestation, Self::Sbom, Self::Other];

    /// What a referrer is.
    pub fn of(manifest: &ImageManifest) -> Self {
        let kind = manifest.kind();
        let is = |slot: Slot| slot.artifact_types().contains(&kind);
        let annotation = |name: &str| manifest.annotations.get(name).map(String::as_str);
        if kind.starts_with("application/vnd.dev.sigstore.bundle") {
            let message = annotation("dev.sigstore.bundle.content") == Some("message-signature");
            let signs = annotation("dev.sigstore.bundle.predicateType") == Some(SIGN);
            return match message || signs {
                true => Self::Signature,
                false => Self::Attestation,
            };
        }
        if is(Slot::Signatures) || kind == "application/vnd.cncf.notary.signature" {
            return Self::Signature;
        }
        if is(Slot::Attestations) {
            return Self::Attestation;
        }
        if is(Slot::Sboms) || kind.contains("spdx") || kind.contains("cyclonedx") {
            return Self::Sbom;
        }
        Self::Other
    }
}

impl From<Slot> for Kind {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Signatures => Self::Signature,
            Slot::Attestations => Self::Attestation,
            Slot::Sboms => Self::Sbom,
        }
    }
}

/// What is moved.
#[derive(Clone, Debug, Default)]
pub struct CopyOptions {
    /// Only evidence of these kinds, without the image; everything if `None`.
    pub only: Option<BTreeSet<Kind>>,
    /// Of an index, only the image for this platform.
    pub platform: Option<PlatformName>,
    /// Moves a tag that names another image already.
    pub force: bool,
}

impl CopyOptions {
    fn wants(&self, kind: Kind) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&kind))
    }
}

/// What was moved.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    /// The image: its digest is the same at both ends.
    pub image: Option<Descriptor>,
    /// Manifests and indexes that were written.
    pub manifests: usize,
    /// Blobs that were sent.
    pub blobs: usize,
    /// Bytes of these.
    pub bytes: u64,
    /// Blobs that the registry took over from another of its repositories.
    pub mounted: usize,
    /// Manifests and blobs that were there already.
    pub present: usize,
    /// Seals that were moved: where to, and what they are.
    pub evidence: Vec<(String, Kind)>,
    /// Seals that are listed, but could not be had. They were not moved.
    #[serde(serialize_with = "told")]
    pub problems: Vec<(Descriptor, ClientError)>,
}

/// Problems as pairs of digest and text.
fn told<S: Serializer>(
    problems: &[(Descriptor, ClientError)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let told = problems.iter();
    serializer.collect_seq(told.map(|(entry, error)| (&entry.digest, error.to_string())))
}

/// Copies what `from` names, with everything below it and its evidence in both
/// layouts, to `to` in `registry`. This is `load`, too, from a saved folder.
///
/// # Errors
/// [`ClientError::Taken`] if the tag of `to` names another image, or as for
/// every exchange. What was written by then stays; running it again goes on.
pub async fn copy(
    from: &EvidenceSource<'_>,
    registry: &Registry,
    to: &Reference,
    options: &CopyOptions,
) -> Result<Copied, ClientError> {
    let top = carrier::chosen(from, options).await?;
    let digest = &top.descriptor.digest;
    if to.digest().is_some_and(|wanted| wanted != digest) {
        return Err(ClientError::Digest {
            place: from.name(),
            digest: to.digest().unwrap_or(digest).clone(),
        });
    }
    let tag = to.tag().filter(|_| options.only.is_none());
    let mut there = None;
    if let Some(tag) = tag {
        let at = to.by_tag(tag).unwrap_or_else(|_| to.clone());
        there = registry.find(&at).await?.map(|f| f.descriptor.digest);
    }
    let other = there.clone().filter(|there| there != digest);
    if let (Some(current), false) = (other, options.force) {
        let reference = to.to_string();
        return Err(ClientError::Taken { reference, current });
    }
    let scratch = tempfile::tempdir().map_err(carrier::scratch)?;
    let staging = Layout::create(&scratch.path().join("staging"))?;
    let carrier = Carrier::new(from, Sink::Registry(registry, to), options, &staging);
    carrier.tree(&top).await?;
    if let (Some(tag), true) = (tag, there.as_ref() != Some(digest)) {
        carrier.name(&top, tag).await?;
    }
    Ok(carrier.done(&top))
}

/// Saves what `from` names, with everything below it and its evidence in both
/// layouts, into `folder`, which must be empty or not be there. The folder is as
/// `cosign save` makes it, and what cosign has no place for is beside it.
///
/// # Errors
/// As [`copy`], or of the folder. Nothing is listed in it then.
pub async fn save(
    from: &EvidenceSource<'_>,
    folder: &Path,
    options: &CopyOptions,
) -> Result<(Saved, Copied), ClientError> {
    let top = carrier::chosen(from, options).await?;
    let layout = Layout::create(folder)?;
    let whole = CopyOptions {
        only: None, // a folder without its image could not be opened
        ..options.clone()
    };
    let carrier = Carrier::new(from, Sink::folder(&layout, &top), &whole, &layout);
    carrier.tree(&top).await?;
    let tag = match from {
        EvidenceSource::Registry { image, .. } => image.tag(),
        EvidenceSource::Saved(saved) => saved.tag(),
    };
    Saved::write_list(&layout, &top, tag, carrier.listed())?;
    let copied = carrier.done(&top);
    Ok((Saved::within(folder, from.limits().clone())?, copied))
}

#[cfg(test)]
mod tests;
