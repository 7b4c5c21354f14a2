use bulla_store::Store;
use bulla_trust::jwt::{self, TokenExpectation};
use jiff::ToSpan as _;
use serde_json::json;

use super::*;

const DAY: i64 = 86_400;

struct World {
    _directory: tempfile::TempDir,
    store: Store,
    slots: KeySlots,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(directory.path()).await.unwrap(),
            slots: KeySlots::open(&directory.path().join("keys"))
                .await
                .unwrap(),
            _directory: directory,
        }
    }

    async fn ring(&self, now: Timestamp) -> KeyRing {
        let (values, slots) = (self.store.values(), self.slots.clone());
        KeyRing::open(values, slots, 90 * DAY, now).await.unwrap()
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

async fn token(ring: &KeyRing, now: Timestamp) -> String {
    let claims = json!({"iss": "i", "sub": "s", "aud": "a", "exp": now.as_second() + 600});
    ring.sign(&claims, now).await.unwrap()
}

async fn accepts(ring: &KeyRing, token: &str, now: Timestamp) -> bool {
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header);
    let header: serde_json::Value = serde_json::from_slice(&header.unwrap()).unwrap();
    let keys = ring.key_set(header["kid"].as_str(), now).await;
    let expected = TokenExpectation::new("i", "a");
    jwt::check(token.as_bytes(), &keys, expected, now).is_ok()
}

async fn ids(ring: &KeyRing, now: Timestamp) -> Vec<String> {
    let published = ring.published(now).await.unwrap();
    published.into_iter().map(|key| key.id).collect()
}

#[tokio::test]
async fn the_next_key_is_known_a_day_before_it_signs_and_the_last_a_day_after() {
    let world = World::new().await;
    let mut now = start();
    let ring = world.ring(now).await;
    let first = ids(&ring, now).await;
    assert_eq!(first.len(), 1);
    // Every hour for a hundred days: whatever is signed is accepted while it
    // lives, by a key that was published a day before.
    let mut known: std::collections::BTreeMap<String, i64> = Default::default();
    known.insert(first[0].clone(), now.as_second() - DAY);
    for _ in 0..100 * 24 {
        ring.renew(now).await.unwrap();
        for id in ids(&ring, now).await {
            known.entry(id).or_insert(now.as_second());
        }
        let signer = signing(&ring.view().keys, now).unwrap().id.clone();
        assert!(known[&signer] + DAY <= now.as_second(), "used too early");
        assert!(ids(&ring, now).await.len() <= 3);
        now += 1.hour();
    }
    assert_eq!(known.len(), 4);
    let lifetime = ring.lifetime().unwrap();
    assert_eq!(lifetime.alarm(now), None);
    assert!(
        lifetime.alarm(now + (45 * 24).hours()).is_some(),
        "nobody renewed it"
    );
    assert!(!ids(&ring, now).await.contains(&first[0]));
}

#[tokio::test]
async fn a_token_outlives_the_turn_of_its_key_and_not_its_overlap() {
    let world = World::new().await;
    let ring = world.ring(start()).await;
    ring.renew(start() + (30 * 24).hours()).await.unwrap();
    let last_second = start() + (31 * 24).hours() - 1.second();
    let old = token(&ring, last_second).await;
    let now = last_second + 2.seconds();
    assert_ne!(
        token(&ring, now).await.split('.').next(),
        old.split('.').next()
    );
    assert!(accepts(&ring, &old, now).await);
    // A key that has left the ring signs for nobody, even where time stands still.
    ring.renew(now + 24.hours()).await.unwrap();
    assert!(!accepts(&ring, &old, last_second).await);
    assert!(world.slots.get("oidc-login-1").await.unwrap().is_none());
}

#[tokio::test]
async fn after_a_long_sleep_nothing_is_used_before_it_was_known() {
    let world = World::new().await;
    let ring = world.ring(start()).await;
    let late = start() + (365 * 24).hours();
    ring.renew(late).await.unwrap();
    let ids_now = ids(&ring, late).await;
    assert_eq!(ids_now.len(), 2);
    let signer = |now| signing(&ring.view().keys, now).unwrap().id.clone();
    assert_eq!(signer(late), ids_now[0]);
    assert_eq!(signer(late + 24.hours()), ids_now[1]);
    // And a clock that is behind still finds a key.
    assert_eq!(signer(start() - 1000.hours()), ids_now[0]);
    // Nothing is due: nothing changes.
    ring.renew(late + 1.second()).await.unwrap();
    assert_eq!(ids(&ring, late + 1.second()).await, ids_now);
}

#[tokio::test]
async fn another_replica_knows_a_new_key_when_it_meets_it() {
    let world = World::new().await;
    let (one, two) = (world.ring(start()).await, world.ring(start()).await);
    assert_eq!(ids(&one, start()).await, ids(&two, start()).await);
    let renewed = start() + (30 * 24).hours();
    // Both at once: one schedule comes of it.
    let (a, b) = tokio::join!(one.renew(renewed), two.renew(renewed));
    a.unwrap();
    b.unwrap();
    let later = start() + (31 * 24).hours() + 1.second();
    let token = token(&one, later).await;
    assert!(accepts(&two, &token, later).await);
    assert_eq!(ids(&one, later).await, ids(&two, later).await);
}
