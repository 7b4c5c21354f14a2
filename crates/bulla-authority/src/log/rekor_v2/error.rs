//! Why a request is not logged: of Rekor v2, and of version 1 for what both refuse.

use bulla_core::{Code, Diagnose};

/// Why a request is not logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The digest does not fit the key's hash.
    #[error("the digest has not the length of the hash that goes with the key")]
    Digest,
    /// Neither kind, or both.
    #[error("invalid type, must be hashedrekord or dsse")]
    Kind,
    /// The key is not what the request says.
    #[error("the key details do not name the kind of the key")]
    KeyDetails,
    /// Not the JSON that is expected.
    #[error("the request is not a log entry in JSON")]
    Malformed,
    /// Wrong signature.
    #[error("the signature could not be verified with the key or certificate")]
    Signature,
    /// The entry is too long.
    #[error("the entry is longer than 65535 bytes")]
    TooLarge,
    /// Too many at once.
    #[error("at most ten entries can be asked for at once")]
    TooMany,
    /// The key or certificate.
    #[error("the verifier is not one key or certificate of a supported kind")]
    Verifier,
}

impl Diagnose for RequestError {
    fn code(&self) -> Code {
        match self {
            Self::Digest => Code("AUTH-0030"),
            Self::Kind => Code("AUTH-0031"),
            Self::KeyDetails => Code("AUTH-0032"),
            Self::Malformed => Code("AUTH-0033"),
            Self::Signature => Code("AUTH-0034"),
            Self::TooLarge => Code("AUTH-0035"),
            Self::TooMany => Code("AUTH-0036"),
            Self::Verifier => Code("AUTH-0037"),
        }
    }
}

impl From<RequestError> for crate::error::AuthorityError {
    fn from(_: RequestError) -> Self {
        Self::Damaged {
            what: "genesis entry".into(),
        }
    }
}
