//! What goes wrong in a ceremony, and which command mends it.

use bulla_core::{Code, Diagnose, limits::LimitError};
use bulla_crypto::{KeyError, x509::X509Error};
use bulla_trust::tuf::metadata::MetadataError;
use std::{io, path::PathBuf};

/// What goes wrong in a ceremony.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The encrypted key does not open.
    #[error("{} does not open: {why}", path.display())]
    Age {
        /// The file.
        path: PathBuf,
        /// What the format's library said.
        why: String,
    },
    /// A file that must not be overwritten.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file system.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file that is not what it must be.
    #[error("{} cannot be used: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Somebody's key is not there yet.
    #[error("{name} has made no key yet")]
    NoKey {
        /// Whose.
        name: String,
    },
    /// A key that is not the one that was named.
    #[error("this key is not {name}'s: {why}")]
    OtherKey {
        /// Whose it ought to be.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A plan that cannot be carried out.
    #[error("the plan cannot be carried out: {why}")]
    Plan {
        /// Why not.
        why: String,
    },
    /// Recipients or identities of age.
    #[error("{text:?} is no age {what}")]
    Recipient {
        /// What it ought to be.
        what: &'static str,
        /// As given; never a secret.
        text: String,
    },
    /// Somebody who does not take part.
    #[error("{name} does not take part in this ceremony")]
    Stranger {
        /// Who.
        name: String,
    },
    /// Certificates that have to be signed first.
    #[error("the targets cannot be signed before the certificates: {missing} is missing")]
    Waits {
        /// Which certificate.
        missing: String,
    },
    /// A certificate.
    #[error(transparent)]
    X509(#[from] X509Error),
}

impl CeremonyError {
    pub(crate) fn malformed(path: impl Into<PathBuf>, why: impl ToString) -> Self {
        Self::Malformed {
            path: path.into(),
            why: why.to_string(),
        }
    }

    pub(super) fn limit(path: impl Into<PathBuf>) -> impl FnOnce(LimitError) -> Self {
        let path = path.into();
        move |error| Self::malformed(path, error)
    }
}

impl Diagnose for CeremonyError {
    fn code(&self) -> Code {
        match self {
            Self::Key(error) => error.code(),
            Self::Metadata(error) => error.code(),
            Self::X509(error) => error.code(),
            Self::Age { .. } => Code("AUTH-0620"),
            Self::Exists { .. } => Code("AUTH-0621"),
            Self::File { .. } => Code("AUTH-0622"),
            Self::Malformed { .. } => Code("AUTH-0623"),
            Self::NoKey { .. } => Code("AUTH-0624"),
            Self::OtherKey { .. } => Code("AUTH-0627"),
            Self::Plan { .. } => Code("AUTH-0628"),
            Self::Recipient { .. } => Code("AUTH-0629"),
            Self::Stranger { .. } => Code("AUTH-0630"),
            Self::Waits { .. } => Code("AUTH-0631"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Metadata(error) => return error.hint(),
            Self::Key(_) | Self::X509(_) | Self::File { .. } => return None,
            Self::Age { .. } => {
                "give the passphrase it was made with (--passphrase-file), or the age identity of one of its recipients (--identity)".into()
            }
            Self::Exists { .. } => "keys and signatures are never overwritten: begin another ceremony in another folder".into(),
            Self::Malformed { .. } => {
                "copy the file again from whoever wrote it; bulla trust ceremony verify DIR looks at all of them".into()
            }
            Self::NoKey { name } => format!("{name} runs: bulla trust ceremony init DIR --as {name}"),
            Self::OtherKey { name, .. } => format!("name the key that {name} made with `init`: --key FILE"),
            Self::Plan { .. } => "bulla trust ceremony plan --help".into(),
            Self::Recipient { .. } => "make one with age-keygen; recipients begin with age1, identities with AGE-SECRET-KEY-".into(),
            Self::Stranger { .. } => "the names are in plan.toml; bulla trust ceremony plan makes another plan".into(),
            Self::Waits { .. } => {
                "whoever holds the authorities' root signs first: bulla trust ceremony sign DIR --as HOLDER".into()
            }
        })
    }
}
