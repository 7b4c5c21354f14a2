use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use bulla_core::SystemClock;
use bulla_crypto::{checkpoint::parse_checkpoint, merkle::verify_inclusion};

use super::*;
use crate::{
    log::Log,
    store::{Pending, SqlStore},
};

const LOG: &str = "test";

/// Passes on to a real store, fails commits on demand and knows what is durable.
struct Watched {
    inner: SqlStore,
    durable: Arc<AtomicU64>,
    failing: AtomicBool,
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
    fn take_over(&self, log: &'static str) -> Pending<'_, Head> {
        self.inner.take_over(log)
    }
    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(async move {
            if self.failing.load(SeqCst) {
                return Err(StoreError::Range);
            }
            let size = commit.to.size;
            self.inner.commit(commit).await?;
            self.durable.store(size, SeqCst);
            Ok(())
        })
    }
    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>> {
        self.inner.tile(log, level, index)
    }
    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Vec<u8>>> {
        self.inner.entries(log, first, count)
    }
    fn find(&self, log: &'static str, identity: [u8; 32]) -> Pending<'_, Option<u64>> {
        self.inner.find(log, identity)
    }
}

async fn watched(dir: &std::path::Path) -> Arc<Watched> {
    let store = bulla_store::Store::open(dir).await.unwrap();
    let inner = SqlStore::open(store.state().clone()).await.unwrap();
    Arc::new(Watched {
        inner,
        durable: Arc::default(),
        failing: AtomicBool::new(false),
    })
}

async fn open(store: Arc<Watched>) -> Result<Log, AuthorityError> {
    let durable = store.durable.clone();
    let config = LogConfig {
        name: LOG,
        origin: "log.example".into(),
        sign: Box::new(move |checkpoint, _| {
            // Nothing may be signed that a crash could take away.
            assert!(
                checkpoint.size <= durable.load(SeqCst),
                "signed before it was durable"
            );
            Ok(format!("{}\n", checkpoint.text()))
        }),
    };
    Log::open(config, store, Arc::new(SystemClock)).await
}

async fn add(log: &Log, entry: &str) -> Result<Sequenced, AuthorityError> {
    let bytes = entry.as_bytes().to_vec();
    log.add(leaf_hash(&bytes), move |_, _| {
        Ok(Leaf {
            merkle: bytes.clone(),
            stored: bytes,
        })
    })
    .await
}

fn check(sequenced: &Sequenced, entry: &str) {
    let Sequenced {
        index,
        size,
        root,
        proof,
        ..
    } = sequenced;
    verify_inclusion(&leaf_hash(entry.as_bytes()), *index, *size, proof, root).unwrap();
    let text = sequenced.checkpoint.strip_suffix('\n').unwrap();
    let checkpoint = parse_checkpoint(text.as_bytes()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (*size, *root));
    assert_eq!(sequenced.stored, entry.as_bytes());
}

#[tokio::test]
async fn entries_that_come_together_are_all_proven() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(watched(dir.path()).await).await.unwrap();
    let tasks: Vec<_> = (0..600)
        .map(|n| {
            let log = log.clone();
            let entry = format!("entry {}", n % 550);
            tokio::spawn(async move { (add(&log, &entry).await.unwrap(), entry) })
        })
        .collect();
    let mut duplicates = 0;
    let mut places = std::collections::HashSet::new();
    for task in tasks {
        let (sequenced, entry) = task.await.unwrap();
        check(&sequenced, &entry);
        duplicates += u32::from(sequenced.duplicate);
        places.insert(sequenced.index);
    }
    assert_eq!((duplicates, places.len(), log.size()), (50, 550, 550));
    // An old entry is proven in the present tree, from stored tiles.
    let again = add(&log, "entry 3").await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.size, 550);
    check(&again, "entry 3");
}

#[tokio::test]
async fn a_reopened_log_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    for n in 0..300 {
        add(&log, &format!("entry {n}")).await.unwrap();
    }
    let before = log.checkpoint();
    drop(log);
    let log = open(store).await.unwrap();
    assert_eq!(log.checkpoint(), before);
    let next = add(&log, "next").await.unwrap();
    assert_eq!(next.index, 300);
    check(&next, "next");
}

#[tokio::test]
async fn what_is_not_durable_is_neither_signed_nor_answered() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    add(&log, "one").await.unwrap();
    let before = log.checkpoint();
    store.failing.store(true, SeqCst);
    assert!(matches!(
        add(&log, "two").await,
        Err(AuthorityError::LogClosed { .. })
    ));
    assert_eq!(log.checkpoint(), before);
    store.failing.store(false, SeqCst);
    let two = add(&log, "two").await.unwrap();
    assert_eq!((two.index, two.duplicate), (1, false));
    check(&two, "two");
}

#[tokio::test]
async fn the_deposed_stops_and_cannot_fork() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let old = open(store.clone()).await.unwrap();
    add(&old, "one").await.unwrap();
    let new = open(store).await.unwrap();
    assert!(add(&old, "fork").await.is_err());
    assert!(add(&old, "again").await.is_err());
    let two = add(&new, "two").await.unwrap();
    assert_eq!(two.index, 1);
    check(&two, "two");
}

#[tokio::test]
async fn a_refused_entry_takes_no_place() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(watched(dir.path()).await).await.unwrap();
    let refused = log.add([9; 32], |_, _| {
        Err(AuthorityError::Damaged {
            what: "test".into(),
        })
    });
    assert!(matches!(refused.await, Err(AuthorityError::Damaged { .. })));
    assert_eq!(add(&log, "one").await.unwrap().index, 0);
}

#[tokio::test]
async fn a_damaged_tile_is_found_when_the_log_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    for n in 0..3 {
        add(&log, &format!("entry {n}")).await.unwrap();
    }
    let url = format!("sqlite:{}", dir.path().join("state.sqlite").display());
    let pool = bulla_store::sqlx::SqlitePool::connect(&url).await.unwrap();
    bulla_store::sqlx::raw_sql("UPDATE log_tile SET hashes = zeroblob(96)")
        .execute(&pool)
        .await
        .unwrap();
    assert!(matches!(
        open(store.clone()).await,
        Err(AuthorityError::Damaged { .. })
    ));
    bulla_store::sqlx::raw_sql("DELETE FROM log_tile")
        .execute(&pool)
        .await
        .unwrap();
    assert!(matches!(open(store).await, Err(AuthorityError::Merkle(_))));
}
