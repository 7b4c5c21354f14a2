use bulla_store::{ObjectsConfig, PostgresConfig, SharedStore, Storage, Store};
use jiff::ToSpan as _;

use super::*;

#[tokio::test]
async fn of_many_that_come_at_once_one_is_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let token = TokenUse {
        issuer: "https://ci.example",
        jti: Some("a"),
        signing_input: b"h.p",
        expires: now + 600.seconds(),
    };
    // Two replicas: two values over one database.
    let replicas = [
        SingleUse::new(store.values()),
        SingleUse::new(store.values()),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..40 {
        let replica = replicas[turn % 2].clone();
        tasks.spawn(async move { replica.spend(token).await.unwrap() });
    }
    let accepted = tasks.join_all().await.into_iter().filter(|first| *first);
    assert_eq!(accepted.count(), 1);
    let other = TokenUse {
        issuer: "https://ci.example/2",
        ..token
    };
    assert!(replicas[0].spend(other).await.unwrap());
    assert!(!replicas[1].spend(other).await.unwrap());
}

#[tokio::test]
async fn a_token_without_an_id_is_known_by_what_was_signed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let cache = SingleUse::new(store.values());
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let token = |jti, signing_input| TokenUse {
        issuer: "i",
        jti,
        signing_input,
        expires: now,
    };
    assert!(cache.spend(token(None, b"h.p")).await.unwrap());
    assert!(!cache.spend(token(None, b"h.p")).await.unwrap());
    assert!(cache.spend(token(Some("h.p"), b"h.q")).await.unwrap());
    // It may be forgotten only when nobody accepts it any more.
    cache.renew(now + 299.seconds()).await.unwrap();
    assert!(!cache.spend(token(None, b"h.p")).await.unwrap());
    cache.renew(now + 300.seconds()).await.unwrap();
    assert!(cache.spend(token(None, b"h.p")).await.unwrap());
}

/// Two replicas over one PostgreSQL: connections of their own, one token.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_accepts() {
    let Some(server) = bulla_testkit::postgres() else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let sql = PostgresConfig::new(server.database());
    let objects = ObjectsConfig::directory(scratch.path().join("objects"));
    let mut replicas = Vec::new();
    for name in ["one", "two"] {
        let directory = scratch.path().join(name);
        let shared = SharedStore::connect(&directory, &sql, &objects).await;
        let storage = Storage::from(shared.unwrap());
        replicas.push(SingleUse::new(storage.values()));
    }
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    for turn in 0..20 {
        let jti = format!("token {turn}");
        let mut tasks = tokio::task::JoinSet::new();
        for replica in replicas.clone() {
            let jti = jti.clone();
            tasks.spawn(async move {
                let token = TokenUse {
                    issuer: "https://ci.example",
                    jti: Some(&jti),
                    signing_input: b"h.p",
                    expires: now,
                };
                replica.spend(token).await.unwrap()
            });
        }
        let accepted = tasks.join_all().await.into_iter().filter(|first| *first);
        assert_eq!(accepted.count(), 1, "{jti}");
    }
}
