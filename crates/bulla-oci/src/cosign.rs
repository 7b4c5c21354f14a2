//! The old layout of cosign: tags beside the image.
//!
//! `sha256-<hex>.sig`, `.att` and `.sbom` name image manifests whose layers are
//! the signatures, attestations or SBOMs of that digest; what proves them stands
//! in the annotations of the layers (cosign: SIGNATURE_SPEC, ATTESTATION_SPEC,
//! SBOM_SPEC). A variant keeps the same manifest as a referrer. Here is the
//! shape only: what a layer is worth is judged by `bulla-trust`.

use bulla_core::{Descriptor, Digest};
use bytes::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::client::ClientError;

mod manifest;

pub(crate) use manifest::{Growth, grown, merged};

/// Annotations of layers.
pub mod annotation {
    /// The signature, base64; empty beside an envelope.
    pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
    /// The certificate, PEM.
    pub const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
    /// The other certificates, PEM.
    pub const CHAIN: &str = "dev.sigstore.cosign/chain";
    /// The log entry with its promise, JSON.
    pub const BUNDLE: &str = "dev.sigstore.cosign/bundle";
    /// The RFC 3161 timestamp, JSON.
    pub const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
    /// The predicate type of an attestation.
    pub const PREDICATE_TYPE: &str = "predicateType";
}

/// Media types of layers.
pub mod media {
    /// A simple-signing payload.
    pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
    /// A DSSE envelope.
    pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
}

/// What kind of evidence a tag or manifest of the old layout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// `.sig`.
    Signatures,
    /// `.att`.
    Attestations,
    /// `.sbom`.
    Sboms,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Signatures, Self::Attestations, Self::Sboms];

    /// What its tags end with, without the dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
            Self::Sboms => "sbom",
        }
    }

    /// Its tag for `subject`.
    pub fn tag(self, subject: &Digest) -> String {
        format!("{}.{}", subject.fallback_tag(), self.suffix())
    }

    /// The slot and the subject's tag of a tag's text.
    pub fn of_tag(tag: &str) -> Option<(Self, &str)> {
        let (subject, suffix) = tag.rsplit_once('.')?;
        let slot = Self::ALL.into_iter().find(|slot| slot.suffix() == suffix)?;
        Some((slot, subject))
    }

    /// The artifact types that it has as a referrer.
    pub fn artifact_types(self) -> &'static [&'static str] {
        match self {
            Self::Signatures => &["application/vnd.dev.cosign.artifact.sig.v1+json"],
            Self::Attestations => &[
                "application/vnd.dev.cosign.artifact.att.v1+json",
                bulla_core::descriptor::media_type::IN_TOTO,
            ],
            Self::Sboms => &["application/vnd.dev.cosign.artifact.sbom.v1+json"],
        }
    }

    /// Whether a layer of this media type belongs here.
    pub fn holds(self, media_type: &str) -> bool {
        match self {
            Self::Signatures => media_type == media::SIMPLE_SIGNING,
            Self::Attestations => media_type == media::DSSE,
            Self::Sboms => true,
        }
    }
}

/// One signature, attestation or SBOM of the old layout, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyLayer {
    /// What the manifest says of it.
    pub descriptor: Descriptor,
    /// What stands beside it.
    pub annotations: BTreeMap<String, String>,
    /// The payload: checked against size and digest, nothing else.
    pub bytes: Vec<u8>,
}

/// The layers of one manifest of the old layout.
#[derive(Debug)]
pub struct LegacySet {
    /// Where it is: a tag, or a digest if it is a referrer.
    pub place: String,
    /// Its manifest.
    pub descriptor: Descriptor,
    /// Its layers, in order.
    pub layers: Vec<LegacyLayer>,
    /// Layers that could not be had, and why. They are not evidence of
    /// anything, but whoever decides should say that they are there.
    pub unreadable: Vec<(Descriptor, ClientError)>,
}

/// A layer to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLayer {
    /// Its media type.
    pub media_type: String,
    /// The payload.
    pub bytes: Bytes,
    /// What stands beside it.
    pub annotations: BTreeMap<String, String>,
}

impl NewLayer {
    /// A simple-signing payload and its signature (base64).
    pub fn signature(payload: impl Into<Bytes>, signature: &str) -> Self {
        Self::new(media::SIMPLE_SIGNING, payload.into()).with(annotation::SIGNATURE, signature)
    }

    /// A DSSE envelope over a statement of that predicate type.
    pub fn attestation(envelope: impl Into<Bytes>, predicate_type: &str) -> Self {
        Self::new(media::DSSE, envelope.into())
            .with(annotation::SIGNATURE, "")
            .with(annotation::PREDICATE_TYPE, predicate_type)
    }

    /// An SBOM.
    pub fn sbom(media_type: &str, document: impl Into<Bytes>) -> Self {
        Self::new(media_type, document.into())
    }

    /// With an annotation more.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::of(&self.media_type, &self.bytes);
        descriptor.annotations.clone_from(&self.annotations);
        descriptor
    }

    fn new(media_type: &str, bytes: Bytes) -> Self {
        Self {
            media_type: media_type.into(),
            bytes,
            annotations: BTreeMap::new(),
        }
    }
}

/// What becomes of what is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Every earlier layer stays.
    #[default]
    Keep,
    /// Earlier attestations of the predicate types that are added go
    /// (`--replace`). Registries that only let seals grow refuse that.
    ReplacePredicate,
}
