//! Why nothing was sealed.

use bulla_core::{Code, Diagnose};
use bulla_crypto::KeyError;
use bulla_trust::{Rejection, dsse, root::RootError, sigstore::MakeError};

use crate::service::ServiceError;

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The certificate is for another key.
    #[error("the certificate is not for the signing key")]
    Certificate,
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] dsse::DsseError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bundle.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The statement names no SHA-256 digest.
    #[error("the statement names no subject with a SHA-256 digest")]
    NoSubject,
    /// What came out does not verify.
    #[error("the services answered, but the result does not verify: {0}")]
    Refused(#[from] Rejection),
    /// A log cannot check pure Ed25519.
    #[error(
        "a log takes the digest of what was signed, and pure Ed25519 cannot be checked from it"
    )]
    PureEd25519,
    /// The choice of services.
    #[error(transparent)]
    Services(#[from] RootError),
    /// A service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The signer did not come back.
    #[error("the signer was interrupted")]
    Signer,
}

impl Diagnose for SealError {
    fn code(&self) -> Code {
        match self {
            Self::NoSubject => Code("NET-0201"),
            Self::Refused(_) => Code("NET-0202"),
            Self::Certificate => Code("NET-0204"),
            Self::PureEd25519 => Code("NET-0205"),
            Self::Signer => Code("NET-0206"),
            Self::Envelope(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Make(error) => error.code(),
            Self::Service(error) => error.code(),
            Self::Services(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Envelope(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Make(error) => error.hint(),
            Self::Service(error) => error.hint(),
            Self::Services(error) => error.hint(),
            Self::Certificate => Some("name the certificate that belongs to the key".into()),
            Self::NoSubject => Some("name the artifact by digest".into()),
            Self::PureEd25519 => {
                Some("sign with Ed25519ph, or with another key, or without a log".into())
            }
            Self::Refused(rejection) => rejection.hint.clone().or_else(|| {
                Some("check that services and root belong together: `bulla trust show`".into())
            }),
            Self::Signer => None,
        }
    }
}
