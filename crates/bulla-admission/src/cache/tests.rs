use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn key(label: &str) -> Key {
    Key {
        repository: "r.example/a".into(),
        digest: Digest::sha256(label.as_bytes()),
        policy: Digest::sha256(b"policy"),
        roots: Digest::sha256(b"roots"),
    }
}

fn decision(outcome: Outcome) -> Decision {
    Decision {
        outcome,
        policy: "p".into(),
        policy_digest: Digest::sha256(b"policy"),
        rules: Vec::new(),
        time: "2026-11-21T00:00:00Z".parse().unwrap(),
    }
}

fn cache() -> Cache {
    Cache::new(Life {
        allowed: Duration::from_secs(60),
        refused: Duration::from_secs(2),
    })
}

#[tokio::test(start_paused = true)]
async fn each_outcome_has_its_life() {
    for (outcome, life) in [
        (Outcome::Allow, 60),
        (Outcome::Warn, 60),
        (Outcome::Deny, 2),
        (Outcome::NoEvidence, 2),
        (Outcome::Undecided, 0),
    ] {
        let cache = cache();
        let ask = async || {
            cache
                .get_or_judge(key("a"), async { decision(outcome) })
                .await
                .1
        };
        assert!(!ask().await);
        assert_eq!(ask().await, life > 0, "{outcome:?}");
        tokio::time::advance(Duration::from_secs(life)).await;
        assert!(!ask().await, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_part_of_the_key_counts() {
    let cache = cache();
    let base = key("a");
    let others = [
        Key {
            repository: "r.example/b".into(),
            ..base.clone()
        },
        Key {
            digest: Digest::sha256(b"b"),
            ..base.clone()
        },
        Key {
            policy: Digest::sha256(b"other policy"),
            ..base.clone()
        },
        Key {
            roots: Digest::sha256(b"other roots"),
            ..base.clone()
        },
    ];
    cache
        .get_or_judge(base, async { decision(Outcome::Allow) })
        .await;
    for other in others {
        let (found, cached) = cache
            .get_or_judge(other, async { decision(Outcome::Deny) })
            .await;
        assert!(!cached && found.outcome == Outcome::Deny);
    }
}

#[tokio::test(start_paused = true)]
async fn one_key_is_worked_on_once_at_a_time() {
    let (cache, works) = (cache(), AtomicUsize::new(0));
    let ask = async || {
        cache
            .get_or_judge(key("a"), async {
                works.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                decision(Outcome::Allow)
            })
            .await
    };
    futures_util::future::join_all((0..20).map(async |_| ask().await)).await;
    assert_eq!(works.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn it_stays_bounded() {
    let cache = cache();
    for index in 0..VERDICTS + 500 {
        let ask = cache.get_or_judge(key(&index.to_string()), async { decision(Outcome::Allow) });
        ask.await;
        assert!(cache.len() <= VERDICTS);
    }
}
