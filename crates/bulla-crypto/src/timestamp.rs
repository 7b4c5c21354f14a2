//! Timestamps of RFC 3161: queries in, signed tokens out.
//!
//! SHA-256, SHA-384 and SHA-512 imprints only. The signer's certificate is named
//! by ESSCertIDv2 (RFC 5816) and included only if the query asks for it.
//! Extensions in a query are refused, as §2.4.1 wants for unknown ones.
//! Checking tokens is the business of `bulla-trust`.

mod query;
mod reply;

use bulla_core::{Code, Diagnose};

use crate::{key::KeyError, x509::X509Error};

pub use query::{TimestampQuery, parse_timestamp_query, parse_timestamp_query_json};
pub use reply::{DEFAULT_POLICY, TimestampSigner};

/// What can go wrong with a timestamp.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// A hash function that is not known.
    #[error("the imprint is not a SHA-256, SHA-384 or SHA-512 hash")]
    Algorithm,
    /// Encoding failed.
    #[error("the timestamp could not be encoded: {0}")]
    Encode(der::Error),
    /// The query has extensions.
    #[error("the timestamp query has extensions, and none is known here")]
    Extension,
    /// An imprint of another length than its hash function gives.
    #[error("the imprint has not the length of its hash function")]
    Imprint,
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not a query.
    #[error("this is not a timestamp query of RFC 3161")]
    Malformed,
    /// Another policy was asked for.
    #[error("timestamps are not given under the policy {0}")]
    Policy(String),
    /// The key cannot sign timestamps.
    #[error("timestamps are signed with ECDSA P-256 or P-384")]
    Scheme,
    /// SHA-1, which nobody should stamp any more.
    #[error("the imprint is a SHA-1 hash, which is too weak")]
    Weak,
    /// The certificate.
    #[error(transparent)]
    X509(#[from] X509Error),
}

impl TimestampError {
    /// Whether the query is at fault, rather than whoever answers it.
    pub fn is_of_the_query(&self) -> bool {
        matches!(
            self,
            Self::Algorithm
                | Self::Extension
                | Self::Imprint
                | Self::Malformed
                | Self::Policy(_)
                | Self::Weak
        )
    }
}

impl Diagnose for TimestampError {
    fn code(&self) -> Code {
        match self {
            Self::Algorithm => Code("CRYPTO-0030"),
            Self::Encode(_) => Code("CRYPTO-0031"),
            Self::Extension => Code("CRYPTO-0032"),
            Self::Key(error) => error.code(),
            Self::Malformed => Code("CRYPTO-0033"),
            Self::Policy(_) => Code("CRYPTO-0034"),
            Self::Scheme => Code("CRYPTO-0035"),
            Self::Imprint => Code("CRYPTO-0036"),
            Self::Weak => Code("CRYPTO-0037"),
            Self::X509(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests;
