//! Why an identity cannot be given, or a peer is not believed.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{KeyError, x509::X509Error};
use std::{io, path::PathBuf};

/// What can go wrong between processes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// A file of identities cannot be used.
    #[error("the transport file {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a file of identities holds.
    #[error("the transport file {} {why}", path.display())]
    Files {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a SPIFFE ID.
    #[error("{0:?} is not a SPIFFE ID")]
    Id(String),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no transport root.
    #[error("no transport root holds at this time")]
    NoRoot,
    /// The other end showed no certificate.
    #[error("the other end showed no certificate")]
    Nobody,
    /// The trust domain differs from the one in every identity so far.
    #[error("this instance's trust domain is {created}, and cannot become {wanted}")]
    Renamed {
        /// At creation.
        created: String,
        /// In the configuration.
        wanted: String,
    },
    /// TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A certificate.
    #[error(transparent)]
    X509(#[from] X509Error),
}

impl Diagnose for TransportError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code("AUTH-0830"),
            Self::Files { .. } => Code("AUTH-0831"),
            Self::Id(_) => Code("AUTH-0832"),
            Self::Key(error) => error.code(),
            Self::NoRoot => Code("AUTH-0833"),
            Self::Nobody => Code("AUTH-0834"),
            Self::Renamed { .. } => Code("AUTH-0835"),
            Self::Tls(_) => Code("AUTH-0836"),
            Self::X509(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::File { .. } | Self::Files { .. } => {
                    "see that SPIRE's helper, or the pod certificate's volume, writes the files that [transport] names"
                }
                Self::Id(_) => {
                    "write spiffe://TRUST-DOMAIN/PATH in lower case, without port, query or trailing slash"
                }
                Self::NoRoot => "set the clock right, and restart the authority",
                Self::Nobody => "give the other end an identity of the same trust domain",
                Self::Renamed { .. } => "leave trust_domain in [transport] as it was",
                Self::Key(_) | Self::Tls(_) | Self::X509(_) => return None,
            }
            .into(),
        )
    }
}
