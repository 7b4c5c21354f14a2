//! The monitor: watches logs for what nobody expected to find in them.
//!
//! It reads every entry of a log, rebuilds the tree from them and compares it
//! with the signed checkpoint, so that nothing can be hidden from it or taken
//! back; and it tells of entries and certificates whose signer is in scope and
//! not on the list of those expected, and of certificates in our own CT log that
//! our own authority did not issue. Findings are kept until they are acknowledged.

mod feed;
mod report;
mod rules;
mod run;
#[cfg(test)]
mod tests;
mod watch;

use bulla_core::{Code, Diagnose};
use bulla_crypto::{merkle::MerkleError, note::NoteError, verifier_key::VerifierKeyError};
use bulla_net::http::HttpError;
use bulla_store::StateError;
use bulla_trust::sigstore::PatternError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::{error::AuthorityError, health::concern::word, search::Signer};

pub use feed::{Entry, Feed, OwnLog, RemoteLog};
pub use report::{Forgotten, Found, Report, Unread};
pub use rules::{IdentityRule, Rules};
pub use run::Monitor;
pub use watch::{LogWatch, WatchState};

/// Section `[monitor]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSettings {
    /// Watches this instance's own three trees.
    pub own: bool,
    /// Logs of others.
    pub logs: Vec<WatchedLog>,
    /// Whose entries are looked at; all, if there is none.
    pub watch: Vec<IdentityRule>,
    /// Whose entries are expected. If it and `watch` are empty, nobody is unexpected.
    pub allow: Vec<IdentityRule>,
    /// Seconds between two looks.
    pub interval_seconds: u32,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            own: true,
            logs: Vec::new(),
            watch: Vec::new(),
            allow: Vec::new(),
            interval_seconds: 10,
        }
    }
}

/// A log of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedLog {
    /// Where its `checkpoint` and `tile/` are: for Rekor v2 with `/api/v2`.
    pub url: String,
    /// Its verifier key, `NAME+HASH+BASE64`.
    pub key: String,
    /// Whether it is a CT log (static-ct-api) and no Rekor v2.
    #[serde(default)]
    pub certificates: bool,
    /// Certificates (PEM) that its server is believed by, in place of the machine's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl WatchedLog {
    /// The command that looks at it as the monitor does.
    pub fn command(&self) -> String {
        let mut command = format!(
            "bulla log watch {} --key {}",
            word(&self.url),
            word(&self.key)
        );
        if self.certificates {
            command.push_str(" --certificates");
        }
        if let Some(file) = &self.ca_file {
            command.push_str(&format!(" --ca-file {}", word(&file.to_string_lossy())));
        }
        command
    }
}

/// Something that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which log: its origin, or its address.
    pub log: String,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "finding")]
pub enum What {
    /// The log contradicts itself.
    Contradiction {
        /// How.
        detail: String,
    },
    /// A certificate in our own CT log that our own authority did not issue.
    #[serde(rename_all = "camelCase")]
    NotIssued {
        /// Its place.
        index: u64,
        /// Whom it names.
        signer: Signer,
    },
    /// An entry of somebody who is not expected.
    #[serde(rename_all = "camelCase")]
    Unexpected {
        /// Its place.
        index: u64,
        /// Its kind.
        kind: String,
        /// Who.
        signer: Signer,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = |signer: &Signer| {
            let issuer = signer.issuer.as_deref().unwrap_or("no issuer");
            format!("{} of {issuer}", signer.names.join(", "))
        };
        let log = &self.log;
        match &self.what {
            What::Contradiction { detail } => write!(f, "{log} contradicts itself: {detail}"),
            What::NotIssued { index, signer } => write!(
                f,
                "{log}, entry {index}: a certificate for {} that this authority did not issue",
                who(signer)
            ),
            What::Unexpected {
                index,
                kind,
                signer,
            } => write!(f, "{log}, entry {index}: {kind} by {}", who(signer)),
        }
    }
}

/// Why a log cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// A file with certificates.
    #[error("the certificates in {} cannot be read: {source}", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What the log serves is not in its format.
    #[error("{log} serves {what} that cannot be read")]
    Format {
        /// Which log.
        log: String,
        /// What.
        what: &'static str,
    },
    /// The exchange failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A verifier key.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// Our own log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(#[source] Box<AuthorityError>),
    /// A tree.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
    /// There is no monitor.
    #[error("this instance watches no log")]
    Nothing,
    /// The checkpoint is not signed by the log.
    #[error("the checkpoint of {log} is not its own: {source}")]
    Note {
        /// Which log.
        log: String,
        /// Why.
        source: NoteError,
    },
    /// A name or issuer in a rule.
    #[error("a rule of the monitor: {0}")]
    Rule(#[from] PatternError),
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
    /// No such log is watched.
    #[error("this instance watches no log {log:?}, but {}", watched.join(", "))]
    Unknown {
        /// Its name.
        log: String,
        /// Those that are watched.
        watched: Vec<String>,
    },
    /// The address of a log.
    #[error("{url:?} is not the address of a log")]
    Url {
        /// As configured.
        url: String,
    },
}

impl Diagnose for MonitorError {
    fn code(&self) -> Code {
        match self {
            Self::Certificates { .. } => Code("AUTH-0730"),
            Self::Format { .. } => Code("AUTH-0731"),
            Self::Note { .. } => Code("AUTH-0732"),
            Self::Url { .. } => Code("AUTH-0733"),
            Self::Nothing => Code("AUTH-0734"),
            Self::Unknown { .. } => Code("AUTH-0735"),
            Self::Http(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Merkle(error) => error.code(),
            Self::Rule(error) => error.code(),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Certificates { .. } | Self::Nothing | Self::Url { .. } => {
                Some("see the section [monitor] of the file given to `bulla serve --config`".into())
            }
            Self::Format { .. } | Self::Note { .. } => {
                Some("see that address and verifier key belong to one log: `bulla log watch URL --key KEY`".into())
            }
            Self::Http(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Merkle(_) => None,
            Self::Unknown { .. } => {
                Some("name it as `bulla log findings` does: bulla log findings --accept-position LOG".into())
            }
            Self::Rule(error) => error.hint(),
            Self::State(error) => error.hint(),
        }
    }
}
