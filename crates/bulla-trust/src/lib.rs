//! Trust roots, and the only place where untrusted bytes become [`Verified`].
//!
//! Layers below parse; layers above judge. A failed verification is a
//! [`Rejection`], which a policy can weigh and a person can read; an `Err`
//! means that verification could not be done at all.

pub mod verified;

pub use verified::{LogProof, Proof, Rejection, Verified};

#[cfg(feature = "test-evidence")]
pub mod test_evidence;
