//! What the authority keeps: documents, and the logs' heads, tiles and entries.
//!
//! [`LogStore::commit`] is the heart: tiles and entries are durable no later than
//! the head that covers them, and the head only moves from the state that the
//! caller read, in the epoch that the caller holds. So a crash never leaves a
//! signed head without its tiles, and a deposed writer cannot fork a log.

mod sql;

use bulla_core::{Code, Diagnose};
use bulla_crypto::merkle::{NodeHash, WrittenTile};
use bulla_store::StateError;
use std::pin::Pin;

pub use sql::SqlStore;

/// A result to wait for.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The state of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: NodeHash,
    /// Counts the writers that took the log over; only the last may commit.
    pub epoch: u64,
}

/// A new leaf.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its place.
    pub index: u64,
    /// What makes another submission a duplicate of it.
    pub identity: [u8; 32],
    /// What entry bundles and data tiles hold of it.
    pub bytes: Vec<u8>,
}

/// A group commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Which log.
    pub log: &'static str,
    /// The head that was read.
    pub from: Head,
    /// The head that comes.
    pub to: Head,
    /// New leaves, in order.
    pub entries: Vec<NewEntry>,
    /// Tiles that grew.
    pub tiles: Vec<WrittenTile>,
}

/// Storage of one instance.
pub trait LogStore: Send + Sync {
    /// The document called `name`.
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>>;

    /// Keeps `bytes` as `name` unless there is one already; gives what is kept.
    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>>;

    /// Keeps `bytes` as `name`, whatever was there.
    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()>;

    /// Makes the caller the log's only writer and tells the head.
    fn take_over(&self, log: &'static str) -> Pending<'_, Head>;

    /// Commits, or fails with [`StoreError::Deposed`] and changes nothing.
    fn commit(&self, commit: Commit) -> Pending<'_, ()>;

    /// The hashes of a tile, possibly more than were asked for.
    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>>;

    /// At most `count` entries from `first` on.
    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Vec<u8>>>;

    /// Where the entry with this identity is.
    fn find(&self, log: &'static str, identity: [u8; 32]) -> Pending<'_, Option<u64>>;
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer took the log over, or moved its head.
    #[error("another process took over the {log} log")]
    Deposed {
        /// Which log.
        log: &'static str,
    },
    /// A number beyond what the database can hold.
    #[error("a number in the database is out of range")]
    Range,
    /// The database failed.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Diagnose for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Deposed { .. } => Code("AUTH-0010"),
            Self::Range => Code("AUTH-0011"),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Deposed { .. } => Some("stop the other `bulla up` of this data directory".into()),
            Self::Range => Some("restore the data directory from its backup".into()),
            Self::State(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
