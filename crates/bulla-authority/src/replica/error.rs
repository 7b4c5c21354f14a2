//! Why a replica cannot work with others.

use bulla_core::{Code, Diagnose};

use crate::transport::TransportError;

/// A failure of a replica as such.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The section `[replica]` cannot be used.
    #[error("[replica] cannot be used: {why}")]
    Settings {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Mutual TLS.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl Diagnose for ReplicaError {
    fn code(&self) -> Code {
        match self {
            Self::Random => Code("AUTH-0353"),
            Self::Settings { .. } => Code("AUTH-0354"),
            Self::Transport(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Random => None,
            Self::Settings { .. } => Some(
                "write address = \"https://HOST:PORT\" of the internal listener into [replica] of the file given to `bulla serve --config FILE`".into(),
            ),
            Self::Transport(error) => error.hint(),
        }
    }
}
