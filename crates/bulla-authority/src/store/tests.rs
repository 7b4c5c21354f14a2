use bulla_crypto::merkle::{Frontier, leaf_hash};

use super::*;

const LOG: &str = "test";

async fn store(dir: &std::path::Path) -> SqlStore {
    let store = bulla_store::Store::open(dir).await.unwrap();
    SqlStore::open(store.state().clone()).await.unwrap()
}

fn commit(from: Head, leaf: &[u8]) -> Commit {
    let mut frontier = Frontier::new();
    frontier.append(leaf_hash(leaf));
    Commit {
        log: LOG,
        from,
        to: Head {
            size: from.size + 1,
            root: frontier.root(),
            epoch: from.epoch,
        },
        entries: vec![NewEntry {
            index: from.size,
            identity: [1; 32],
            bytes: leaf.to_vec(),
        }],
        tiles: frontier.take_written(),
    }
}

#[tokio::test]
async fn a_deposed_writer_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let old = store.take_over(LOG).await.unwrap();
    let new = store.take_over(LOG).await.unwrap();
    assert_eq!((old.size, old.root), (new.size, new.root));
    let refused = store.commit(commit(old, b"forked")).await;
    assert!(matches!(refused, Err(StoreError::Deposed { .. })));
    assert_eq!(
        store.entries(LOG, 0, 9).await.unwrap(),
        Vec::<Vec<u8>>::new()
    );
    assert_eq!(store.tile(LOG, 0, 0).await.unwrap(), None);
    store.commit(commit(new, b"leaf")).await.unwrap();
    assert!(
        store
            .commit(commit(new, b"again from the same head"))
            .await
            .is_err()
    );
    assert_eq!(store.entries(LOG, 0, 9).await.unwrap(), [b"leaf"]);
    assert_eq!(store.find(LOG, [1; 32]).await.unwrap(), Some(0));
}

#[tokio::test]
async fn documents_are_created_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    assert_eq!(store.create_document("d", b"one").await.unwrap(), b"one");
    assert_eq!(store.create_document("d", b"two").await.unwrap(), b"one");
    store.put_document("d", b"three").await.unwrap();
    assert_eq!(store.document("d").await.unwrap().unwrap(), b"three");
    assert_eq!(store.document("none").await.unwrap(), None);
}
