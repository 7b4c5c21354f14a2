//! Leases over PostgreSQL: one holder at a time, told apart by epochs.

use bulla_store::{Claim, Lease, Leases, ObjectsConfig, PostgresConfig, SharedStore, Storage};
use std::time::Duration;

use super::shared;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

async fn leases(database: &str) -> Leases {
    let scratch = tempfile::tempdir().unwrap();
    let objects = ObjectsConfig::directory(scratch.path().join("objects"));
    let sql = PostgresConfig::new(database);
    let shared = SharedStore::connect(scratch.path().join("data"), &sql, &objects).await;
    Storage::from(shared.unwrap()).leases()
}

async fn won(leases: &Leases, who: &str, life: Duration) -> Lease {
    match leases.acquire("leader", who, "https://x", life).await {
        Ok(Claim::Won(lease)) => lease,
        other => panic!("{who}: {other:?}"),
    }
}

#[tokio::test]
async fn passes_from_holder_to_holder_with_a_higher_epoch() {
    let Some(server) = shared() else { return };
    let database = server.database();
    let (a, b) = (leases(&database).await, leases(&database).await);
    let first = won(&a, "a", LONG).await;
    assert!(first.remaining() <= LONG - LONG / 10, "{first:?}");
    assert_eq!(won(&a, "a", LONG).await.epoch(), first.epoch());
    let Claim::Held(holder) = b.acquire("leader", "b", "https://b", LONG).await.unwrap() else {
        panic!("two holders");
    };
    assert_eq!((&*holder.holder, &*holder.address), ("a", "https://x"));
    assert_eq!(b.holder("leader").await.unwrap(), Some(holder));
    a.release(first.clone()).await.unwrap();
    assert_eq!(b.holder("leader").await.unwrap(), None);
    let second = won(&b, "b", LONG).await;
    assert!(second.epoch() > first.epoch());
    assert!(
        a.renew(&first).await.unwrap().is_none(),
        "renewed what it lost"
    );
    // Releasing what was lost takes nothing from the new holder.
    a.release(first).await.unwrap();
    assert_eq!(b.holder("leader").await.unwrap().unwrap().holder, "b");
}

#[tokio::test]
async fn runs_out_by_itself_here_no_later_than_there() {
    let Some(server) = shared() else { return };
    let leases = leases(&server.database()).await;
    let first = won(&leases, "a", SHORT).await;
    let second = loop {
        let claim = leases
            .acquire("leader", "b", "https://b", LONG)
            .await
            .unwrap();
        match claim {
            Claim::Won(lease) => break lease,
            Claim::Held(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(first.remaining(), Duration::ZERO);
    assert!(second.epoch() > first.epoch());
}

#[tokio::test]
async fn of_many_at_once_one_wins() {
    let Some(server) = shared() else { return };
    let database = server.database();
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(leases(&database).await);
    }
    let tasks: Vec<_> = all
        .into_iter()
        .enumerate()
        .map(|(n, leases)| {
            tokio::spawn(async move {
                let who = format!("replica {n}");
                let claim = leases.acquire("leader", &who, "https://x", LONG).await;
                matches!(claim.unwrap(), Claim::Won(_))
            })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += u32::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
}
