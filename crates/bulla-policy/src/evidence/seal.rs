//! What may prove something about an image, as it was found: a bundle, or a layer
//! of cosign's old layout. One verification for each, one form of what they say.

use bulla_core::{Digest, Statement, statement::predicate_type};
use bulla_trust::{
    Rejection, TrustRoot, Verification, Verified, cosign::Layer, sigstore::UnverifiedBundle,
    verify_attestation,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A seal, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// A Sigstore bundle.
    Bundle(Vec<u8>),
    /// A layer of a `.sig` manifest.
    OldSignature(OldLayer),
    /// A layer of an `.att` manifest.
    OldAttestation(OldLayer),
}

/// A layer of the old layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldLayer {
    /// Its bytes.
    pub payload: Vec<u8>,
    /// What stands beside it in the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl OldLayer {
    fn borrowed(&self) -> Layer<'_> {
        Layer {
            payload: &self.payload,
            annotations: &self.annotations,
        }
    }
}

impl Seal {
    /// How much it is, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Bundle(bytes) => bytes.len(),
            Self::OldSignature(layer) | Self::OldAttestation(layer) => {
                let annotations = layer.annotations.iter();
                let sizes = annotations.map(|(key, value)| key.len() + value.len());
                layer.payload.len() + sizes.sum::<usize>()
            }
        }
    }

    /// By what a verdict cites it.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Bundle(bytes) => Digest::sha256(bytes),
            Self::OldSignature(layer) | Self::OldAttestation(layer) => layer.borrowed().digest(),
        }
    }

    /// The predicate type that it claims, unproven; `None` if it cannot be read.
    pub(super) fn claims(&self) -> Option<String> {
        match self {
            Self::Bundle(bytes) => UnverifiedBundle::parse(bytes)
                .and_then(|bundle| bundle.statement())
                .ok()
                .map(|statement| statement.predicate_type),
            Self::OldSignature(_) => Some(predicate_type::COSIGN_SIGN_V1.into()),
            Self::OldAttestation(layer) => layer.borrowed().claimed_type(),
        }
    }

    /// What it says about `digest`, if that holds under `root` as of `now`, with
    /// the strict demands.
    pub(super) fn verify(
        &self,
        root: &TrustRoot,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Verified<Statement>, Rejection> {
        let strict = Verification::new(root, now);
        match self {
            Self::Bundle(bytes) => verify_attestation(root, bytes, digest, now),
            Self::OldSignature(layer) => strict
                .layer_signature(&layer.borrowed(), digest)
                .map(Verified::into_statement),
            Self::OldAttestation(layer) => strict.layer_attestation(&layer.borrowed(), digest),
        }
    }
}
