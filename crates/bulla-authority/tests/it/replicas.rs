//! Several replicas over PostgreSQL and S3, each a process of its own, that are
//! killed, frozen and cut off while clients write.
//!
//! What is checked afterwards, always: every acknowledged entry is in the log at
//! its place, no place was given twice, no entry has two places, and every
//! checkpoint that anybody was shown is one of the final tree's.

mod certificates;
mod child;
mod cluster;
mod load;

use std::time::{Duration, Instant};

use cluster::Cluster;
use load::Load;

/// Kills of the long test.
const KILLS: usize = 200;

/// Not a test of its own: the process of a replica is this one, run again.
#[test]
fn child() {
    child::main();
}

fn summary(what: &str, mut gaps: Vec<Duration>, acknowledged: usize) {
    gaps.sort();
    let at = |part: usize| gaps.get(gaps.len().saturating_sub(1) * part / 100).copied();
    println!(
        "{what}: {} times, {acknowledged} entries acknowledged; until the next one: p50 {:?}, p99 {:?}, worst {:?}",
        gaps.len(),
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        at(100).unwrap_or_default(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed_two_hundred_times_under_load() {
    let Some(mut cluster) = Cluster::start(3).await else {
        return;
    };
    let load = Load::start(cluster.addresses(), 8);
    load.progress().await;
    let mut gaps = Vec::new();
    for kill in 0..KILLS {
        let leader = cluster.leader().await;
        cluster.pause(150).await;
        let killed = Instant::now();
        cluster.kill(leader);
        cluster.spawn(leader).await;
        load.since(killed).await;
        gaps.push(killed.elapsed());
        if kill % 50 == 49 {
            load.check_so_far(&cluster).await;
        }
    }
    let acknowledged = load.finish(&cluster).await;
    summary("killed the leader", gaps, acknowledged);
    assert!(acknowledged > KILLS, "hardly any load: {acknowledged}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_slept_past_its_lease_acknowledges_and_forks_nothing() {
    let Some(mut cluster) = Cluster::start(2).await else {
        return;
    };
    let load = Load::start(cluster.addresses(), 6);
    load.progress().await;
    let mut gaps = Vec::new();
    for _ in 0..8 {
        let leader = cluster.leader().await;
        cluster.pause(100).await;
        let frozen = Instant::now();
        let signed_before = cluster.freeze(leader);
        // Of the other replica: it has taken over and acknowledges.
        let next = cluster.leader_but(leader).await;
        load.led_by(next, frozen).await;
        gaps.push(frozen.elapsed());
        cluster.thaw(leader);
        // It believes to lead until it looks: whatever it says now is checked at the end.
        load.since(Instant::now()).await;
        let after = cluster.signed_as_leader(leader, signed_before);
        assert_eq!(
            after, 0,
            "it signed new trees in the epoch that it had lost"
        );
    }
    let acknowledged = load.finish(&cluster).await;
    summary("froze the leader", gaps, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_and_the_object_store_go_away_under_load() {
    let Some(mut cluster) = Cluster::start(2).await else {
        return;
    };
    let load = Load::start(cluster.addresses(), 6);
    load.progress().await;
    let mut gaps = Vec::new();
    for round in 0..6 {
        cluster.pause(200).await;
        match round % 3 {
            // Longer than a lease, and at once.
            0 => cluster.without_postgres(Duration::from_millis(1500)).await,
            1 => cluster.without_postgres(Duration::ZERO).await,
            _ => cluster.without_objects(Duration::from_millis(1500)).await,
        }
        let back = Instant::now();
        load.since(back).await;
        gaps.push(back.elapsed());
    }
    let acknowledged = load.finish(&cluster).await;
    summary("took PostgreSQL or S3 away", gaps, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_replica_takes_writes_and_without_a_leader_says_so() {
    let Some(cluster) = Cluster::start(2).await else {
        return;
    };
    let leader = cluster.leader().await;
    let addresses = cluster.addresses();
    for replica in 0..2 {
        let answer = load::write(&addresses, replica, &format!("by {replica}")).await;
        let answer = answer.unwrap();
        assert_eq!(answer.forwarded, replica != leader);
        let again = load::write(&addresses, 1 - replica, &format!("by {replica}")).await;
        assert_eq!(
            again.unwrap().index,
            answer.index,
            "a duplicate has one place"
        );
    }
    // The one holds the lease and sleeps: what is passed on to it comes to nothing,
    // and is refused as soon as the other leads.
    cluster.freeze(leader);
    let refused = load::write(&addresses, 1 - leader, "in between").await;
    cluster.thaw(leader);
    let refused = refused.expect_err("the leader slept");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.retry_after.as_deref(), Some("1"), "{refused:?}");
    assert!(refused.body.contains(r#""code":14"#), "{refused:?}");
    // The internal listener is for replicas alone.
    let internal = cluster.internal_address(leader);
    let error = load::stranger(&internal).await;
    assert!(
        error.contains("certificate") || error.contains("alert"),
        "{error}"
    );
}
