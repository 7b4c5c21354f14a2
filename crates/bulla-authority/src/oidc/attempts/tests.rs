use bulla_store::Store;
use jiff::ToSpan as _;

use super::*;

#[tokio::test]
async fn five_are_free_then_each_waits_longer() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let attempts = Attempts::new(store.values());
    let mut now = Timestamp::from_second(1_800_000_000).unwrap();
    let count = async |now| {
        attempts
            .count("login", "Dana@Example.com", now)
            .await
            .unwrap()
    };
    for _ in 0..5 {
        assert_eq!(count(now).await, Leave::Go);
    }
    let mut waits = Vec::new();
    for _ in 0..10 {
        let Leave::Wait(wait) = count(now).await else {
            panic!("no wait")
        };
        waits.push(wait.as_secs());
        now += wait;
        assert_eq!(count(now).await, Leave::Go);
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    // Another name and another purpose are not concerned; success and time forget.
    assert_eq!(
        attempts
            .count("device", "dana@example.com", now)
            .await
            .unwrap(),
        Leave::Go
    );
    assert_eq!(
        attempts
            .count("login", "eve@example.com", now)
            .await
            .unwrap(),
        Leave::Go
    );
    assert_eq!(count(now + 3600.seconds()).await, Leave::Go);
    attempts.forget("login", "dana@example.com").await.unwrap();
    assert_eq!(count(now).await, Leave::Go);
}

#[tokio::test]
async fn a_crowd_at_once_gets_no_more_tries() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let attempts = Attempts::new(store.values());
        crowd.spawn(async move {
            attempts
                .count("login", "dana@example.com", now)
                .await
                .unwrap()
        });
    }
    let tried = crowd
        .join_all()
        .await
        .into_iter()
        .filter(|l| *l == Leave::Go);
    assert!(tried.count() <= 5);
}
