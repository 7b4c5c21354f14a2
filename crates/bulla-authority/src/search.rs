//! Search in the logs: by name, issuer, digest or key, over all three trees.
//!
//! Neither Rekor v2 nor a CT log can be asked who signed what; here each tree has
//! an index that is fed from the log itself, in order and never ahead of it. It
//! can be thrown away and grows again. A search reads the entries that it gives
//! and compares them, so the index is never believed, only asked where to look.
//! What a leaf does not say cannot be found: the subjects of statements are known
//! for Rekor v1, whose clients send them along.

mod described;
mod index;
mod query;
mod routes;
mod run;
mod term;

use bulla_core::{Code, Diagnose};
use bulla_store::StateError;
use serde::Deserialize;

use crate::error::AuthorityError;

pub(crate) use described::StoredV1;
pub use described::{Described, Format, Signer};
pub use index::{Reading, SearchIndex, Source};
pub use query::{Found, Page, Query};
pub use routes::{Indexes, parse_search, router};
pub use term::Criterion;

/// Whether there is an index: section `[search]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// Feeds the index and answers searches.
    pub enabled: bool,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Why a search fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Nothing that an entry could have.
    #[error("no entry can have such a {what}")]
    Criterion {
        /// Which criterion.
        what: &'static str,
    },
    /// A part of the index is not what was stored.
    #[error("the search index is damaged at {key:?}")]
    Damaged {
        /// Where.
        key: String,
    },
    /// No criterion, two of one kind, or an unknown parameter.
    #[error("{why}")]
    Query {
        /// What is wrong.
        why: &'static str,
    },
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(#[source] Box<AuthorityError>),
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Diagnose for SearchError {
    fn code(&self) -> Code {
        match self {
            Self::Criterion { .. } => Code("AUTH-0700"),
            Self::Damaged { .. } => Code("AUTH-0701"),
            Self::Query { .. } => Code("AUTH-0702"),
            Self::Log(error) => error.code(),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Criterion { .. } | Self::Query { .. } => {
                Some("`bulla log search --help` shows what can be asked for".into())
            }
            Self::Damaged { .. } => Some(
                "the index is made from the log: delete its values and start `bulla up` again"
                    .into(),
            ),
            Self::Log(error) => error.hint(),
            Self::State(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
