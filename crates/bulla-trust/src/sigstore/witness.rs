//! Witness cosignatures on checkpoints: k of n named witnesses.
//!
//! C2SP tlog-cosignature v1, Ed25519 (signature type 0x04). A witness signs the
//! checkpoint together with the time at which it saw it to be consistent with
//! every earlier one. Only witnesses that the caller names count, each once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};
use bulla_crypto::PublicKey;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use sigstore_types::{Checkpoint, CheckpointSignature};

use super::Failure;

/// The signature type of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 4;
/// Everything before the key in an Ed25519 SubjectPublicKeyInfo.
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// Witnesses in one quorum.
const WITNESSES: usize = 64;

/// A witness: its name and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    hint: [u8; 4],
    key: PublicKey,
}

impl WitnessKey {
    /// Reads a verifier key, `NAME+HASH+BASE64`, of type 0x04.
    ///
    /// # Errors
    /// [`WitnessError::Key`] if it is none, or its hash does not fit.
    pub fn parse(text: &str) -> Result<Self, WitnessError> {
        let wrong = |detail: &'static str| WitnessError::Key {
            text: text.chars().take(120).collect(),
            detail,
        };
        let (name, rest) = text.split_once('+').ok_or_else(|| wrong("has no +"))?;
        let (hash, key) = rest
            .split_once('+')
            .ok_or_else(|| wrong("has one + only"))?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(wrong("has no name, or spaces in it"));
        }
        let typed = STANDARD.decode(key).map_err(|_| wrong("is no base64"))?;
        let Some((&COSIGNATURE, raw)) = typed.split_first() else {
            return Err(wrong("is not of the type of cosignatures, 4"));
        };
        let id = Sha256::new()
            .chain_update(name)
            .chain_update(b"\n")
            .chain_update(&typed)
            .finalize();
        let hint: [u8; 4] = hex::decode(hash)
            .ok()
            .and_then(|hash| hash.try_into().ok())
            .ok_or_else(|| wrong("has no hash of eight hex digits"))?;
        if !id.starts_with(&hint) {
            return Err(wrong("has a hash that does not fit name and key"));
        }
        let key = PublicKey::from_spki_der(&[&ED25519_SPKI[..], raw].concat())
            .map_err(|_| wrong("is not an Ed25519 key"))?;
        Ok(Self {
            name: name.to_owned(),
            hint,
            key,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn signed(
        &self,
        checkpoint: &Checkpoint,
        line: &CheckpointSignature,
        latest: Timestamp,
    ) -> bool {
        let Some((time, signature)) = line.signature.as_bytes().split_first_chunk::<8>() else {
            return false;
        };
        let time = u64::from_be_bytes(*time);
        let in_time = i64::try_from(time).is_ok_and(|time| time <= latest.as_second());
        if line.name != self.name || *line.key_id.as_bytes() != self.hint || !in_time {
            return false;
        }
        let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
        message.extend_from_slice(checkpoint.signed_data());
        self.key.verify(&message, signature).is_ok()
    }
}

impl Serialize for WitnessKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// Which witnesses must have seen a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WitnessQuorum {
    witnesses: Vec<WitnessKey>,
    threshold: usize,
}

impl WitnessQuorum {
    /// At least `threshold` of `witnesses`.
    ///
    /// # Errors
    /// [`WitnessError::Quorum`] if it asks for none or for more than there are,
    /// or names one twice: by its name or by its key.
    pub fn new(witnesses: Vec<WitnessKey>, threshold: usize) -> Result<Self, WitnessError> {
        let wrong = |detail: String| Err(WitnessError::Quorum { detail });
        if threshold == 0 || threshold > witnesses.len() || witnesses.len() > WITNESSES {
            return wrong(format!("{threshold} of {} witnesses", witnesses.len()));
        }
        for (at, one) in witnesses.iter().enumerate() {
            let mut before = witnesses.iter().take(at);
            if before.any(|other| other.name == one.name || other.key == one.key) {
                return wrong(format!("{} counts twice", one.name));
            }
        }
        Ok(Self {
            witnesses,
            threshold,
        })
    }

    /// The names of the witnesses that signed.
    ///
    /// # Errors
    /// [`Failure::Witnesses`] if they are too few.
    pub(super) fn check(
        &self,
        checkpoint: &Checkpoint,
        latest: Timestamp,
    ) -> Result<Vec<String>, Failure> {
        let found: Vec<String> = self
            .witnesses
            .iter()
            .filter(|witness| {
                let mut lines = checkpoint.signatures().iter();
                lines.any(|line| witness.signed(checkpoint, line, latest))
            })
            .map(|witness| witness.name.clone())
            .collect();
        if found.len() < self.threshold {
            return Err(Failure::Witnesses {
                found: found.len(),
                demanded: self.threshold,
            });
        }
        Ok(found)
    }

    /// The failure of a quorum where there is no checkpoint.
    pub(super) fn missing(&self) -> Failure {
        Failure::Witnesses {
            found: 0,
            demanded: self.threshold,
        }
    }
}

/// Why witnesses cannot be asked for like this.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Not the key of a witness.
    #[error("the witness key {text:?} {detail}")]
    Key {
        /// As given, shortened.
        text: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// Not a quorum.
    #[error("this is no quorum of witnesses: {detail}")]
    Quorum {
        /// What is wrong.
        detail: String,
    },
}

impl Diagnose for WitnessError {
    fn code(&self) -> Code {
        match self {
            Self::Key { .. } => Code("TRUST-0610"),
            Self::Quorum { .. } => Code("TRUST-0611"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Key { .. } => {
                "a witness publishes its key as NAME+HASH+BASE64; see its own pages".into()
            }
            Self::Quorum { .. } => "name each witness once, and ask for one at least".into(),
        })
    }
}

#[cfg(test)]
mod tests;
