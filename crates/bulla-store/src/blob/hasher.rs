//! Hashing under the algorithm that a digest names.

use bulla_core::{Digest, digest::Algorithm};
use sha2::Digest as _;

/// A running hash.
pub(super) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            _ => Self::Sha256(sha2::Sha256::new()),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha384(_) => Algorithm::Sha384,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest so far; `None` only if hex ever failed to be a digest.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Sha256(state) => Some(Digest::from_sha256(state.clone().finalize().into())),
            Self::Sha384(state) => {
                let hex = hex::encode(state.clone().finalize());
                format!("sha384:{hex}").parse().ok()
            }
            Self::Sha512(state) => {
                let hex = hex::encode(state.clone().finalize());
                format!("sha512:{hex}").parse().ok()
            }
        }
    }
}
