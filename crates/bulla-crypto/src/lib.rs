//! Keys, X.509 profiles, timestamps, SCTs, Merkle trees and checkpoints.
//!
//! Pure functions over bytes and a clock: nothing here opens a file or a
//! socket, and nothing here decides whether a signer is trusted.

pub mod key;

pub use key::{KeyError, PublicKey, Scheme, SigningKey};
