//! Sigstore bundles: what is read, what is proven, how new ones are made.
//!
//! The cryptographic core is the `sigstore-verify` crate. Around it stand our
//! own types and the checks it leaves to its caller: limits, one name per
//! certificate, whose log it is, times that lie ahead of `now`, the statement
//! that we hand out being the one whose subject was compared. Nothing of that
//! crate appears in the interface.

pub mod bundle;
pub mod create;
mod diagnosis;
pub mod failure;
pub mod identity;
pub mod inspect;
mod log;
pub mod make;
pub mod upgrade;
mod verify;

pub use bundle::{BundleKind, UnverifiedBundle};
pub use failure::Failure;
pub use crate::cosign::{Requirements, Verification};
pub use identity::{
    Anchoring, CertificateClaims, Claim, IdentityExpectation, Matcher, PatternError,
};
pub use make::{MakeError, Material};
pub use verify::{
    Artifact, Blob, verify_attestation, verify_attestation_with_key, verify_blob,
    verify_blob_with_key, verify_signature,
};
