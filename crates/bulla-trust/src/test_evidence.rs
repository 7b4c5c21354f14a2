//! A way to hold [`Verified`] without a proof, for tests of the layers above.
//!
//! Exists only under the feature `test-evidence`, which no product crate may
//! enable: it belongs in `[dev-dependencies]`, and `cargo xtask check` looks.

use bulla_core::{Digest, Identity};
use jiff::Timestamp;

use crate::verified::{Proof, Verified};

/// `claim` as if it had been proven by `proof`.
pub fn verified<T>(claim: T, proof: Proof) -> Verified<T> {
    Verified::new(claim, proof)
}

/// A proof that names `signer`, for an envelope told apart by `label`.
pub fn proof(signer: Identity, label: &str, time: Timestamp) -> Proof {
    Proof {
        signer,
        envelope: Digest::sha256(label.as_bytes()),
        certificate: Digest::sha256(format!("certificate of {label}").as_bytes()),
        key: Digest::sha256(format!("key of {label}").as_bytes()),
        claims: crate::sigstore::CertificateClaims::default(),
        sct: true,
        log: None,
        times: vec![time],
        revocation: Box::default(),
    }
}
