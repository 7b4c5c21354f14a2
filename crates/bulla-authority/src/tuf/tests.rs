//! The repository as our own client reads it, through everything that happens
//! to it: changes, rotations, ceremonies, time, and other processes.

use bulla_core::{Clock, Diagnose as _, Digest};
use bulla_crypto::{Scheme, SigningKey};
use bulla_store::{Store, Values, state::Change};
use bulla_trust::tuf::{
    Files, Step, Update, Updated,
    metadata::{Delegation, Document, Role, RoleKeys, Root, TargetFile, Targets, TufKey, expiry},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

use super::*;
use crate::key_slot::KeySlots;

mod ceremony;

struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// An instance's repository and one client of it.
struct World {
    _dir: tempfile::TempDir,
    store: Store,
    slots: KeySlots,
    clock: Arc<Moved>,
    publisher: Publisher,
    first_root: Vec<u8>,
    cache: Files,
}

fn start() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn top(text: &str) -> Vec<TopTarget> {
    let target = |path: &str| TopTarget {
        path: path.into(),
        bytes: format!("{path} {text}").into_bytes(),
        custom: None,
    };
    vec![
        target("trusted_root.json"),
        target("signing_config.v0.2.json"),
    ]
}

impl World {
    async fn new() -> Self {
        Self::with(Seed {
            since: start(),
            ..Seed::default()
        })
        .await
    }

    async fn with(seed: Seed) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        let slots = KeySlots::open(&dir.path().join("keys")).await.unwrap();
        let clock = Arc::new(Moved(Mutex::new(start())));
        let publisher = open(&store, &slots, &clock, seed).await.unwrap();
        let first_root = publisher.first_root().await.unwrap();
        Self {
            _dir: dir,
            store,
            slots,
            clock,
            publisher,
            first_root,
            cache: Files::new(),
        }
    }

    fn values(&self) -> Values {
        self.store.values()
    }

    fn pass(&self, time: SignedDuration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }

    async fn reopen(&mut self) {
        let seed = Seed::default();
        let publisher = open(&self.store, &self.slots, &self.clock, seed).await;
        self.publisher = publisher.unwrap();
    }

    /// An update as our client does it, which never goes back.
    async fn read(&mut self, paths: &[&str]) -> Result<Updated, bulla_trust::tuf::TufError> {
        let fingerprint = Digest::sha256(&self.first_root);
        let now = self.clock.now();
        let cache = self.cache.clone();
        let mut update =
            Update::start(&self.first_root, &fingerprint, cache, now)?.with_targets(paths);
        loop {
            match update.step()? {
                Step::Done(updated) => {
                    self.cache = updated.metadata.clone();
                    return Ok(*updated);
                }
                Step::Need(need) => {
                    let bytes = self.publisher.file(&need.path).await.unwrap();
                    update.answer(&need, bytes)?;
                }
            }
        }
    }

    async fn root(&self) -> Root {
        Root::first(&self.publisher.file("root.json").await.unwrap().unwrap()).unwrap()
    }

    async fn version(&self, role: &str) -> u64 {
        let bytes = self.publisher.file(role).await.unwrap().unwrap();
        Document::parse(&bytes).unwrap().body()["version"]
            .as_u64()
            .unwrap()
    }
}

async fn open(
    store: &Store,
    slots: &KeySlots,
    clock: &Arc<Moved>,
    seed: Seed,
) -> Result<Publisher, TufError> {
    let settings = TufSettings::default();
    let publisher = Publisher::new(store.values(), slots.clone(), settings, clock.clone(), seed);
    publisher.take_over().await?;
    publisher.open(top("1")).await?;
    Ok(publisher)
}

#[tokio::test]
async fn a_client_reads_documents_and_what_is_published_daily() {
    let mut world = World::new().await;
    let read = world.read(&["revocations/list.json"]).await.unwrap();
    assert_eq!(read.trusted_root, b"trusted_root.json 1");
    assert!(read.targets.is_empty(), "not published is not there");
    let published = world
        .publisher
        .put_target("revocations/list.json", b"[1]".to_vec())
        .await
        .unwrap();
    world
        .publisher
        .put_target("advisories/osv/npm.zip", b"zip".to_vec())
        .await
        .unwrap();
    let paths = [
        "revocations/list.json",
        "advisories/osv/npm.zip",
        "policies/none",
    ];
    let read = world.read(&paths).await.unwrap();
    assert_eq!(read.targets[paths[0]], b"[1]");
    assert_eq!(read.targets[paths[1]], b"zip");
    assert_eq!(read.targets.len(), 2);
    assert_eq!(
        world.publisher.target(paths[0]).await.unwrap().unwrap(),
        b"[1]"
    );
    // The same again is no new version; something else is.
    let again = world
        .publisher
        .put_target(paths[1], b"zip".to_vec())
        .await
        .unwrap();
    assert_eq!(again.online_version, published.online_version + 1);
    let removed = world.publisher.remove_target(paths[0]).await.unwrap();
    assert_eq!(removed.online_version, again.online_version + 1);
    assert_eq!(
        world.publisher.targets("revocations/").await.unwrap(),
        [""; 0]
    );
    let read = world.read(&paths).await.unwrap();
    assert!(!read.targets.contains_key(paths[0]));
}

#[tokio::test]
async fn the_online_role_speaks_for_its_paths_alone() {
    let world = World::new().await;
    for path in [
        "trusted_root.json",
        "other/x",
        "revocations/a/b",
        "revocations",
        "revocations/../x",
        "revocations/.x",
    ] {
        let refused = world.publisher.put_target(path, vec![]).await.unwrap_err();
        let code = refused.code().0;
        assert!(
            ["AUTH-0605", "TRUST-0272"].contains(&code),
            "{path}: {refused}"
        );
    }
    let large = vec![0; (16 << 20) + 1];
    let refused = world
        .publisher
        .put_target("revocations/x", large)
        .await
        .unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0608");
}

#[tokio::test]
async fn many_callers_share_a_commit_and_all_are_published() {
    let mut world = World::new().await;
    let before = world.version("timestamp.json").await;
    let calls = (0..40).map(|index| {
        let publisher = world.publisher.clone();
        tokio::spawn(async move {
            let path = format!("revocations/{index}.json");
            publisher.put_target(&path, vec![index]).await.unwrap()
        })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        call.await.unwrap();
    }
    let commits = world.version("timestamp.json").await - before;
    assert!(commits < 40, "{commits}");
    assert_eq!(
        world.publisher.targets("revocations/").await.unwrap().len(),
        40
    );
    world.read(&[]).await.unwrap();
}

#[tokio::test]
async fn two_processes_never_give_a_version_twice_nor_lose_a_change() {
    let mut world = World::new().await;
    let second = open(&world.store, &world.slots, &world.clock, Seed::default())
        .await
        .unwrap();
    let tasks = (0..24).map(|index: u8| {
        let publisher = if index.is_multiple_of(2) {
            world.publisher.clone()
        } else {
            second.clone()
        };
        tokio::spawn(async move {
            publisher
                .put_target(&format!("policies/{index}"), vec![index])
                .await
                .unwrap()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut seen = std::collections::BTreeMap::new();
    for task in tasks {
        let published = task.await.unwrap();
        let version = published.timestamp_version;
        let same = seen.entry(version).or_insert(published.clone());
        assert_eq!(*same, published);
    }
    assert_eq!(second.targets("policies/").await.unwrap().len(), 24);
    world.read(&[]).await.unwrap();
}

#[tokio::test]
async fn nothing_is_signed_again_before_it_is_due_and_everything_before_it_expires() {
    let mut world = World::new().await;
    world.reopen().await;
    world.publisher.renew(world.clock.now()).await.unwrap();
    assert_eq!(world.version("timestamp.json").await, 1, "nothing was due");
    let mut last = (1, 1);
    for day in 1..=160 {
        world.pass(days(1));
        world.publisher.renew(world.clock.now()).await.unwrap();
        if day % 8 != 0 {
            continue;
        }
        let read = world.read(&[]).await.unwrap();
        assert!(read.expires >= world.clock.now().checked_add(days(5)).unwrap());
        let versions = (
            world.version("timestamp.json").await,
            world.version("root.json").await,
        );
        assert!(versions >= last);
        last = versions;
    }
    assert!(last.0 > 150, "each day: {last:?}");
    // Root and targets too, while their keys are online.
    world.pass(days(3000));
    let expired = world.read(&[]).await.unwrap_err();
    assert_eq!(expired.code().0, "TRUST-0251");
    world.publisher.renew(world.clock.now()).await.unwrap();
    let read = world.read(&[]).await.unwrap();
    assert_eq!(read.root_version, 2);
}

#[tokio::test]
async fn a_clock_that_is_behind_takes_no_expiry_back() {
    let mut world = World::new().await;
    world.pass(days(2));
    world.publisher.renew(world.clock.now()).await.unwrap();
    let before = world.read(&[]).await.unwrap().expires;
    world.pass(days(-2));
    world.publisher.renew(world.clock.now()).await.unwrap();
    let published = world
        .publisher
        .put_target("revocations/x", vec![1])
        .await
        .unwrap();
    assert_eq!(published.expires, before);
    world.read(&["revocations/x"]).await.unwrap();
    // From a clock that was years ahead one comes back, which is said in the log.
    world.pass(days(4000));
    world.publisher.renew(world.clock.now()).await.unwrap();
    world.pass(days(-4000));
    let published = world
        .publisher
        .put_target("revocations/x", vec![2])
        .await
        .unwrap();
    assert!(published.expires < before.checked_add(days(30)).unwrap());
}

#[tokio::test]
async fn an_instance_from_before_keeps_its_root_and_goes_on_counting() {
    let before = World::new().await;
    let root = before.first_root.clone();
    // The same keys, another store: as if the rows were not there yet.
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let seed = Seed {
        root: Some(root.clone()),
        floor: 41,
        since: start(),
    };
    let publisher = open(&store, &before.slots, &before.clock, seed.clone())
        .await
        .unwrap();
    assert_eq!(publisher.first_root().await.unwrap(), root);
    let timestamp = publisher.file("timestamp.json").await.unwrap().unwrap();
    let timestamp: serde_json::Value = serde_json::from_slice(&timestamp).unwrap();
    assert_eq!(timestamp["signed"]["version"], 42);
    let again = open(&store, &before.slots, &before.clock, seed)
        .await
        .unwrap();
    assert_eq!(again.first_root().await.unwrap(), root);
}

#[tokio::test]
async fn rows_that_somebody_changed_are_not_signed() {
    let world = World::new().await;
    world
        .publisher
        .put_target("revocations/x", b"1".to_vec())
        .await
        .unwrap();
    let values = world.values();
    let path = "2.online.json";
    let bytes = values.get("tuf", path).await.unwrap().unwrap();
    let text = String::from_utf8(bytes)
        .unwrap()
        .replace("revocations/x", "revocations/y");
    let put = Change::Put {
        key: path,
        value: text.as_bytes(),
    };
    values.apply("tuf", &[put]).await.unwrap();
    let refused = world
        .publisher
        .put_target("revocations/z", vec![])
        .await
        .unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0601", "{refused}");
}

#[tokio::test]
async fn online_keys_are_replaced_and_clients_follow() {
    let mut world = World::new().await;
    world
        .publisher
        .put_target("revocations/x", b"1".to_vec())
        .await
        .unwrap();
    world.read(&[]).await.unwrap();
    let before = world.root().await;
    let installed = world.publisher.rotate().await.unwrap();
    assert_eq!(installed.root_version, 2);
    for role in ["snapshot", "timestamp", "online"] {
        let former = world.slots.get(&format!("tuf-{role}")).await.unwrap();
        assert!(former.is_none(), "the former {role} key is gone");
    }
    let after = world.root().await;
    assert_eq!(after.version, 2);
    assert_ne!(before.timestamp, after.timestamp);
    assert_ne!(before.snapshot, after.snapshot);
    assert_eq!(before.root, after.root);
    let read = world.read(&["revocations/x"]).await.unwrap();
    assert_eq!((read.root_version, read.targets.len()), (2, 1));
    world.reopen().await;
    world
        .publisher
        .put_target("revocations/x", b"2".to_vec())
        .await
        .unwrap();
    assert_eq!(
        world.read(&["revocations/x"]).await.unwrap().targets["revocations/x"],
        b"2"
    );
}
