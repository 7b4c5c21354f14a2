//! Sigstore bundles: what is read, what is proven, how new ones are made.
//!
//! One engine judges bundles and cosign's old layout alike. Parsing, CMS and
//! X.509 paths are the `sigstore-*` crates' and `webpki`'s; which checks are
//! made, in which order, and against what, is written here, because the core of
//! those crates knows fewer keys and asks the clock itself. Their core is the
//! other opinion in our tests. Nothing of them appears in the interface.

mod binding;
pub mod bundle;
mod chain;
pub mod create;
pub(crate) mod engine;
pub(crate) mod evidence;
pub mod failure;
pub mod identity;
pub mod inspect;
pub(crate) mod key;
mod log;
pub mod make;
pub mod requirements;
pub mod sct;
mod stamp;
mod time;
pub mod upgrade;
mod verify;
pub mod witness;

pub use bundle::{BundleKind, UnverifiedBundle};
pub use failure::Failure;
pub use identity::{
    Anchoring, CertificateClaims, Claim, IdentityExpectation, Matcher, PatternError,
};
pub use make::{MakeError, Material};
pub use requirements::{Demand, Requirements, TimeDemand};
pub use stamp::carries_its_signer;
pub use verify::{
    Artifact, AsBundle, Blob, Verification, verify_attestation, verify_attestation_with_key,
    verify_blob, verify_blob_with_key, verify_signature,
};
pub use witness::{WitnessError, WitnessKey, WitnessQuorum};
