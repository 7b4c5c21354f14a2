//! The same where the keys are rows of PostgreSQL: the hand-over removes rows, and a
//! rotation that the instance cannot do names the command that lets people do it.

use bulla_authority::{
    Authority,
    key_slot::{InstanceKeySource, SlotStore},
    replica::Lead as _,
};
use bulla_store::{ObjectsConfig, PostgresConfig, SharedStore, Storage};
use bulla_testkit::Postgres;

use super::*;

/// An instance over PostgreSQL, and folders for the rest.
struct Rows {
    postgres: Postgres,
    database: String,
    folder: tempfile::TempDir,
    epoch: u64,
}

impl Rows {
    fn new() -> Option<Self> {
        let postgres = bulla_testkit::postgres()?;
        Some(Self {
            database: postgres.database(),
            postgres,
            folder: tempfile::tempdir().unwrap(),
            epoch: 0,
        })
    }

    async fn storage(&self) -> Storage {
        let folder = |name: &str| {
            let path = self.folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let objects = ObjectsConfig {
            directory: Some(folder("objects")),
            ..ObjectsConfig::default()
        };
        let sql = PostgresConfig::new(&*self.database);
        let shared = SharedStore::connect(folder("data"), &sql, &objects).await;
        shared.unwrap().into()
    }

    async fn slots(storage: &Storage) -> KeySlots {
        let rows = SlotStore::Rows(storage.values());
        KeySlots::unlock(rows, &InstanceKeySource::File)
            .await
            .unwrap()
    }

    /// Opens it, and leads.
    async fn open(&mut self) -> Authority {
        let storage = self.storage().await;
        let config = AuthorityConfig::loopback(4321);
        let slots = Self::slots(&storage).await;
        let authority = Authority::open_with(&storage, slots, config, Arc::new(SystemClock));
        let authority = authority.await.unwrap();
        self.epoch += 1;
        let fence = Arc::new(|| true);
        authority.lead(self.epoch, fence).await.unwrap();
        authority
    }

    async fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.storage().await.values())
    }

    async fn export(&self) -> Vec<u8> {
        self.mailbox().await.export().await.unwrap().unwrap()
    }

    /// The sealed keys, by their names.
    fn keys(&self) -> String {
        let names = "SELECT convert_from(key, 'UTF8') FROM value WHERE space = 'key-slot'";
        self.postgres.sql(&self.database, names)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_rows_are_handed_over_rotated_and_replaced() {
    let Some(mut rows) = Rows::new() else { return };
    let first = rows.open().await;
    let id = first.root_id();
    let signer = certify(&first).await;
    // As long as every key is there, the instance rotates by itself.
    assert!(rows.keys().lines().any(|key| key == "tuf-timestamp.sealed"));
    assert_eq!(first.tuf().rotate().await.unwrap().root_version, 2);
    let keys = rows.keys();
    assert!(
        keys.lines().any(|key| key == "tuf-timestamp-2.sealed"),
        "{keys}"
    );
    assert!(
        !keys.lines().any(|key| key == "tuf-timestamp.sealed"),
        "{keys}"
    );
    // Each minute it notes anew what the next ceremony has to know.
    first.renew(Timestamp::now()).await.unwrap();
    drop(first);

    let place = tempfile::tempdir().unwrap();
    let names = ["alice", "bob"];
    let export = rows.export().await;
    let one = place.path().join("one");
    let folder = Folder::create(&one, &plan(&export, &names, &[], 2, true), &export).unwrap();
    let mut keys = Keys::new();
    made(&mut keys, &folder);
    certify_all(&folder, &keys);
    for name in names {
        sign(&folder, &keys, name);
    }
    let complete = now(&folder);
    assert!(complete.hand_over, "{complete:?}");
    let storage = rows.storage().await;
    let (values, slots) = (storage.values(), Rows::slots(&storage).await);
    let (settings, clock) = (TufSettings::default(), Arc::new(SystemClock));
    let outcome = complete.outcome.unwrap();
    hand_over(values, slots, settings, clock, &outcome)
        .await
        .unwrap();
    let left = rows.keys();
    for slot in ["tuf-root", "tuf-targets", "ca-root", "tsa-root"] {
        let row = format!("{slot}.sealed");
        assert!(!left.lines().any(|key| key == row), "{left}");
    }

    let second = rows.open().await;
    assert_eq!(second.root_id(), id, "the fingerprint stays");
    assert_eq!(version(&get(&second, "/tuf/root.json").await.body), 3);
    sign_blob(&second, &signer, b"by the old intermediate").await;
    let signer = certify(&second).await;
    sign_blob(&second, &signer, b"by the new intermediate").await;
    // Now people hold the root's key: the instance refuses, and changes nothing.
    let left = rows.keys();
    let refused = second.tuf().rotate().await.unwrap_err();
    assert_eq!(refused.code().0, "AUTH-0610");
    assert_eq!(rows.keys(), left);
    assert_eq!(version(&get(&second, "/tuf/root.json").await.body), 3);
    drop(second);
    let hint = refused.hint().unwrap();
    let (_, statement) = hint.split_once("psql DATABASE -c \"").unwrap();
    let (statement, _) = statement.split_once('"').unwrap();
    rows.postgres.sql(&rows.database, statement);
    let left = rows.keys();
    assert!(!left.contains("tuf-"), "{left}");
    assert!(left.contains("log-v2.sealed"), "{left}");

    // It makes new ones, which the next ceremony names.
    let third = rows.open().await;
    let former = get(&third, "/tuf/root.json").await.body;
    let export = rows.export().await;
    let two = place.path().join("two");
    let folder = Folder::create(&two, &plan(&export, &names, &[], 2, false), &export).unwrap();
    made(&mut keys, &folder);
    for name in names {
        sign(&folder, &keys, name);
    }
    let mailbox = rows.mailbox().await;
    mailbox.leave(&now(&folder).outcome.unwrap()).await.unwrap();
    third.renew(Timestamp::now()).await.unwrap();
    let taken = mailbox.answer().await.unwrap().unwrap();
    assert_eq!((taken.root_version, taken.error), (Some(4), None));
    let next = get(&third, "/tuf/root.json").await.body;
    let online = |root: &[u8]| {
        let root: Value = serde_json::from_slice(root).unwrap();
        root["signed"]["roles"]["timestamp"]["keyids"].clone()
    };
    assert_ne!(online(&former), online(&next));
    sign_blob(&third, &signer, b"as before").await;
}
