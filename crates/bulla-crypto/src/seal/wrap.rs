//! The instance key at rest, where it may not lie in the open: wrapped by a
//! passphrase, or by a key that a device or a key service holds.
//!
//! A passphrase is stretched by scrypt (RFC 7914). A device signs one fixed
//! message with a random salt, and the signature, kept nowhere, becomes the
//! wrapping key through HKDF (RFC 5869): so whatever can sign can hold an
//! instance, without asking for encryption that many do not offer. That needs
//! signatures that come out the same each time: RSA PKCS #1 v1.5 and Ed25519.

use aws_lc_rs::hkdf;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{InstanceKey, SealError};
use crate::{
    key::{Scheme, Signer},
    random,
};

/// Never signed for anything else by whoever keeps to this format.
const CONTEXT: &[u8] = b"bulla instance key v1: this signature opens every key of the instance\n";
/// What the instance key is called when it is itself sealed.
const SLOT: &str = "instance-key";
/// 32 MiB and three passes: what OWASP asks of scrypt at that size.
const STRETCH: Stretch = Stretch {
    log_n: 15,
    r: 8,
    p: 3,
};
/// More than that is a stored file that wants to stop us.
const MAX_STRETCH: Stretch = Stretch {
    log_n: 20,
    r: 16,
    p: 16,
};

/// An instance key that only its holder opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    by: Holder,
    /// 32 bytes in hexadecimal.
    salt: String,
    /// In hexadecimal.
    sealed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Holder {
    Passphrase(Stretch),
    /// The id of the key that signs: its SHA-256.
    Signer(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stretch {
    log_n: u8,
    r: u32,
    p: u32,
}

impl WrappedKey {
    /// Wraps `key` by a passphrase.
    ///
    /// # Errors
    /// [`SealError::Seal`] without randomness.
    pub fn by_passphrase(key: &InstanceKey, passphrase: &[u8]) -> Result<Self, SealError> {
        let salt: [u8; 32] = random::bytes().map_err(|_| SealError::Seal)?;
        Ok(Self {
            by: Holder::Passphrase(STRETCH),
            salt: hex::encode(salt),
            sealed: seal(&stretch(passphrase, &salt, STRETCH)?, key)?,
        })
    }

    /// Wraps `key` by whoever can sign with `signer`.
    ///
    /// # Errors
    /// [`SealError::Varies`] for a key whose signatures differ each time,
    /// [`SealError::Holder`] if it does not sign.
    pub fn by_signer(key: &InstanceKey, signer: &dyn Signer) -> Result<Self, SealError> {
        let salt: [u8; 32] = random::bytes().map_err(|_| SealError::Seal)?;
        let kek = derive(signer, &salt)?;
        // Before anything depends on it: does it come out the same again?
        if kek.bytes != derive(signer, &salt)?.bytes {
            return Err(SealError::Varies(signer.scheme()));
        }
        Ok(Self {
            by: Holder::Signer(signer.public().id().hex().to_owned()),
            salt: hex::encode(salt),
            sealed: seal(&kek, key)?,
        })
    }

    /// Opens what [`Self::by_passphrase`] made.
    ///
    /// # Errors
    /// [`SealError::Passphrase`] if it is another one,
    /// [`SealError::OtherHolder`] if no passphrase opens it.
    pub fn open_by_passphrase(&self, passphrase: &[u8]) -> Result<InstanceKey, SealError> {
        let Holder::Passphrase(work) = &self.by else {
            return Err(self.other_holder());
        };
        let sane = work.log_n > 0 && work.r > 0 && work.p > 0;
        let bounded =
            work.log_n <= MAX_STRETCH.log_n && work.r <= MAX_STRETCH.r && work.p <= MAX_STRETCH.p;
        if !sane || !bounded {
            return Err(SealError::Open);
        }
        let kek = stretch(passphrase, &self.salt()?, *work)?;
        self.open(&kek).map_err(|_| SealError::Passphrase)
    }

    /// Opens what [`Self::by_signer`] made.
    ///
    /// # Errors
    /// [`SealError::OtherHolder`] if it was wrapped by another key,
    /// [`SealError::Holder`] if the key does not sign, [`SealError::Open`].
    pub fn open_by_signer(&self, signer: &dyn Signer) -> Result<InstanceKey, SealError> {
        match &self.by {
            Holder::Signer(id) if id == signer.public().id().hex() => {
                self.open(&derive(signer, &self.salt()?)?)
            }
            _ => Err(self.other_holder()),
        }
    }

    /// Who opens it, in words.
    pub fn holder(&self) -> String {
        match &self.by {
            Holder::Passphrase(_) => "a passphrase".into(),
            Holder::Signer(id) => {
                format!("the key with the id {}", id.get(..12).unwrap_or(id))
            }
        }
    }

    fn salt(&self) -> Result<[u8; 32], SealError> {
        let mut salt = [0; 32];
        hex::decode_to_slice(&self.salt, &mut salt).map_err(|_| SealError::Open)?;
        Ok(salt)
    }

    fn other_holder(&self) -> SealError {
        SealError::OtherHolder(self.holder())
    }

    fn open(&self, kek: &InstanceKey) -> Result<InstanceKey, SealError> {
        let sealed = hex::decode(&self.sealed).map_err(|_| SealError::Open)?;
        let bytes = Zeroizing::new(kek.open(SLOT, &sealed)?);
        let bytes = bytes.as_slice().try_into().map_err(|_| SealError::Open)?;
        Ok(InstanceKey {
            bytes: Zeroizing::new(bytes),
        })
    }
}

fn seal(kek: &InstanceKey, key: &InstanceKey) -> Result<String, SealError> {
    kek.seal(SLOT, key.bytes.as_slice()).map(hex::encode)
}

fn stretch(passphrase: &[u8], salt: &[u8], work: Stretch) -> Result<InstanceKey, SealError> {
    let parameters = scrypt::Params::new(work.log_n, work.r, work.p, 32);
    let parameters = parameters.map_err(|_| SealError::Open)?;
    let mut bytes = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase, salt, &parameters, bytes.as_mut_slice())
        .map_err(|_| SealError::Open)?;
    Ok(InstanceKey { bytes })
}

fn derive(signer: &dyn Signer, salt: &[u8; 32]) -> Result<InstanceKey, SealError> {
    match signer.scheme() {
        Scheme::Ed25519 | Scheme::Rsa2048 | Scheme::Rsa3072 | Scheme::Rsa4096 => {}
        other => return Err(SealError::Varies(other)),
    }
    let message = [CONTEXT, salt].concat();
    let signature = Zeroizing::new(signer.sign(&message).map_err(SealError::Holder)?);
    let mut bytes = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(&signature)
        .expand(&[CONTEXT], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(bytes.as_mut_slice()))
        .map_err(|_| SealError::Seal)?;
    Ok(InstanceKey { bytes })
}

#[cfg(test)]
mod tests;
