//! Keys, X.509 profiles, timestamps, SCTs, Merkle trees and checkpoints.
//!
//! Pure functions over bytes and a clock: nothing here opens a file or a
//! socket, and nothing here decides whether a signer is trusted.

pub mod checkpoint;
pub mod cosignature;
pub mod ct_leaf;
pub mod key;
pub mod merkle;
pub mod note;
pub mod otp;
pub mod random;
pub mod sct;
pub mod seal;
pub mod timestamp;
pub mod verifier_key;
pub mod x509;

pub use key::{Hash, KeyError, PublicKey, Scheme, Signer, SigningKey, Weakness};
