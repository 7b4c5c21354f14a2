//! Why a build did not end well.

use bulla_core::{Code, Diagnose};
use std::io;

use crate::{
    fetch::FetchError,
    output::OutputError,
    sandbox::{Limit, SandboxError, Status},
};

/// Why a build did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Dependencies are not there.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A directory could not be read or made.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: &'static str,
        /// The failure.
        source: io::Error,
    },
    /// A step ran into a bound and was ended with all its processes.
    #[error("step `{step}` reached the limit of {}: {bound}", .limit.key())]
    Limit {
        /// The step.
        step: String,
        /// Which bound.
        limit: Limit,
        /// The bound, for people.
        bound: String,
    },
    /// A step failed after it tried to reach the network.
    #[error("step `{step}` tried to reach {target}, and steps have no network ({status})\n{tail}")]
    Network {
        /// The step.
        step: String,
        /// The host, or address and port.
        target: String,
        /// How the step ended.
        status: Status,
        /// Its last lines.
        tail: String,
    },
    /// An output was not taken.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A step failed after it tried to use a file that is none of its inputs.
    #[error("step `{step}` uses {target}, which is none of its inputs ({status})\n{tail}")]
    OutsideInput {
        /// The step.
        step: String,
        /// The file.
        target: String,
        /// How the step ended.
        status: Status,
        /// Its last lines.
        tail: String,
    },
    /// The sandbox did not run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A step failed.
    #[error("step `{step}` failed with {status}\n{tail}")]
    Step {
        /// The step.
        step: String,
        /// How it ended.
        status: Status,
        /// Its last lines.
        tail: String,
    },
}

impl BuildError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl Diagnose for BuildError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Fetch(error) => return error.code(),
            Self::Io { .. } => "BUILD-0010",
            Self::Limit { .. } => "BUILD-0011",
            Self::Network { .. } => "BUILD-0012",
            Self::Output(error) => return error.code(),
            Self::OutsideInput { .. } => "BUILD-0013",
            Self::Sandbox(error) => return error.code(),
            Self::Step { .. } => "BUILD-0014",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Fetch(error) => return error.hint(),
            Self::Output(error) => return error.hint(),
            Self::Sandbox(error) => return error.hint(),
            Self::Io { .. } => return None,
            Self::Limit { limit, .. } => {
                format!("raise `{}` under [limits] in bulla.toml", limit.key())
            }
            Self::Network { .. } => {
                "name the dependency in the lock file, and the lock file under [fetch] in bulla.toml"
                    .into()
            }
            Self::OutsideInput { .. } => {
                "commit the file below the folder of bulla.toml, and use a relative path".into()
            }
            Self::Step { .. } => "try the step by itself: `bulla build`".into(),
        })
    }
}
