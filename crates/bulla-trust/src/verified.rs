//! Proof-carrying types: a claim together with how it was proven.
//!
//! [`Verified`] has no public constructor and cannot be deserialized: whoever
//! holds one got it from a verification of this crate, in this process.

use bulla_core::{Code, Digest, Identity};
use jiff::Timestamp;
use serde::Serialize;

/// A claim that was proven, with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified<T> {
    claim: T,
    proof: Proof,
}

impl<T> Verified<T> {
    pub(crate) fn new(claim: T, proof: Proof) -> Self {
        Self { claim, proof }
    }

    /// What is claimed.
    pub fn claim(&self) -> &T {
        &self.claim
    }

    /// How it is proven.
    pub fn proof(&self) -> &Proof {
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
    /// Inclusion in a transparency log.
    pub log: Option<LogProof>,
    /// Every time that was proven: timestamps, and a log's signed time.
    pub times: Vec<Timestamp>,
}

/// Inclusion in a transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogProof {
    /// The log's name: its checkpoint origin or base URL.
    pub log: String,
    /// The entry's index.
    pub index: u64,
    /// The tree size of the checkpoint that proves it.
    pub tree_size: u64,
}

/// Why a claim was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
