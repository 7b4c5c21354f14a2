//! The store over a real PostgreSQL, with objects in a folder and in a bucket.

use bulla_crypto::merkle::{Frontier, leaf_hash};
use bulla_store::{ObjectName, ObjectsConfig, PostgresConfig};
use bulla_testkit::{Postgres, S3};
use std::{path::Path, sync::LazyLock};

use super::*;
use crate::store::NewEntry;

const LOG: &str = "test";

fn server() -> Option<&'static Postgres> {
    static SERVER: LazyLock<Option<Postgres>> = LazyLock::new(bulla_testkit::postgres);
    SERVER.as_ref()
}

async fn open(database: &str, scratch: &Path, objects: &ObjectsConfig) -> PostgresStore {
    let sql = PostgresConfig::new(database);
    let shared = SharedStore::connect(scratch.join("data"), &sql, objects).await;
    PostgresStore::open(&shared.unwrap()).await.unwrap()
}

/// A log that grows: what a sequencer knows.
struct Writer {
    head: Head,
    frontier: Frontier,
}

fn leaf(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

impl Writer {
    async fn begin(store: &PostgresStore, epoch: Option<u64>) -> Self {
        let tree = store.take_over(LOG, epoch).await.unwrap();
        let frontier = Frontier::load(tree.head.size, |wanted| {
            let found = tree.edge.iter().find(|tile| tile.id.level == wanted.level);
            found.map(|tile| tile.bytes.clone())
        });
        let frontier = frontier.unwrap();
        assert_eq!(frontier.root(), tree.head.root);
        Self {
            head: tree.head,
            frontier,
        }
    }

    /// The next commit, of these leaves.
    fn commit(&mut self, leaves: impl Iterator<Item = Vec<u8>>) -> Commit {
        let entries = leaves.map(|leaf| {
            self.frontier.append(leaf_hash(&leaf));
            NewEntry {
                identity: leaf_hash(&leaf),
                bytes: leaf.into(),
            }
        });
        let entries = entries.collect();
        let to = Head {
            size: self.frontier.size(),
            root: self.frontier.root(),
            ..self.head
        };
        let (tiles, edge) = (self.frontier.full(), self.frontier.edge());
        self.frontier.settle();
        let from = std::mem::replace(&mut self.head, to);
        Commit {
            log: LOG,
            from,
            to,
            entries,
            tiles,
            edge,
        }
    }

    async fn grow(&mut self, store: &PostgresStore, count: u64) {
        let first = self.head.size;
        let commit = self.commit((first..first + count).map(leaf));
        store.commit(commit).await.unwrap();
    }
}

fn deposed<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    assert!(matches!(done, Err(StoreError::Deposed { .. })), "{done:?}");
}

/// Reads the whole log as another process would, and rebuilds its tree.
async fn whole(store: &PostgresStore, size: u64) {
    let tree = store.tree(LOG).await.unwrap().unwrap();
    assert_eq!(tree.head.size, size);
    let mut frontier = Frontier::new();
    let mut identities = Vec::new();
    while frontier.size() < size {
        let page = store.entries(LOG, frontier.size(), 700).await.unwrap();
        assert!(!page.is_empty(), "a gap at {}", frontier.size());
        for entry in page {
            assert_eq!(entry, leaf(frontier.size()));
            identities.push(leaf_hash(&entry));
            frontier.append(leaf_hash(&entry));
        }
    }
    assert_eq!(frontier.root(), tree.head.root);
    assert_eq!(frontier.edge(), tree.edge);
    for tile in frontier.full() {
        let kept = store.tile(LOG, tile.id.level, tile.id.index).await.unwrap();
        assert_eq!(kept.as_ref(), Some(&tile.bytes), "{:?}", tile.id);
    }
    assert!(store.entries(LOG, size, 1).await.unwrap().is_empty());
    identities.push([7; 32]);
    let found = store.find_all(LOG, &identities).await.unwrap();
    let expected: Vec<_> = (0..size).map(Some).chain([None]).collect();
    assert_eq!(found, expected);
}

async fn grows_in_odd_steps(database: &str, objects: &ObjectsConfig) {
    let scratch = tempfile::tempdir().unwrap();
    let store = open(database, scratch.path(), objects).await;
    assert_eq!(store.tree(LOG).await.unwrap(), None);
    let mut writer = Writer::begin(&store, None).await;
    for count in [1, 254, 1, 1, 300, 900, 256, 55] {
        writer.grow(&store, count).await;
    }
    let other = open(database, scratch.path(), objects).await;
    whole(&other, 1768).await;
    // Another process goes on in the middle of a bundle.
    let mut next = Writer::begin(&other, None).await;
    next.grow(&other, 300).await;
    whole(&store, 2068).await;
    deposed(store.commit(writer.commit([leaf(1)].into_iter())).await);
    whole(&store, 2068).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_grows_over_a_folder() {
    let Some(server) = server() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path());
    grows_in_odd_steps(&server.database(), &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_grows_over_a_bucket() {
    let (Some(server), Some(s3)) = (server(), bulla_testkit::s3()) else {
        return;
    };
    grows_in_odd_steps(&server.database(), &bucket(&s3)).await;
}

fn bucket(s3: &S3) -> ObjectsConfig {
    ObjectsConfig {
        endpoint: Some(s3.endpoint()),
        bucket: Some(S3::BUCKET.into()),
        access_key_file: Some(s3.access_key_file()),
        secret_key_file: Some(s3.secret_key_file()),
        ..ObjectsConfig::default()
    }
}

#[tokio::test]
async fn a_deposed_writer_changes_nothing_and_its_objects_are_collected() {
    let Some(server) = server() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path().join("objects"));
    let database = server.database();
    let (a, b) = (
        open(&database, scratch.path(), &objects).await,
        open(&database, scratch.path(), &objects).await,
    );
    let mut old = Writer::begin(&a, Some(5)).await;
    old.grow(&a, 100).await;
    let mut new = Writer::begin(&b, Some(6)).await;
    // Both want to finish the same bundle and tile, with other leaves.
    deposed(a.commit(old.commit((0..200).map(|n| leaf(n + 5000)))).await);
    deposed(a.publish(LOG, 5, 100, "old").await);
    deposed(a.take_over(LOG, Some(5)).await);
    assert_eq!(
        b.collect_now(LOG).await.unwrap(),
        0,
        "what may yet be committed stays"
    );
    whole(&b, 100).await;
    new.grow(&b, 200).await;
    whole(&b, 300).await;
    assert_eq!(
        b.collect_now(LOG).await.unwrap(),
        2,
        "a bundle and a tile of nobody"
    );
    assert_eq!(b.collect_now(LOG).await.unwrap(), 0);
    whole(&b, 300).await;
    whole(&open(&database, scratch.path(), &objects).await, 300).await;
}

#[tokio::test]
async fn epochs_only_grow_and_checkpoints_never_go_back() {
    let Some(server) = server() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path().join("objects"));
    let store = open(&server.database(), scratch.path(), &objects).await;
    let epoch = async |wanted| {
        let tree = store.take_over(LOG, wanted).await;
        tree.map(|tree| tree.head.epoch)
    };
    assert_eq!(epoch(Some(5)).await.unwrap(), 5);
    assert_eq!(epoch(Some(5)).await.unwrap(), 5);
    deposed(epoch(Some(4)).await);
    assert_eq!(epoch(None).await.unwrap(), 6);
    assert_eq!(epoch(Some(9)).await.unwrap(), 9);
    for (size, note, kept) in [(3, "3", "3"), (2, "2", "3"), (3, "4", "4")] {
        store.publish(LOG, 9, size, note).await.unwrap();
        let tree = store.tree(LOG).await.unwrap().unwrap();
        assert_eq!(tree.checkpoint.as_deref(), Some(kept));
    }
    assert_eq!(store.create_document("d", b"1").await.unwrap(), b"1");
    assert_eq!(store.create_document("d", b"2").await.unwrap(), b"1");
    store.put_document("d", b"3").await.unwrap();
    assert_eq!(store.document("d").await.unwrap().unwrap(), b"3");
    assert_eq!(store.document("none").await.unwrap(), None);
}

#[tokio::test]
async fn a_changed_or_lost_object_is_never_served() {
    use bulla_core::Diagnose as _;
    let Some(server) = server() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path().join("objects"));
    let database = server.database();
    let writer = open(&database, scratch.path(), &objects).await;
    Writer::begin(&writer, None).await.grow(&writer, 256).await;
    let place = objects.open().await.unwrap();
    let folder = ObjectName::new("test/entries").unwrap();
    let names = place.list(&folder, None, 10).await.unwrap();
    let [name] = &names[..] else {
        panic!("{names:?}")
    };
    let file = scratch.path().join("objects/objects").join(name.as_str());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let reader = open(&database, scratch.path(), &objects).await;
    let error = reader.entries(LOG, 0, 1).await.unwrap_err();
    assert_eq!(error.code().0, "AUTH-0350", "{error}");
    place.delete(name).await.unwrap();
    let error = reader.entries(LOG, 0, 1).await.unwrap_err();
    assert_eq!(error.code().0, "AUTH-0351", "{error}");
    assert!(error.hint().unwrap().contains(name.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_while_the_servers_crash_are_settled() {
    let (Some(mut postgres), Some(mut s3)) = (bulla_testkit::postgres(), bulla_testkit::s3())
    else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let objects = bucket(&s3);
    let database = postgres.database();
    let store = Arc::new(open(&database, scratch.path(), &objects).await);
    let mut size = 0;
    for round in 0..6_u64 {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (running, stopped) = (store.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut writer = Writer::begin(&running, None).await;
            loop {
                let first = writer.head.size;
                let commit = writer.commit((first..first + 77).map(leaf));
                let from = commit.from.size;
                match running.commit(commit).await {
                    Ok(()) if stopped.load(std::sync::atomic::Ordering::Relaxed) => {
                        return (writer.head.size, writer.head.size);
                    }
                    Ok(()) => {}
                    // It did not happen: the servers were back in time to say so.
                    Err(_) => return (from, from),
                }
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(150 + 37 * round)).await;
        if round % 3 == 2 {
            s3.kill();
            s3.restart();
        } else {
            postgres.kill();
            postgres.restart();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        (size, _) = task.await.unwrap();
        whole(&open(&database, scratch.path(), &objects).await, size).await;
    }
    assert!(size > 500, "{size}");
}
