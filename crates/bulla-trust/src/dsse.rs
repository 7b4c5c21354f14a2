//! DSSE: reading, making and checking envelopes with one signature.
//!
//! <https://github.com/secure-systems-lab/dsse>, protocol version 1. An
//! envelope inside a Sigstore bundle carries exactly one signature, because the
//! bundle's certificate, timestamps and log entries vouch for one; this module
//! holds every envelope to that. Key ids are hints and decide nothing.

use bulla_core::{
    Code, Diagnose, Envelope, Statement,
    descriptor::media_type,
    envelope::EnvelopeSignature,
    limits::{self, LimitError},
};
use bulla_crypto::{KeyError, PublicKey, SigningKey};

/// Reads an envelope of bounded size that has exactly one signature.
///
/// # Errors
/// [`DsseError::Malformed`] or [`DsseError::SignatureCount`].
pub fn parse(bytes: &[u8]) -> Result<Envelope, DsseError> {
    let envelope: Envelope = limits::parse_json(bytes, limits::BUNDLE_BYTES, "DSSE envelope")?;
    signature(&envelope)?;
    Ok(envelope)
}

/// Signs a statement: the payload is its JSON, kept as it is from here on.
///
/// # Errors
/// [`DsseError::Encode`], or [`DsseError::Key`] if the key cannot sign.
pub fn sign_statement(statement: &Statement, key: &SigningKey) -> Result<Envelope, DsseError> {
    let payload = serde_json::to_vec(statement).map_err(DsseError::Encode)?;
    sign(media_type::IN_TOTO, payload, key)
}

/// Signs a payload.
///
/// # Errors
/// [`DsseError::Key`] if the key cannot sign.
pub fn sign(payload_type: &str, payload: Vec<u8>, key: &SigningKey) -> Result<Envelope, DsseError> {
    let mut envelope = Envelope {
        payload,
        payload_type: payload_type.to_owned(),
        signatures: Vec::new(),
    };
    let sig = key.sign(&envelope.pre_authentication_encoding())?;
    envelope.signatures.push(EnvelopeSignature {
        sig,
        keyid: String::new(),
    });
    Ok(envelope)
}

/// Checks the one signature of an envelope with `key`. It says nothing about
/// whom the key belongs to.
///
/// # Errors
/// [`DsseError::SignatureCount`], or [`DsseError::Key`] for a wrong signature.
pub fn check(envelope: &Envelope, key: &PublicKey) -> Result<(), DsseError> {
    let signature = signature(envelope)?;
    Ok(key.verify(&envelope.pre_authentication_encoding(), &signature.sig)?)
}

/// The one signature of an envelope.
///
/// # Errors
/// [`DsseError::SignatureCount`] if it has none, or several.
pub fn signature(envelope: &Envelope) -> Result<&EnvelopeSignature, DsseError> {
    match envelope.signatures.as_slice() {
        [signature] => Ok(signature),
        other => Err(DsseError::SignatureCount { count: other.len() }),
    }
}

/// What can be wrong with an envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DsseError {
    /// The payload could not be written.
    #[error("the statement cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// A key that cannot sign, or a signature that is not by the key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Too large, too deep, or not an envelope.
    #[error(transparent)]
    Malformed(#[from] LimitError),
    /// Not exactly one signature.
    #[error("the envelope has {count} signatures, and must have exactly one")]
    SignatureCount {
        /// How many it has.
        count: usize,
    },
}

impl Diagnose for DsseError {
    fn code(&self) -> Code {
        match self {
            Self::Encode(_) => Code("TRUST-0101"),
            Self::Key(_) => Code("TRUST-0102"),
            Self::Malformed(_) => Code("TRUST-0103"),
            Self::SignatureCount { .. } => Code("TRUST-0104"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::SignatureCount { .. } => {
                Some("store each signature in a bundle of its own".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
