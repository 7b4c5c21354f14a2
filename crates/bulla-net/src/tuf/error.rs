//! Why there are no trust documents, or no new ones.

use bulla_core::{Code, Diagnose, RootId, limits::LimitError};
use bulla_trust::root::RootError;
use std::{
    io,
    path::{Path, PathBuf},
};

use crate::http::HttpError;

/// Why there are no trust documents, or no new ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// A file of the cache is not what was written there.
    #[error("{} is damaged: {source}", .path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: LimitError,
    },
    /// A document that was verified but cannot be used.
    #[error("the repository's document cannot be used: {0}")]
    Document(#[from] RootError),
    /// No instance there.
    #[error("{} holds no trusted instance", .path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// No exchange.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The file system.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The repository does not publish its first root.
    #[error("the repository has no 1.root.json")]
    NoFirstRoot,
    /// Roots are never merged or exchanged.
    #[error("{} holds another instance, {found}", .path.display())]
    OtherInstance {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: RootId,
    },
    /// A name that leads out of the repository.
    #[error("the repository's metadata names the file {path:?}")]
    Path {
        /// The name.
        path: String,
    },
    /// The repository is not believed.
    #[error(transparent)]
    Repository(#[from] bulla_trust::tuf::TufError),
}

impl TufError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

impl Diagnose for TufError {
    fn code(&self) -> Code {
        match self {
            Self::Document(error) => error.code(),
            Self::Http(error) => error.code(),
            Self::Repository(error) => error.code(),
            Self::Cache { .. } => Code("NET-0221"),
            Self::Empty { .. } => Code("NET-0222"),
            Self::Io { .. } => Code("NET-0223"),
            Self::NoFirstRoot => Code("NET-0224"),
            Self::OtherInstance { .. } => Code("NET-0225"),
            Self::Path { .. } => Code("NET-0226"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Document(error) => return error.hint(),
            Self::Http(error) => return error.hint(),
            Self::Repository(error) => return error.hint(),
            Self::Io { .. } => return None,
            Self::Cache { .. } | Self::OtherInstance { .. } => {
                "remove the directory and run `bulla trust init URL --fingerprint SHA256` again"
                    .into()
            }
            Self::Empty { .. } => "run `bulla trust init URL --fingerprint SHA256`".into(),
            Self::NoFirstRoot => "name the first root: `bulla trust init URL --root FILE`".into(),
            Self::Path { .. } => {
                "do not use this repository until who runs it has explained it".into()
            }
        })
    }
}
