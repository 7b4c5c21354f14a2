//! Why the TUF repository could not be published or read.

use bulla_core::{Code, Diagnose};
use bulla_crypto::KeyError;
use bulla_store::StateError;
use bulla_trust::tuf::metadata::MetadataError;
use jiff::Timestamp;
use std::sync::Arc;

/// Why the TUF repository could not be published or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// A group commit failed, for everybody in it.
    #[error(transparent)]
    Batch(Arc<TufError>),
    /// Other processes changed the repository again and again.
    #[error("the TUF repository is being changed by other processes all the time")]
    Contended,
    /// What is stored does not belong together.
    #[error("the stored TUF repository is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
    /// A ceremony's result does not fit this instance.
    #[error("the ceremony's result does not fit this instance: {why}")]
    DoesNotFit {
        /// Why not.
        why: String,
    },
    /// Metadata that is already expired.
    #[error("the {what} of the ceremony expired at {expires}")]
    Expired {
        /// Whose.
        what: &'static str,
        /// When.
        expires: Timestamp,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key that people hold, where the instance itself would have to sign.
    #[error("the {role} key is offline: its holders name new keys, the instance cannot")]
    KeyOffline {
        /// Which role.
        role: &'static str,
        /// The command that removes the keys which the instance itself has.
        remove: String,
    },
    /// A slot that holds keys.
    #[error("a TUF key cannot be used: {0}")]
    KeySlot(#[source] Box<crate::error::AuthorityError>),
    /// Metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// An instance whose root is offline, before its first ceremony.
    #[error("this instance has no root yet: its keys are to stay offline")]
    NoRoot,
    /// The delegated role may not name that path.
    #[error("{path:?} is outside of what the online role may publish")]
    NotOnline {
        /// The path.
        path: String,
    },
    /// No key of this instance is among those that the root names.
    #[error(
        "the {role} metadata cannot be signed: the root names other keys than this instance has"
    )]
    OnlineKey {
        /// Which role.
        role: &'static str,
    },
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
    /// The process is stopping.
    #[error("the TUF repository is closing")]
    Stopping,
    /// A target beyond the limit.
    #[error("{path} has {length} bytes; a target here has at most {limit}")]
    TooLarge {
        /// Its path.
        path: String,
        /// Its length.
        length: usize,
        /// The most there may be.
        limit: usize,
    },
    /// More targets than the role may list.
    #[error("the online role would list {count} targets; {limit} are the most")]
    TooMany {
        /// How many.
        count: usize,
        /// The most there may be.
        limit: usize,
    },
}

impl Diagnose for TufError {
    fn code(&self) -> Code {
        match self {
            Self::Batch(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::KeySlot(error) => error.code(),
            Self::Metadata(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Contended => Code("AUTH-0600"),
            Self::Damaged { .. } => Code("AUTH-0601"),
            Self::DoesNotFit { .. } => Code("AUTH-0602"),
            Self::Expired { .. } => Code("AUTH-0603"),
            Self::NoRoot => Code("AUTH-0604"),
            Self::NotOnline { .. } => Code("AUTH-0605"),
            Self::OnlineKey { .. } => Code("AUTH-0606"),
            Self::Stopping => Code("AUTH-0607"),
            Self::TooLarge { .. } => Code("AUTH-0608"),
            Self::TooMany { .. } => Code("AUTH-0609"),
            Self::KeyOffline { .. } => Code("AUTH-0610"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Batch(error) => return error.hint(),
            Self::KeySlot(error) => return error.hint(),
            Self::Metadata(error) => return error.hint(),
            Self::State(error) => return error.hint(),
            Self::Key(_) | Self::Stopping => return None,
            Self::Contended => "try again".into(),
            Self::Damaged { .. } => {
                "restore the instance's store from its backup; clients keep what they have".into()
            }
            Self::DoesNotFit { .. } | Self::Expired { .. } => {
                "begin again from what the instance has now: bulla trust export --ceremony FILE, then bulla trust ceremony plan --export FILE"
                    .into()
            }
            Self::KeyOffline { remove, .. } => format!(
                "stop the instance (every replica), run {remove} and start it; then: bulla trust export --ceremony FILE, bulla trust ceremony plan --export FILE"
            ),
            Self::NoRoot => {
                "bulla trust export --ceremony export.json, then bulla trust ceremony plan --export export.json"
                    .into()
            }
            Self::NotOnline { .. } => {
                "publish below revocations/, policies/ or advisories/; everything else is listed by the targets role: bulla trust ceremony plan"
                    .into()
            }
            Self::OnlineKey { .. } => {
                "name the instance's keys in a new root: bulla trust export --ceremony FILE, then bulla trust ceremony plan --export FILE"
                    .into()
            }
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "split it, or remove targets that nobody needs".into()
            }
        })
    }
}
