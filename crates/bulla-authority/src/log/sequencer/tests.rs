use std::sync::atomic::Ordering::SeqCst;

use bulla_core::SystemClock;
use bulla_crypto::merkle::verify_consistency;

use super::*;
use crate::log::{
    Log,
    fixture::{Watched, add, check, config, open, published, watched},
};

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
    let before = published(&log, 300).await;
    drop(log);
    let log = open(store.clone()).await.unwrap();
    assert_eq!(log.checkpoint(), before);
    let next = add(&log, "next").await.unwrap();
    assert_eq!(next.index, 300);
    check(&next, "next");
}

#[tokio::test]
async fn entries_that_wait_are_committed_together() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    // One holds the sequencer until all others wait.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = tokio::spawn({
        let log = log.clone();
        async move {
            let entry = log.add([1; 32], move |_, _| {
                held.recv().unwrap();
                Ok(Leaf {
                    merkle: vec![1],
                    stored: vec![1],
                })
            });
            entry.await
        }
    });
    let others: Vec<_> = (0..500)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { add(&log, &format!("entry {n}")).await })
        })
        .collect();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    // However the first batch was cut, there is one more at the most.
    assert!(store.commits.load(SeqCst) <= 2);
}

#[tokio::test]
async fn what_is_not_durable_is_neither_signed_nor_answered() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    add(&log, "one").await.unwrap();
    store.failing.store(true, SeqCst);
    assert!(matches!(
        add(&log, "two").await,
        Err(AuthorityError::LogUnavailable { .. })
    ));
    assert_eq!(log.size(), 1);
    store.failing.store(false, SeqCst);
    let two = add(&log, "two").await.unwrap();
    assert_eq!((two.index, two.duplicate), (1, false));
    check(&two, "two");
}

#[tokio::test]
async fn a_disk_that_hangs_gives_errors_and_the_entry_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let mut log = open(store.clone()).await.unwrap();
    log.patience = std::time::Duration::from_millis(50);
    let hanging = store.hanging.lock().await;
    match add(&log, "one").await {
        Err(AuthorityError::LogUnavailable { why, .. }) => assert!(why.contains("slow")),
        other => panic!("{other:?}"),
    }
    assert_eq!(log.size(), 0);
    drop(hanging);
    assert_eq!(log.grown(0).await, 1);
    let one = log.find(leaf_hash(b"one")).await.unwrap().unwrap();
    check(&one, "one");
}

#[tokio::test]
async fn a_commit_that_only_seems_to_fail_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let log = open(store.clone()).await.unwrap();
    store.lying.store(true, SeqCst);
    check(&add(&log, "one").await.unwrap(), "one");
    // Nor can it be asked at once what became of it.
    store.failing.store(true, SeqCst);
    store.unreachable.store(true, SeqCst);
    assert!(add(&log, "lost").await.is_err());
    store.failing.store(false, SeqCst);
    store.unreachable.store(false, SeqCst);
    let two = add(&log, "two").await.unwrap();
    assert_eq!((two.index, two.duplicate), (1, false));
    check(&two, "two");
    let again = add(&log, "one").await.unwrap();
    assert_eq!((again.index, again.duplicate), (0, true));
}

#[tokio::test]
async fn the_deposed_stops_and_cannot_fork() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let old = open(store.clone()).await.unwrap();
    add(&old, "one").await.unwrap();
    let new = open(store).await.unwrap();
    for entry in ["fork", "again"] {
        assert!(matches!(
            add(&old, entry).await,
            Err(AuthorityError::NotLeading { .. })
        ));
    }
    assert!(!old.is_leading() && new.is_leading());
    let two = add(&new, "two").await.unwrap();
    assert_eq!(two.index, 1);
    check(&two, "two");
}

#[tokio::test]
async fn a_follower_shows_what_the_leader_commits_and_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = watched(dir.path()).await;
    let clock = || Arc::new(SystemClock);
    let follow = |store: &Arc<Watched>| Log::follow(config(store), store.clone(), clock());
    let follower = follow(&store).await.unwrap();
    assert_eq!((follower.size(), follower.is_leading()), (0, false));
    let leader = follow(&store).await.unwrap();
    leader.lead(Some(7)).await.unwrap();
    for n in 0..300 {
        add(&leader, &format!("entry {n}")).await.unwrap();
    }
    let note = published(&leader, 300).await;
    follower.refresh().await.unwrap();
    assert_eq!((follower.size(), follower.checkpoint()), (300, note));
    let wanted = leaf_hash(b"entry 17");
    check(&follower.find(wanted).await.unwrap().unwrap(), "entry 17");
    check(&follower.prove(299).await.unwrap().unwrap(), "entry 299");
    assert!(follower.find([0; 32]).await.unwrap().is_none());
    assert!(follower.prove(300).await.unwrap().is_none());
    assert!(matches!(
        add(&follower, "x").await,
        Err(AuthorityError::NotLeading { .. })
    ));

    // A lease that is older than the last one gives nothing.
    assert!(follower.lead(Some(6)).await.is_err());
    assert!(!follower.is_leading());
    follower.lead(Some(8)).await.unwrap();
    let old = follower.prove(299).await.unwrap().unwrap();
    assert!(add(&leader, "fork").await.is_err());
    let next = add(&follower, "next").await.unwrap();
    assert_eq!(next.index, 300);
    check(&next, "next");
    let proof = follower.consistency(old.size, next.size).await.unwrap();
    verify_consistency(old.size, next.size, &proof, &old.root, &next.root).unwrap();
    assert!(follower.consistency(old.size, next.size + 1).await.is_err());

    // And back: it follows, then leads again in the same epoch.
    follower.step_down();
    assert!(add(&follower, "y").await.is_err());
    follower.lead(Some(8)).await.unwrap();
    assert_eq!(add(&follower, "y").await.unwrap().index, 301);
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
    bulla_store::sqlx::raw_sql(
        "UPDATE log_head SET edge = CAST(substr(edge, 1, 11) || zeroblob(96) AS BLOB)",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert!(matches!(
        open(store.clone()).await,
        Err(AuthorityError::Damaged { .. })
    ));
    bulla_store::sqlx::raw_sql("UPDATE log_head SET edge = zeroblob(0)")
        .execute(&pool)
        .await
        .unwrap();
    assert!(matches!(open(store).await, Err(AuthorityError::Merkle(_))));
}
