//! Sealing of private keys at rest: AES-256-GCM under one instance key.
//!
//! A sealed slot is `BSK1`, a 12-byte random nonce, then the ciphertext with its
//! tag. The slot's name is authenticated, so one slot cannot stand in for
//! another. Where the instance key itself is kept is not decided here; [`WrappedKey`]
//! is its form where it may not lie in the open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use bulla_core::{Code, Diagnose};

use zeroize::Zeroizing;

use crate::{
    key::{KeyError, Scheme},
    random,
};

mod wrap;

pub use wrap::WrappedKey;

const MAGIC: &[u8; 4] = b"BSK1";
const NONCE_BYTES: usize = 12;

/// The key that seals every other key of an instance. It has no `Debug` form.
pub struct InstanceKey {
    bytes: Zeroizing<[u8; 32]>,
}

impl InstanceKey {
    /// A new key.
    ///
    /// # Errors
    /// If the operating system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self {
            bytes: Zeroizing::new(random::bytes()?),
        })
    }

    /// Reads the hexadecimal form that [`Self::to_text`] writes.
    ///
    /// # Errors
    /// [`SealError::InstanceKey`] if it is not 32 bytes of hexadecimal.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| SealError::InstanceKey)?;
        Ok(Self { bytes })
    }

    /// The form for the one file that holds it (mode 0600).
    pub fn to_text(&self) -> String {
        format!("{}\n", hex::encode(*self.bytes))
    }

    /// Seals `secret` for the slot called `slot`.
    ///
    /// # Errors
    /// [`SealError::Seal`] if the operating system gives no randomness.
    pub fn seal(&self, slot: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = secret.to_vec();
        let nonce = self
            .cipher()?
            .seal_in_place_append_tag(associated_data(slot), &mut body)
            .map_err(|_| SealError::Seal)?;
        Ok([MAGIC, nonce.as_ref().as_slice(), &body].concat())
    }

    /// Opens what [`Self::seal`] made for the same slot.
    ///
    /// # Errors
    /// [`SealError::Open`] if it was sealed by another key, for another slot, or changed.
    pub fn open(&self, slot: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let body = sealed.strip_prefix(MAGIC).ok_or(SealError::Open)?;
        let (nonce, body) = body.split_at_checked(NONCE_BYTES).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut body = body.to_vec();
        let secret = self
            .cipher()?
            .open_in_place(nonce, associated_data(slot), &mut body)
            .map_err(|_| SealError::Open)?;
        Ok(secret.to_vec())
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.bytes.as_slice())
            .map_err(|_| SealError::InstanceKey)
    }
}

fn associated_data(slot: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("bulla key slot v1\0{slot}").into_bytes())
}

/// What can go wrong with sealing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The instance key is malformed.
    #[error("the instance key is not 32 bytes of hexadecimal")]
    InstanceKey,
    /// Wrong key, wrong slot, or changed bytes.
    #[error("a sealed key does not open: another instance key sealed it, or it was changed")]
    Open,
    /// The device or service that holds the wrapping key.
    #[error("the key that opens the instance did not sign: {0}")]
    Holder(KeyError),
    /// Wrapped by something else.
    #[error("the instance key is kept by {0}, not by what the configuration names")]
    OtherHolder(String),
    /// Wrong passphrase.
    #[error("the passphrase does not open the instance key")]
    Passphrase,
    /// A key whose signatures differ each time.
    #[error("{0:?} cannot keep an instance key: its signatures differ each time")]
    Varies(Scheme),
    /// No randomness.
    #[error("a key could not be sealed: the operating system gives no randomness")]
    Seal,
}

impl Diagnose for SealError {
    fn code(&self) -> Code {
        match self {
            Self::InstanceKey => Code("CRYPTO-0060"),
            Self::Open => Code("CRYPTO-0061"),
            Self::Seal => Code("CRYPTO-0062"),
            Self::Holder(_) => Code("CRYPTO-0063"),
            Self::OtherHolder(_) => Code("CRYPTO-0064"),
            Self::Passphrase => Code("CRYPTO-0065"),
            Self::Varies(_) => Code("CRYPTO-0066"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Holder(_) => {
                "see that the device or key service answers, and that its PIN or login is right"
            }
            Self::OtherHolder(_) => "name that in [key] of the configuration",
            Self::Passphrase => {
                "put the passphrase of the first start into the file that [key] names"
            }
            Self::Varies(_) => "name an RSA or Ed25519 key in [key]",
            _ => "restore the instance's keys/ folder from its backup as a whole",
        };
        Some(hint.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_the_same_slot_under_the_same_key() {
        let key = InstanceKey::generate().unwrap();
        let sealed = key.seal("log", b"secret").unwrap();
        assert_eq!(key.open("log", &sealed).unwrap(), b"secret");
        assert!(key.open("ca", &sealed).is_err());
        assert!(
            InstanceKey::generate()
                .unwrap()
                .open("log", &sealed)
                .is_err()
        );
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(key.open("log", &changed).is_err(), "byte {position}");
        }
        let again = InstanceKey::parse(&key.to_text()).unwrap();
        assert_eq!(again.open("log", &sealed).unwrap(), b"secret");
        assert!(InstanceKey::parse("00ff").is_err());
    }
}
