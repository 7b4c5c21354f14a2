//! Signing and public keys: every kind that Sigstore's clients use, one
//! [`Scheme`] each.
//!
//! Keys are read from their files ([`mod@file`]), sign as a [`Signer`], and verify
//! as a [`PublicKey`]. Keys that a device or service holds are `bulla-net`'s; they
//! implement [`Signer`] too.

use bulla_core::{Code, Diagnose};

pub mod file;
mod hash;
mod pem;
mod prehashed;
mod private;
mod public;
mod scheme;
mod signer;
mod weakness;

pub use hash::Hash;
pub use private::SigningKey;
pub use public::PublicKey;
pub use scheme::Scheme;
pub use signer::Signer;
pub use weakness::Weakness;

/// What can go wrong with a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// What a device or service said that holds the key.
    #[error("{0}")]
    Elsewhere(Box<dyn Diagnose + Send + Sync>),
    /// No randomness.
    #[error("no key could be generated: the operating system gives no randomness")]
    Generate,
    /// Not a private key we can use.
    #[error(
        "this is not an unencrypted private key of ECDSA P-256, P-384 or P-521, Ed25519, or RSA \
         with 2048, 3072 or 4096 bits"
    )]
    Private,
    /// Not a public key we can use.
    #[error(
        "this is not a public key of ECDSA P-256, P-384 or P-521, Ed25519, or RSA with 2048, \
         3072 or 4096 bits"
    )]
    Public,
    /// A scheme for another kind of key.
    #[error("a key for {} cannot sign or verify by {}", key.sigstore_name(), wanted.sigstore_name())]
    Scheme {
        /// The scheme that the key has.
        key: Scheme,
        /// The one that was asked for.
        wanted: Scheme,
    },
    /// No randomness.
    #[error("signing failed: the operating system gives no randomness")]
    Sign,
    /// Wrong signature.
    #[error("the signature is not by this key over these bytes")]
    Signature,
}

impl Diagnose for KeyError {
    fn code(&self) -> Code {
        match self {
            Self::Elsewhere(error) => error.code(),
            Self::Generate => Code("CRYPTO-0001"),
            Self::Private => Code("CRYPTO-0002"),
            Self::Public => Code("CRYPTO-0003"),
            Self::Scheme { .. } => Code("CRYPTO-0100"),
            Self::Sign => Code("CRYPTO-0004"),
            Self::Signature => Code("CRYPTO-0005"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Elsewhere(error) => error.hint(),
            Self::Private => Some(
                "read an encrypted or foreign key file with `bulla import-key-pair --key FILE`"
                    .into(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
