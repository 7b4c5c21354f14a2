//! Witness cosignatures on checkpoints: k of n named witnesses.
//!
//! C2SP tlog-cosignature v1, Ed25519 (signature type 0x04). A witness signs the
//! checkpoint together with the time at which it saw it to be consistent with
//! every earlier one. Only witnesses that the caller names count, each once.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{
    cosignature,
    note::NoteSignature,
    verifier_key::{Kind, VerifierKey},
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sigstore_types::{Checkpoint, CheckpointSignature};

use super::Failure;

/// Witnesses in one quorum.
const WITNESSES: usize = 64;

/// A witness: its name and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey(VerifierKey);

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
        let key = VerifierKey::parse(text).map_err(|error| wrong(error.detail()))?;
        match key.kind() {
            Kind::Cosignature => Ok(Self(key)),
            _ => Err(wrong("is not of the type of cosignatures, 4")),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    fn signed(
        &self,
        checkpoint: &Checkpoint,
        line: &CheckpointSignature,
        latest: Timestamp,
    ) -> bool {
        if line.name != self.name() || *line.key_id.as_bytes() != self.0.id() {
            return false;
        }
        let line = NoteSignature {
            name: line.name.clone(),
            key_id: self.0.id(),
            signature: line.signature.as_bytes().to_vec(),
        };
        std::str::from_utf8(checkpoint.signed_data())
            .ok()
            .and_then(|text| cosignature::verify(text, &line, self.0.key()).ok())
            .and_then(|time| i64::try_from(time).ok())
            .is_some_and(|time| time <= latest.as_second())
    }
}

impl Serialize for WitnessKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
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
            if before.any(|other| other.name() == one.name() || other.0.key() == one.0.key()) {
                return wrong(format!("{} counts twice", one.name()));
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
            .map(|witness| witness.name().to_owned())
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
