use bulla_crypto::merkle::{Frontier, leaf_hash};

use super::*;

const LOG: &str = "test";

async fn store(dir: &std::path::Path) -> SqlStore {
    let store = bulla_store::Store::open(dir).await.unwrap();
    SqlStore::open(store.state().clone()).await.unwrap()
}

fn commit(from: Head, leaves: &[&[u8]]) -> Commit {
    let mut frontier = Frontier::new();
    let entries = leaves.iter().map(|leaf| {
        frontier.append(leaf_hash(leaf));
        NewEntry {
            identity: leaf_hash(leaf),
            bytes: Bytes::copy_from_slice(leaf),
        }
    });
    let entries = entries.collect();
    Commit {
        log: LOG,
        from,
        to: Head {
            size: from.size + leaves.len() as u64,
            root: frontier.root(),
            epoch: from.epoch,
        },
        entries,
        tiles: frontier.full(),
        edge: frontier.edge(),
    }
}

#[tokio::test]
async fn a_deposed_writer_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    assert_eq!(store.tree(LOG).await.unwrap(), None);
    let old = store.take_over(LOG, None).await.unwrap().head;
    let new = store.take_over(LOG, None).await.unwrap().head;
    assert_eq!((old.size, old.root), (new.size, new.root));
    let deposed = |refused| matches!(refused, Err(StoreError::Deposed { .. }));
    assert!(deposed(store.commit(commit(old, &[b"forked"])).await));
    assert!(deposed(store.publish(LOG, old.epoch, 0, "old").await));
    assert!(store.entries(LOG, 0, 9).await.unwrap().is_empty());
    let forked = [leaf_hash(b"forked")];
    assert_eq!(store.find_all(LOG, &forked).await.unwrap(), [None]);
    let tree = store.tree(LOG).await.unwrap().unwrap();
    assert_eq!(
        (tree.head, tree.edge.len(), tree.checkpoint),
        (new, 0, None)
    );

    let leaf = commit(new, &[b"leaf"]);
    store.commit(leaf.clone()).await.unwrap();
    assert!(deposed(store.commit(commit(new, &[b"again"])).await));
    assert_eq!(store.entries(LOG, 0, 9).await.unwrap(), [&b"leaf"[..]]);
    let wanted = [forked[0], leaf_hash(b"leaf")];
    assert_eq!(store.find_all(LOG, &wanted).await.unwrap(), [None, Some(0)]);
    let tree = store.tree(LOG).await.unwrap().unwrap();
    assert_eq!((tree.head, tree.edge), (leaf.to, leaf.edge));
}

#[tokio::test]
async fn a_fencing_epoch_only_grows() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let epoch = async |wanted| {
        store
            .take_over(LOG, wanted)
            .await
            .map(|tree| tree.head.epoch)
    };
    assert_eq!(epoch(Some(5)).await.unwrap(), 5);
    assert_eq!(epoch(Some(5)).await.unwrap(), 5);
    assert!(matches!(
        epoch(Some(4)).await,
        Err(StoreError::Deposed { .. })
    ));
    assert_eq!(epoch(None).await.unwrap(), 6);
    assert_eq!(epoch(Some(9)).await.unwrap(), 9);
}

#[tokio::test]
async fn the_published_checkpoint_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let epoch = store.take_over(LOG, None).await.unwrap().head.epoch;
    for (size, note, kept) in [
        (3, "three", "three"),
        (2, "two", "three"),
        (3, "again", "again"),
    ] {
        store.publish(LOG, epoch, size, note).await.unwrap();
        let tree = store.tree(LOG).await.unwrap().unwrap();
        assert_eq!(tree.checkpoint.as_deref(), Some(kept));
    }
}

/// A log that outgrows memory twice over and is read by another process afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_are_found_in_memory_in_runs_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path()).await;
    let mut head = first.take_over(LOG, None).await.unwrap().head;
    let mut frontier = Frontier::new();
    let leaf = |n: u64| format!("entry {n}").into_bytes();
    const COUNT: u64 = 150_000;
    let all = |n: u64| leaf_hash(&leaf(n));
    for batch in 0..COUNT / 3000 {
        let numbers = batch * 3000..(batch + 1) * 3000;
        let entries = numbers.map(|n| {
            frontier.append(all(n));
            let identity = all(n);
            let bytes = leaf(n).into();
            NewEntry { identity, bytes }
        });
        let entries = entries.collect();
        let to = Head {
            size: frontier.size(),
            root: frontier.root(),
            ..head
        };
        let (tiles, edge) = (frontier.full(), frontier.edge());
        frontier.settle();
        let (log, from) = (LOG, head);
        let commit = Commit {
            log,
            from,
            to,
            entries,
            tiles,
            edge,
        };
        first.commit(commit).await.unwrap();
        head = to;
    }
    let wanted: Vec<_> = (0..COUNT + 500).step_by(499).collect();
    let identities: Vec<_> = wanted.iter().map(|n| all(*n)).collect();
    let expected: Vec<_> = wanted
        .iter()
        .map(|n| Some(*n).filter(|n| *n < COUNT))
        .collect();
    assert_eq!(first.find_all(LOG, &identities).await.unwrap(), expected);
    let second = store(dir.path()).await;
    assert_eq!(second.find_all(LOG, &identities).await.unwrap(), expected);
    assert_eq!(second.take_over(LOG, None).await.unwrap().head.size, COUNT);
    for n in [0, 255, 256, 2999, 3000, COUNT - 1] {
        let read = second.entries(LOG, n, 2).await.unwrap();
        let there = (n..COUNT.min(n + 2)).map(leaf).collect::<Vec<_>>();
        assert_eq!(read, there, "{n}");
    }
    assert_eq!(second.entries(LOG, 1000, 700).await.unwrap().len(), 700);
    assert!(second.entries(LOG, COUNT, 1).await.unwrap().is_empty());
    let tile = second.tile(LOG, 1, 0).await.unwrap().unwrap();
    assert_eq!(tile.len(), 256 * 32);
}

/// What the first schema wrote: a row for each entry, the edge among the tiles.
#[tokio::test]
async fn a_log_of_the_first_schema_goes_on() {
    use bulla_store::sqlx::{query, raw_sql};
    let dir = tempfile::tempdir().unwrap();
    let state = bulla_store::Store::open(dir.path())
        .await
        .unwrap()
        .state()
        .clone();
    let old = bulla_store::Schema {
        component: "authority",
        steps: sql::FIRST_STEP,
    };
    state.migrate(&[old]).await.unwrap();
    let mut frontier = Frontier::new();
    let leaf = |n: u64| format!("entry {n}").into_bytes();
    let identity = |n: u64| leaf_hash(&[b"other than the leaf", &leaf(n)[..]].concat());
    let mut transaction = state.write().await.unwrap();
    for n in 0..300u32 {
        frontier.append(leaf_hash(&leaf(n.into())));
        query("INSERT INTO log_entry VALUES (?, ?, ?, ?)")
            .bind(LOG)
            .bind(n)
            .bind(&identity(n.into())[..])
            .bind(leaf(n.into()))
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    for tile in frontier.full().into_iter().chain(frontier.edge()) {
        query("INSERT INTO log_tile VALUES (?, ?, ?, ?)")
            .bind(LOG)
            .bind(i64::from(tile.id.level))
            .bind(i64::try_from(tile.id.index).unwrap())
            .bind(tile.bytes)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    query("INSERT INTO log_head VALUES (?, 300, ?, 4)")
        .bind(LOG)
        .bind(&frontier.root()[..])
        .execute(&mut *transaction)
        .await
        .unwrap();
    state.commit(transaction).await.unwrap();
    frontier.settle();

    let store = SqlStore::open(state.clone()).await.unwrap();
    let tree = store.take_over(LOG, None).await.unwrap();
    assert_eq!(
        (tree.head.size, tree.head.root, tree.head.epoch),
        (300, frontier.root(), 5)
    );
    assert_eq!(tree.edge, frontier.edge());
    assert_eq!(store.entries(LOG, 7, 2).await.unwrap(), [leaf(7), leaf(8)]);
    let wanted = [identity(0), identity(299), identity(300)];
    assert_eq!(
        store.find_all(LOG, &wanted).await.unwrap(),
        [Some(0), Some(299), None]
    );
    // A tile that was partial becomes full, and the edge is the head's from now on.
    let entries = (300..600).map(|n| {
        frontier.append(leaf_hash(&leaf(n)));
        let (identity, bytes) = (identity(n), leaf(n).into());
        NewEntry { identity, bytes }
    });
    let entries = entries.collect();
    let to = Head {
        size: 600,
        root: frontier.root(),
        epoch: 5,
    };
    let (log, from, tiles, edge) = (LOG, tree.head, frontier.full(), frontier.edge());
    let commit = Commit {
        log,
        from,
        to,
        entries,
        tiles,
        edge: edge.clone(),
    };
    store.commit(commit).await.unwrap();
    assert_eq!(store.tile(LOG, 0, 1).await.unwrap().unwrap().len(), 8192);
    assert_eq!(store.tree(LOG).await.unwrap().unwrap().edge, edge);
    assert_eq!(
        store.entries(LOG, 299, 2).await.unwrap(),
        [leaf(299), leaf(300)]
    );
    raw_sql("SELECT 1 FROM log_entry")
        .execute(state.read())
        .await
        .unwrap_err();
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
