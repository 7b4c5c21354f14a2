use super::*;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

const PASSPHRASE: &str = "correct horse battery staple";

async fn key(slots: &KeySlots, slot: &str) -> bulla_crypto::PublicKey {
    let key = slots.get_or_create(slot, Scheme::EcdsaP256).await.unwrap();
    key.public().clone()
}

async fn rows(dir: &Path) -> SlotStore {
    SlotStore::Rows(bulla_store::Store::open(dir).await.unwrap().values())
}

fn write(path: PathBuf, text: &str) -> PathBuf {
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    path
}

fn passphrase(file: &Path) -> InstanceKeySource {
    InstanceKeySource::Passphrase {
        file: file.into(),
        former: None,
    }
}

#[tokio::test]
async fn keys_stay_and_only_the_instance_key_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    let slots = KeySlots::open(&keys).await.unwrap();
    let first = slots.get_or_create("ca", Scheme::EcdsaP256).await.unwrap();
    let again = KeySlots::open(&keys).await.unwrap();
    assert_eq!(&key(&again, "ca").await, first.public());
    let wrong = again.get_or_create("ca", Scheme::Ed25519).await;
    assert!(matches!(wrong, Err(AuthorityError::Damaged { .. })));
    let secret = fs::read(keys.join("instance.key")).unwrap();
    for entry in fs::read_dir(&keys).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        if path.extension().is_some_and(|kind| kind == "sealed") {
            let sealed = fs::read(path).unwrap();
            assert!(
                !sealed
                    .windows(20)
                    .any(|w| secret.windows(20).any(|s| s == w))
            );
        }
    }
}

#[tokio::test]
async fn a_lost_or_open_instance_key_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let slots = KeySlots::open(dir.path()).await.unwrap();
    key(&slots, "ca").await;
    let path = dir.path().join("instance.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = KeySlots::open(dir.path()).await;
    assert!(matches!(open, Err(AuthorityError::KeyFile { .. })));
    fs::remove_file(&path).unwrap();
    let lost = KeySlots::open(dir.path()).await;
    assert!(matches!(
        lost,
        Err(AuthorityError::InstanceKeyMissing { .. })
    ));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_passphrase_opens_rows_and_files_and_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let first = write(dir.path().join("first"), &format!("{PASSPHRASE}\n"));
    let second = write(dir.path().join("second"), "another passphrase entirely");
    let stores = [
        rows(&dir.path().join("data")).await,
        SlotStore::files(&dir.path().join("keys")).unwrap(),
    ];
    for store in stores {
        let slots = KeySlots::unlock(store.clone(), &passphrase(&first)).await;
        let public = key(&slots.unwrap(), "ca").await;

        let wrong = KeySlots::unlock(store.clone(), &passphrase(&second)).await;
        let wrong = wrong.err().unwrap();
        assert!(matches!(
            wrong,
            AuthorityError::Seal(bulla_crypto::seal::SealError::Passphrase)
        ));
        // A local instance would keep the key in the open beside its slots: no.
        let opened = KeySlots::unlock(store.clone(), &InstanceKeySource::File).await;
        assert!(opened.is_err());

        let both = InstanceKeySource::Passphrase {
            file: second.clone(),
            former: Some(first.clone()),
        };
        let slots = KeySlots::unlock(store.clone(), &both).await.unwrap();
        assert_eq!(key(&slots, "ca").await, public);
        let slots = KeySlots::unlock(store.clone(), &passphrase(&second)).await;
        assert_eq!(key(&slots.unwrap(), "ca").await, public);
        assert!(KeySlots::unlock(store, &passphrase(&first)).await.is_err());
    }
    let everything = fs::read(dir.path().join("keys/instance.wrapped")).unwrap();
    assert!(!String::from_utf8_lossy(&everything).contains("passphrase entirely"));
}

#[tokio::test]
async fn replicas_that_start_together_get_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path().join("passphrase"), PASSPHRASE);
    let store = rows(&dir.path().join("data")).await;
    let source = passphrase(&file);
    let open = || KeySlots::unlock(store.clone(), &source);
    let (a, b) = tokio::join!(open(), open());
    let (a, b) = (a.unwrap(), b.unwrap());
    let (one, other) = tokio::join!(key(&a, "log"), key(&b, "log"));
    assert_eq!(one, other);
    assert_eq!(
        a.unseal("totp", &b.seal("totp", b"seed").unwrap())
            .unwrap()
            .as_slice(),
        b"seed"
    );
}

#[tokio::test]
async fn slots_can_be_emptied_and_filled() {
    let dir = tempfile::tempdir().unwrap();
    for store in [
        rows(&dir.path().join("data")).await,
        SlotStore::Files(dir.path().into()),
    ] {
        let slots = KeySlots {
            store,
            instance_key: Arc::new(InstanceKey::generate().unwrap()),
            external: Arc::default(),
        };
        assert!(slots.get("tuf-root").await.unwrap().is_none());
        let created = key(&slots, "tuf-root").await;
        let other = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        slots.replace("tuf-root", &other).await.unwrap();
        assert_eq!(&key(&slots, "tuf-root").await, other.public());
        assert_ne!(&created, other.public());
        slots.remove("tuf-root").await.unwrap();
        slots.remove("tuf-root").await.unwrap();
        assert!(slots.get("tuf-root").await.unwrap().is_none());
        let sealed = slots.seal("tuf-root", other.to_pkcs8_der()).unwrap();
        slots.store.put("tuf-root.sealed", sealed).await.unwrap();
        assert!(slots.get("tuf-root").await.is_err(), "a secret is no key");
    }
}

#[tokio::test]
async fn passphrase_files_that_anybody_reads_or_guesses_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = SlotStore::files(&dir.path().join("keys")).unwrap();
    let short = write(dir.path().join("short"), "short");
    let open = dir.path().join("open");
    fs::write(&open, PASSPHRASE).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let refusal = async |file: &Path| {
        let refused = KeySlots::unlock(store.clone(), &passphrase(file)).await;
        match refused.err().unwrap() {
            AuthorityError::Holder(error) => error,
            other => panic!("{other}"),
        }
    };
    assert!(matches!(refusal(&short).await, HolderError::Short(_)));
    assert!(matches!(refusal(&open).await, HolderError::Open(_)));
    let missing = dir.path().join("missing");
    assert!(matches!(refusal(&missing).await, HolderError::File { .. }));
}

#[tokio::test]
async fn a_slot_is_not_filled_from_a_key_file() {
    let dir = tempfile::tempdir().unwrap();
    let slots = KeySlots::open(dir.path()).await.unwrap();
    for reference in ["key.pem", "env://KEY", "/etc/key.pem"] {
        let named = BTreeMap::from([("ca".to_owned(), reference.to_owned())]);
        let environment = Environment::default();
        let refused = slots.clone().with_external(&named, &environment).await;
        assert!(matches!(
            refused.err().unwrap(),
            AuthorityError::ExternalKey(ExternalKeyError::Reference)
        ));
    }
}
