//! For tests of a log: a real store that fails on demand, and what entries must be.

use bulla_core::SystemClock;
use bulla_crypto::{
    checkpoint::parse_checkpoint,
    merkle::{leaf_hash, verify_inclusion},
};
use bytes::Bytes;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use super::{Leaf, Log, LogConfig, Sequenced};
use crate::{
    error::AuthorityError,
    store::{Commit, LogStore, Pending, SqlStore, StoreError, Tree},
};

const LOG: &str = "test";

/// Passes on to a real store, fails on demand and knows what is durable.
pub(super) struct Watched {
    pub(super) inner: SqlStore,
    pub(super) durable: Arc<AtomicU64>,
    pub(super) commits: AtomicUsize,
    /// Commits fail without effect.
    pub(super) failing: AtomicBool,
    /// Commits take effect, but look as if they had failed.
    pub(super) lying: AtomicBool,
    /// Commits wait as long as it is held.
    pub(super) hanging: tokio::sync::Mutex<()>,
    /// Nothing is found or read either.
    pub(super) unreachable: AtomicBool,
    /// The next commit panics on its way.
    pub(super) panicking: AtomicBool,
    /// The commit that panicked.
    pub(super) lost: Mutex<Option<Commit>>,
}

impl Watched {
    fn reach(&self) -> Result<(), StoreError> {
        match self.unreachable.load(SeqCst) {
            true => Err(StoreError::Range),
            false => Ok(()),
        }
    }
}

impl LogStore for Watched {
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        self.inner.document(name)
    }
    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>> {
        self.inner.create_document(name, bytes)
    }
    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        self.inner.put_document(name, bytes)
    }
    fn take_over(&self, log: &'static str, epoch: Option<u64>) -> Pending<'_, Tree> {
        Box::pin(async move {
            self.reach()?;
            self.inner.take_over(log, epoch).await
        })
    }
    fn tree(&self, log: &'static str) -> Pending<'_, Option<Tree>> {
        Box::pin(async move {
            self.reach()?;
            self.inner.tree(log).await
        })
    }
    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(async move {
            drop(self.hanging.lock().await);
            if self.panicking.swap(false, SeqCst) {
                *self.lost.lock().unwrap() = Some(commit);
                panic!("on purpose, with a commit on its way");
            }
            if self.failing.load(SeqCst) {
                return Err(StoreError::Range);
            }
            let size = commit.to.size;
            self.inner.commit(commit).await?;
            self.commits.fetch_add(1, SeqCst);
            self.durable.store(size, SeqCst);
            match self.lying.load(SeqCst) {
                true => Err(StoreError::Range),
                false => Ok(()),
            }
        })
    }
    fn publish<'a>(
        &'a self,
        log: &'static str,
        epoch: u64,
        size: u64,
        note: &'a str,
    ) -> Pending<'a, ()> {
        self.inner.publish(log, epoch, size, note)
    }
    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>> {
        self.inner.tile(log, level, index)
    }
    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Bytes>> {
        self.inner.entries(log, first, count)
    }
    fn find_all<'a>(
        &'a self,
        log: &'static str,
        identities: &'a [[u8; 32]],
    ) -> Pending<'a, Vec<Option<u64>>> {
        Box::pin(async move {
            self.reach()?;
            self.inner.find_all(log, identities).await
        })
    }
}

pub(super) async fn watched(dir: &std::path::Path) -> Arc<Watched> {
    let store = bulla_store::Store::open(dir).await.unwrap();
    let inner = SqlStore::open(store.state().clone()).await.unwrap();
    Arc::new(Watched {
        inner,
        durable: Arc::default(),
        commits: AtomicUsize::new(0),
        failing: AtomicBool::new(false),
        lying: AtomicBool::new(false),
        hanging: tokio::sync::Mutex::default(),
        unreachable: AtomicBool::new(false),
        panicking: AtomicBool::new(false),
        lost: Mutex::default(),
    })
}

pub(super) fn config(store: &Watched) -> LogConfig {
    let durable = store.durable.clone();
    LogConfig {
        name: LOG,
        origin: "log.example".into(),
        sign: Box::new(move |checkpoint, _| {
            // Nothing may be signed that a crash could take away.
            assert!(
                checkpoint.size <= durable.load(SeqCst),
                "signed before it was durable"
            );
            Ok(format!(
                "{}\n— log.example AAAAAAAAAAA=\n",
                checkpoint.text()
            ))
        }),
        cosigner: None,
    }
}

pub(super) async fn open(store: Arc<Watched>) -> Result<Log, AuthorityError> {
    Log::open(config(&store), store, Arc::new(SystemClock)).await
}

pub(super) async fn add(log: &Log, entry: &str) -> Result<Sequenced, AuthorityError> {
    let bytes = entry.as_bytes().to_vec();
    log.add(leaf_hash(&bytes), move |_, _| {
        Ok(Leaf {
            merkle: bytes.clone(),
            stored: bytes,
        })
    })
    .await
}

pub(super) fn check(sequenced: &Sequenced, entry: &str) {
    let Sequenced {
        index,
        size,
        root,
        proof,
        ..
    } = sequenced;
    verify_inclusion(&leaf_hash(entry.as_bytes()), *index, *size, proof, root).unwrap();
    assert_eq!(head_of(&sequenced.checkpoint), (*size, *root));
    assert_eq!(sequenced.stored, entry.as_bytes());
}

pub(super) fn head_of(note: &str) -> (u64, [u8; 32]) {
    let (text, _) = note.split_once("\n\n").unwrap();
    let checkpoint = parse_checkpoint(format!("{text}\n").as_bytes()).unwrap();
    (checkpoint.size, checkpoint.root)
}

/// Waits until the published checkpoint covers `size` leaves.
pub(super) async fn published(log: &Log, size: u64) -> Arc<str> {
    loop {
        let note = log.checkpoint();
        if !note.is_empty() && head_of(&note).0 >= size {
            return note;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
