//! Why dependencies are not there.

use bulla_core::{Code, Diagnose, Digest};
use std::{
    io,
    path::{Path, PathBuf},
};

use crate::sandbox::{SandboxError, Status};

/// Why dependencies are not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// An archive that is not as its kind should be.
    #[error("{file} cannot be unpacked: {problem}")]
    Archive {
        /// The archive.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// Another file than the lock file names.
    #[error("{file} is {found}, but the lock file names {expected}")]
    Checksum {
        /// The file.
        file: String,
        /// What the lock file says.
        expected: String,
        /// What came.
        found: String,
    },
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// What.
        what: String,
        /// The failure.
        source: io::Error,
    },
    /// The fetch ran into a bound.
    #[error("`{tool}` reached the limit of {limit} while fetching")]
    Limit {
        /// The package manager.
        tool: String,
        /// The key of `[limits]`.
        limit: &'static str,
    },
    /// The lock file cannot be read.
    #[error("{path:?} is no usable lock file: {problem}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The package manager did not bring a file that the lock file names.
    #[error("{file} was not fetched")]
    Missing {
        /// The file.
        file: String,
    },
    /// There is no lock file.
    #[error("lock file {path:?} is not in the source")]
    NoLock {
        /// As the recipe names it.
        path: PathBuf,
    },
    /// Files are missing and the network is off.
    #[error("{missing} dependencies are not in the cache, and the network is off")]
    Offline {
        /// How many.
        missing: usize,
    },
    /// The fetch profile did not run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The package manager failed.
    #[error("`{tool}` failed with {status} while fetching:\n{tail}")]
    Tool {
        /// The package manager.
        tool: String,
        /// How it ended.
        status: Status,
        /// Its last lines.
        tail: String,
    },
    /// A dependency that no digest names.
    #[error("{package}: {why}")]
    Unsupported {
        /// The dependency.
        package: String,
        /// Why not.
        why: &'static str,
    },
}

impl FetchError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn lock(path: &Path, problem: impl Into<String>) -> Self {
        Self::Lock {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }

    pub(crate) fn archive(file: &str, problem: impl ToString) -> Self {
        Self::Archive {
            file: file.into(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn checksum(file: &str, expected: &Digest, found: &Digest) -> Self {
        Self::Checksum {
            file: file.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl Diagnose for FetchError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Archive { .. } => "BUILD-0040",
            Self::Checksum { .. } => "BUILD-0041",
            Self::Io { .. } => "BUILD-0042",
            Self::Limit { .. } => "BUILD-0043",
            Self::Lock { .. } => "BUILD-0044",
            Self::Missing { .. } => "BUILD-0045",
            Self::NoLock { .. } => "BUILD-0046",
            Self::Offline { .. } => "BUILD-0047",
            Self::Sandbox(error) => return error.code(),
            Self::Tool { .. } => "BUILD-0048",
            Self::Unsupported { .. } => "BUILD-0049",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Checksum { .. } => {
                "the registry or the lock file was changed: find out which before going on".into()
            }
            Self::Limit { limit, .. } => format!("raise `{limit}` under [limits] in bulla.toml"),
            Self::NoLock { .. } => {
                "commit the lock file (cargo generate-lockfile, go mod tidy, npm install \
                 --package-lock-only …), or remove [fetch] from bulla.toml"
                    .into()
            }
            Self::Offline { .. } => "run once without --offline".into(),
            Self::Sandbox(error) => return error.hint(),
            Self::Unsupported { .. } => "depend on a release of a registry instead".into(),
            _ => return None,
        })
    }
}
