//! Witnesses (C2SP tlog-witness): others cosign our checkpoints, we cosign theirs.
//!
//! [`Witnesses`] asks for cosignatures of each published checkpoint; with a quorum
//! nothing is published without them. [`WitnessServer`] cosigns the checkpoints of
//! the logs that it is configured for, each only if it extends the last one; what
//! it cosigned is kept by compare-and-swap, so that no two replicas ever cosign
//! trees that contradict each other.

mod client;
mod request;
mod routes;
mod server;
#[cfg(test)]
mod tests;

use bulla_core::{Code, Diagnose};
use bulla_crypto::{note::NoteError, verifier_key::VerifierKeyError};
use bulla_net::http::HttpError;
use bulla_store::StateError;
use serde::Deserialize;
use std::path::PathBuf;

pub use client::{NotCosigned, WitnessStatus, Witnesses};
pub use request::{AddCheckpoint, parse_add_checkpoint};
pub use routes::router;
pub use server::{WitnessRefusal, WitnessServer};

/// Section `[witness]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WitnessSettings {
    /// Who cosigns our logs.
    pub witnesses: Vec<WitnessPeer>,
    /// Without so many cosignatures no checkpoint is published; 0: published all the same.
    pub quorum: usize,
    /// How long all of them together may take, in milliseconds.
    pub timeout_ms: u64,
    /// The logs whose checkpoints are cosigned here.
    pub logs: Vec<WitnessedLog>,
    /// The name we cosign under; `HOST/witness` if there is none.
    pub name: Option<String>,
}

impl Default for WitnessSettings {
    fn default() -> Self {
        Self {
            witnesses: Vec::new(),
            quorum: 0,
            timeout_ms: 1000,
            logs: Vec::new(),
            name: None,
        }
    }
}

/// A witness that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessPeer {
    /// Its submission prefix; `/add-checkpoint` is appended.
    pub url: String,
    /// Its verifier key, `NAME+HASH+BASE64` of type 4.
    pub key: String,
    /// Certificates (PEM) that its server is believed by, in place of the machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A log that is cosigned here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessedLog {
    /// The first line of its checkpoints.
    pub origin: String,
    /// Its verifier keys, `NAME+HASH+BASE64`; one that signed is enough.
    pub keys: Vec<String>,
}

/// Why witnesses cannot be asked, or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// A file with certificates.
    #[error("the certificates in {} cannot be read: {source}", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The witness has seen a larger tree than this log has.
    #[error("the witness {name:?} has cosigned {seen} leaves of {origin:?}, which has {size}")]
    Ahead {
        /// Who.
        name: String,
        /// Whose tree.
        origin: String,
        /// What it saw.
        seen: u64,
        /// What there is.
        size: u64,
    },
    /// An answer that is not in the protocol.
    #[error("the witness {name:?} answered {what}")]
    Answer {
        /// Who.
        name: String,
        /// What.
        what: String,
    },
    /// A configuration that cannot be.
    #[error("the witnesses are not configured well: {why}")]
    Configuration {
        /// What is wrong.
        why: String,
    },
    /// The exchange failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A key.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// A note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few cosigned.
    #[error("{found} of {wanted} witnesses cosigned the checkpoint")]
    Quorum {
        /// How many did.
        found: usize,
        /// How many must.
        wanted: usize,
    },
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Diagnose for WitnessError {
    fn code(&self) -> Code {
        match self {
            Self::Ahead { .. } => Code("AUTH-0710"),
            Self::Answer { .. } => Code("AUTH-0711"),
            Self::Certificates { .. } => Code("AUTH-0712"),
            Self::Configuration { .. } => Code("AUTH-0713"),
            Self::Quorum { .. } => Code("AUTH-0714"),
            Self::Http(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Note(error) => error.code(),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Ahead { .. } => Some(
                "the log was restored from an old backup, or another runs under its name: compare with `bulla log watch`"
                    .into(),
            ),
            Self::Certificates { .. } | Self::Configuration { .. } => {
                Some("see the section [witness] of the file given to `bulla serve --config`".into())
            }
            Self::Quorum { .. } | Self::Answer { .. } => Some(
                "see what each witness answered in the log of `bulla serve`; a lower quorum publishes without them"
                    .into(),
            ),
            Self::Http(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Note(_) => None,
            Self::State(error) => error.hint(),
        }
    }
}
