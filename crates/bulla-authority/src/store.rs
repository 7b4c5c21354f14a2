//! What the authority keeps: documents, and the logs' heads, tiles and entries.
//!
//! [`LogStore::commit`] is the heart: tiles and entries are durable no later than
//! the head that covers them, and the head only moves from the state that the
//! caller read, in the epoch that the caller holds. So a crash never leaves a
//! signed head without its tiles, and a deposed writer cannot fork a log.

mod measured;
mod postgres;
mod sql;

use bulla_core::{Code, Diagnose};
use bulla_crypto::merkle::{NodeHash, WrittenTile};
use bulla_store::{ObjectError, StateError, Storage};
use bytes::Bytes;
use std::{pin::Pin, sync::Arc};

pub use measured::Measured;
pub use postgres::{LogObjectError, PostgresStore};
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

/// A log at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Size, root and epoch.
    pub head: Head,
    /// The partial tiles of exactly this head.
    pub edge: Vec<WrittenTile>,
    /// The published checkpoint, once there is one; its size is at most the head's.
    pub checkpoint: Option<Arc<str>>,
}

/// A new leaf; its index follows from its place in the commit.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What makes another submission a duplicate of it.
    pub identity: [u8; 32],
    /// What entry bundles and data tiles hold of it.
    pub bytes: Bytes,
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
    /// New leaves, in order, from index `from.size` on.
    pub entries: Vec<NewEntry>,
    /// Tiles that became full: they never change again.
    pub tiles: Vec<WrittenTile>,
    /// All partial tiles of `to`; they take the place of those of `from`.
    pub edge: Vec<WrittenTile>,
}

/// Storage of one instance.
pub trait LogStore: Send + Sync {
    /// The document called `name`.
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>>;

    /// Keeps `bytes` as `name` unless there is one already; gives what is kept.
    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>>;

    /// Keeps `bytes` as `name`, whatever was there.
    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()>;

    /// Makes the caller the log's only writer: in the epoch after the last, or in
    /// the fencing epoch of its lease, unless a later one was seen
    /// ([`StoreError::Deposed`]). A log that is not there begins empty.
    fn take_over(&self, log: &'static str, epoch: Option<u64>) -> Pending<'_, Tree>;

    /// The present tree, taking nothing over; `None` if there is no such log yet.
    fn tree(&self, log: &'static str) -> Pending<'_, Option<Tree>>;

    /// Commits, or fails with [`StoreError::Deposed`] and changes nothing. When it
    /// returns, all of it survives a crash.
    fn commit(&self, commit: Commit) -> Pending<'_, ()>;

    /// Keeps the published checkpoint of a tree of `size` leaves, unless that of a
    /// larger one is kept. [`StoreError::Deposed`] unless `epoch` is the last.
    fn publish<'a>(
        &'a self,
        log: &'static str,
        epoch: u64,
        size: u64,
        note: &'a str,
    ) -> Pending<'a, ()>;

    /// The 256 hashes of a full tile.
    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>>;

    /// At most `count` entries from `first` on, without gaps.
    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Bytes>>;

    /// Removes what failed or deposed writers left behind, if that is due; how
    /// much. A store whose commits are whole has nothing of the kind.
    fn collect(&self, _log: &'static str) -> Pending<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    /// For each identity, where its entry is in the committed tree.
    fn find_all<'a>(
        &'a self,
        log: &'static str,
        identities: &'a [[u8; 32]],
    ) -> Pending<'a, Vec<Option<u64>>>;
}

/// The store of logs and documents that goes with this storage.
///
/// # Errors
/// [`StoreError`] if its tables cannot be brought up to date.
pub async fn open(storage: &Storage) -> Result<Arc<dyn LogStore>, StoreError> {
    Ok(match storage {
        Storage::Embedded(store) => Arc::new(SqlStore::open(store.state().clone()).await?),
        Storage::Shared(store) => Arc::new(PostgresStore::open(store).await?),
    })
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
    /// The process is ending.
    #[error("the commit was given up: bulla is ending")]
    Interrupted,
    /// An object of a log is damaged or gone.
    #[error(transparent)]
    LogObject(#[from] LogObjectError),
    /// The place for objects failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
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
            Self::Interrupted => Code("AUTH-0352"),
            Self::LogObject(error) => error.code(),
            Self::Object(error) => error.code(),
            Self::Range => Code("AUTH-0011"),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Deposed { .. } => Some("stop the other `bulla up` of this data directory".into()),
            Self::Interrupted => None,
            Self::LogObject(error) => error.hint(),
            Self::Object(error) => error.hint(),
            Self::Range => Some("restore the data directory from its backup".into()),
            Self::State(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
