//! A moved clock: what renews itself while the process runs, what is announced,
//! and what clients are told once it has ended.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use axum::http::StatusCode;
use bulla_authority::{
    Authority, AuthorityConfig,
    health::{Renewal, Urgency},
    operations::Operations,
};
use bulla_core::Clock;
use bulla_store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{get, post_json};

/// A clock that a test moves.
struct Moved(Mutex<Timestamp>);

impl Moved {
    fn forward(&self, days: i64) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_hours(24 * days);
        *now
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

async fn open(dir: &Path) -> (Authority, Arc<Moved>, Store) {
    let clock = Arc::new(Moved(Mutex::new(Timestamp::now())));
    let store = Store::open(dir).await.unwrap();
    let config = AuthorityConfig::loopback(4321);
    let authority = Authority::open(&store, config, clock.clone()).await;
    (authority.unwrap(), clock, store)
}

#[tokio::test]
async fn a_running_authority_renews_what_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, clock, _store) = open(dir.path()).await;
    let served = authority.transport().served_name(&["webhook.svc".into()]);
    let _served = served.unwrap();
    for days in [5, 40, 400] {
        let now = clock.forward(days);
        authority.renew(now).await.unwrap();
        for life in authority.lifetimes() {
            let fine = life.renewal != Renewal::Itself || !life.is_due(now);
            assert!(fine, "+{days} d: {life:?}");
        }
        let metadata: Value = get(&authority, "/tuf/timestamp.json").await.json();
        let expires = metadata["signed"]["expires"].as_str().unwrap();
        let expires: Timestamp = expires.parse().unwrap();
        assert!(expires > now, "+{days} d: {expires}");
    }
}

#[tokio::test]
async fn alarms_come_at_a_third_and_turn_into_refusals_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, clock, _store) = open(dir.path()).await;
    assert_eq!(authority.alarms(authority.now()), []);
    let query = json!({"artifactHash": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "hashAlgorithm": "sha256"});

    let now = clock.forward(1300);
    authority.renew(now).await.unwrap();
    let alarms = authority.alarms(now);
    for what in ["signing intermediate", "timestamp certificate"] {
        let alarm = alarms.iter().find(|alarm| alarm.what == what).unwrap();
        assert_eq!(alarm.urgency, Urgency::Soon);
        assert!(alarm.mend.contains("bulla trust ceremony"), "{alarm}");
    }
    let answer = post_json(&authority, "/api/v1/timestamp", &query).await;
    assert!(answer.status.is_success());

    let now = clock.forward(2500);
    // What an expired authority would have to seal stays unsealed, and says so.
    assert!(authority.renew(now).await.is_err());
    assert_eq!(authority.alarms(now)[0].urgency, Urgency::Expired);
    for path in ["/api/v1/timestamp", "/api/v2/signingCert"] {
        let answer = post_json(&authority, path, &query).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("expired on") && message.contains("ceremony"),
            "{message}"
        );
    }
    let read = get(&authority, "/api/v2/trustBundle").await;
    assert_eq!(read.status, StatusCode::OK, "reading goes on");
}

#[tokio::test]
async fn a_vanished_database_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, _clock, store) = open(dir.path()).await;
    let operations = Operations::new(authority, store.clone().into(), Arc::new(Vec::new));
    let before = operations.health().await;
    assert_eq!((before.status, before.checks[0].ok), ("ready", true));
    store.close().await;
    let after = operations.health().await;
    assert_eq!(after.status, "unavailable");
    assert!(after.checks[0].detail.is_some());
}
