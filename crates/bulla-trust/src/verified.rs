//! Proof-carrying types: a claim together with how it was proven.
//!
//! [`Verified`] has no public constructor and cannot be deserialized: whoever
//! holds one got it from a verification of this crate, in this process.

use bulla_core::{Code, Diagnose, Digest, Identity};
use jiff::Timestamp;
use serde::Serialize;

use crate::{revocation::Heeded, sigstore::CertificateClaims};

/// A claim that was proven, with its proof: by default that of a certificate,
/// or a [`KeyProof`] where a key that the caller named made the signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified<T, P = Proof> {
    claim: T,
    proof: P,
}

impl<T, P> Verified<T, P> {
    pub(crate) fn new(claim: T, proof: P) -> Self {
        Self { claim, proof }
    }

    /// The same proof of the same claim in another form.
    pub(crate) fn map<U>(self, form: impl FnOnce(T) -> U) -> Verified<U, P> {
        Verified::new(form(self.claim), self.proof)
    }

    /// What is claimed.
    pub fn claim(&self) -> &T {
        &self.claim
    }

    /// How it is proven.
    pub fn proof(&self) -> &P {
        &self.proof
    }
}

/// How a claim was proven: signer, envelope, log and times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Who signed, under which root.
    pub signer: Identity,
    /// SHA-256 of the bundle's bytes: what a stored verdict cites.
    pub envelope: Digest,
    /// SHA-256 of the signing certificate (DER).
    pub certificate: Digest,
    /// SHA-256 of its key (DER SubjectPublicKeyInfo): two names with one key are
    /// one signer.
    pub key: Digest,
    /// What the certificate says beside the name.
    #[serde(skip_serializing_if = "CertificateClaims::is_empty")]
    pub claims: CertificateClaims,
    /// Whether the certificate itself is proven to have been logged.
    pub sct: bool,
    /// Inclusion in a transparency log.
    pub log: Option<LogProof>,
    /// Every time that was proven: timestamps, and a log's signed time.
    pub times: Vec<Timestamp>,
    /// What is known of revocations.
    #[serde(flatten)]
    pub revocation: Box<Heeded>,
}

/// How a claim was proven with a key that the caller named: a key is nobody's
/// identity, so this is a type of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyProof {
    /// SHA-256 of the key (DER SubjectPublicKeyInfo).
    pub key: Digest,
    /// SHA-256 of the bundle's bytes.
    pub envelope: Digest,
    /// Inclusion in a transparency log.
    pub log: Option<LogProof>,
    /// Every time that was proven; may be empty.
    pub times: Vec<Timestamp>,
    /// What is known of revocations.
    #[serde(flatten)]
    pub revocation: Box<Heeded>,
}

/// A proof that cites the bundle it was made from.
pub trait Cited {
    /// SHA-256 of the bundle's bytes.
    fn envelope(&self) -> &Digest;
}

impl Cited for Proof {
    fn envelope(&self) -> &Digest {
        &self.envelope
    }
}

impl Cited for KeyProof {
    fn envelope(&self) -> &Digest {
        &self.envelope
    }
}

/// Inclusion in a transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogProof {
    /// The log's name: its checkpoint origin or base URL.
    pub log: String,
    /// The entry's index.
    pub index: u64,
    /// The tree size of the checkpoint that proves it; 0 where the log only
    /// promised inclusion (bundles of version 0.1).
    pub tree_size: u64,
    /// The demanded witnesses that signed the checkpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<String>,
}

/// Why a claim was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{text}")]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// What was compared with what, and the nearest miss.
    pub text: String,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The rejected bundle, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Digest>,
}

impl Rejection {
    /// How far it is from an acceptance, to tell the nearest miss first: the right
    /// signer who said something else, then the right name under another root or
    /// issuer, then what did not verify, and last somebody else.
    pub fn distance(&self) -> u8 {
        match self.code.0 {
            "TRUST-0033" => 0,
            "TRUST-0702" => 0,
            "TRUST-0800" | "TRUST-0801" => 0,
            "TRUST-0042" => 1,
            "TRUST-0041" => 2,
            "TRUST-0040" => 4,
            _ => 3,
        }
    }

    /// Whether it is no denial: the signature holds, and whether its signer is
    /// revoked cannot be said.
    pub fn is_undecidable(&self) -> bool {
        self.code.0 == "TRUST-0801"
    }

    /// A rejection without a bundle.
    pub(crate) fn because(cause: &impl Diagnose) -> Self {
        Self {
            code: cause.code(),
            text: cause.to_string(),
            hint: cause.hint(),
            envelope: None,
        }
    }

    /// Says which bundle was rejected.
    #[must_use]
    pub(crate) fn of(mut self, envelope: &Digest) -> Self {
        self.envelope = Some(envelope.clone());
        self
    }
}

impl Diagnose for Rejection {
    fn code(&self) -> Code {
        self.code
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
