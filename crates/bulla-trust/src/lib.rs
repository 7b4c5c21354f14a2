//! Trust roots, and the only place where untrusted bytes become [`Verified`].
//!
//! Layers below parse; layers above judge. A failed verification is a
//! [`Rejection`], which a policy can weigh and a person can read; an `Err`
//! means that verification could not be done at all.
//!
//! Nothing here does I/O or asks the clock: bytes and `now` come in.

pub mod cosign;
pub mod dsse;
pub mod jwt;
pub mod predicate;
pub mod report;
pub mod revocation;
pub mod root;
pub mod sigstore;
pub mod threshold;
pub mod tuf;
pub mod verified;

pub use predicate::{Predicate, PredicateType};
pub use report::{ArtifactReport, Report};
pub use revocation::Revocations;
pub use root::TrustRoot;
pub use sigstore::{
    Blob, IdentityExpectation, Requirements, Verification, verify_attestation, verify_blob,
};
pub use threshold::{Tally, Threshold};
pub use verified::{Cited, KeyProof, LogProof, Proof, Rejection, Verified};

#[cfg(feature = "test-evidence")]
pub mod test_evidence;
