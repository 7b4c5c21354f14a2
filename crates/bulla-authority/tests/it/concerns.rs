//! What operators see of findings, of logs that cannot be read, and of witnesses
//! that do not cosign: on their listener, in the metrics, and over the socket.

use std::{path::Path, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bulla_authority::{
    Authority, AuthorityConfig, AuthorityError,
    monitor::{IdentityRule, WatchedLog},
    operations::Operations,
    replica::Lead as _,
    witness::WitnessPeer,
};
use bulla_crypto::{
    Scheme, SigningKey,
    verifier_key::{Kind, VerifierKey},
};
use bulla_net::token;
use bulla_store::Store;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    client::{EMAIL, certify, open_as, post_json},
    logs::{hashedrekord_v2, until},
};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

async fn operations(dir: &Path, authority: &Authority) -> Operations {
    let store = Store::open(dir).await.unwrap();
    Operations::new(authority.clone(), store.into(), Arc::new(Vec::new))
}

async fn ask(operations: &Operations, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = operations.clone().router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn ask_json(operations: &Operations, path: &str) -> Value {
    serde_json::from_str(&ask(operations, path).await).unwrap()
}

fn since(concern: &Value) -> Timestamp {
    concern["since"].as_str().unwrap().parse().unwrap()
}

fn rule(subject: &str) -> Vec<IdentityRule> {
    vec![IdentityRule {
        subject: subject.into(),
        issuer: None,
    }]
}

fn key(name: &str, kind: Kind) -> String {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let key = VerifierKey::new(name, kind, key.public().clone());
    key.unwrap().to_string()
}

#[tokio::test]
async fn what_was_found_is_shown_until_it_is_acknowledged_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = AuthorityConfig::loopback(4321);
    config.monitor.watch = rule("*@example.com");
    config.monitor.allow = rule("release@example.com");
    let authority = open_as(dir.path(), config).await.unwrap();
    let operations = operations(dir.path(), &authority).await;
    assert_eq!(
        ask_json(&operations, "/readyz").await,
        json!({"status": "ready", "alarms": 0, "concerns": 0})
    );
    let (socket, monitor) = (dir.path().join("socket"), authority.monitor().unwrap());
    tokio::spawn(authority.token_socket(&socket).unwrap());
    let nothing = json!({"findings": [], "more": 0, "unread": []});
    assert_eq!(token::findings(&socket).await.unwrap(), nothing);

    certify(&authority).await;
    let found = until("a finding", async || {
        monitor.round().await;
        let health = ask_json(&operations, "/readyz?verbose").await;
        (health["concerns"] != json!([])).then_some(health)
    });
    let health = found.await;
    assert_eq!(
        (&health["status"], &health["moreConcerns"]),
        (&json!("ready"), &json!(0))
    );
    let concern = &health["concerns"][0];
    assert_eq!(concern["kind"], "monitor-finding");
    assert_eq!(concern["mend"], "bulla log findings");
    let what = concern["what"].as_str().unwrap();
    assert!(
        what.starts_with("ct, entry ") && what.contains(EMAIL),
        "{what}"
    );
    assert!(concern["since"].is_string());
    assert_eq!(ask_json(&operations, "/readyz").await["concerns"], 1);
    let counters = ask(&operations, "/metrics").await;
    assert!(
        counters.contains("bulla_concerns{kind=\"monitor-finding\"} 1"),
        "{counters}"
    );
    assert!(!counters.contains(EMAIL), "{counters}");

    // One more is found between looking and acknowledging: it stays.
    let shown = token::findings(&socket).await.unwrap();
    assert_eq!(shown["findings"][0]["signer"]["names"], json!([EMAIL]));
    let through = shown["through"].as_str().unwrap();
    certify(&authority).await;
    until("another finding", async || {
        monitor.round().await;
        (monitor.findings().await.unwrap().len() == 2).then_some(())
    })
    .await;
    let done = token::acknowledge(&socket, through).await.unwrap();
    assert_eq!(done, json!({"acknowledged": 1}));
    let left = token::findings(&socket).await.unwrap();
    assert_ne!(left["findings"][0]["index"], shown["findings"][0]["index"]);
    // Looking does not acknowledge.
    assert_eq!(token::findings(&socket).await.unwrap(), left);
    let through = left["through"].as_str().unwrap();
    token::acknowledge(&socket, through).await.unwrap();
    monitor.round().await;
    assert_eq!(token::findings(&socket).await.unwrap(), nothing);
    assert_eq!(ask_json(&operations, "/readyz").await["concerns"], 0);
}

#[tokio::test]
async fn what_nobody_can_read_or_cosigns_is_the_leaders_to_tell() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = AuthorityConfig::loopback(4321);
    let watched = WatchedLog {
        url: format!("{NOWHERE}/api/v2"),
        key: key("log.example", Kind::Ed25519),
        certificates: false,
        ca_file: None,
    };
    let command = watched.command();
    config.monitor.logs = vec![watched];
    config.witness.witnesses = vec![WitnessPeer {
        url: format!("{NOWHERE}/prefix"),
        key: key("witness.example", Kind::Cosignature),
        ca_file: None,
    }];
    let authority = open_as(dir.path(), config).await.unwrap();
    let operations = operations(dir.path(), &authority).await;
    let both = until("both", async || {
        let health = ask_json(&operations, "/readyz?verbose").await;
        let concerns = health["concerns"].as_array().unwrap().clone();
        (concerns.len() == 2).then_some(concerns)
    });
    let [unread, failing] = &both.await[..] else {
        panic!("not two");
    };
    assert_eq!(unread["kind"], "monitor-unread");
    assert_eq!(unread["mend"], command);
    assert!(
        unread["what"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{NOWHERE}/api/v2: "))
    );
    assert_eq!(failing["kind"], "witness-failing");
    let mend = format!("curl -i -d '' {NOWHERE}/prefix/add-checkpoint");
    assert_eq!(failing["mend"], mend);
    assert!(
        failing["what"]
            .as_str()
            .unwrap()
            .starts_with("witness.example, ")
    );
    let counters = ask(&operations, "/metrics").await;
    for line in [
        "bulla_concerns{kind=\"monitor-finding\"} 0",
        "bulla_concerns{kind=\"monitor-unread\"} 1",
        "bulla_concerns{kind=\"witness-failing\"} 1",
    ] {
        assert!(
            counters.lines().any(|found| found == line),
            "{line}\n{counters}"
        );
    }
    // As long as it lasts, it does so since the first time.
    authority.monitor().unwrap().round().await;
    let again = ask_json(&operations, "/readyz?verbose").await;
    for (before, now) in [unread, failing].into_iter().zip(0..) {
        let (before, now) = (since(before), since(&again["concerns"][now]));
        assert!(now <= before, "{now} {before}");
    }
    // Who leads no more does not try any more either.
    authority.step_down();
    assert_eq!(ask_json(&operations, "/readyz").await["concerns"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_fell_is_told_and_takes_entries_again() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open_as(dir.path(), AuthorityConfig::loopback(4321));
    let authority = authority.await.unwrap();
    let operations = operations(dir.path(), &authority).await;
    let before = authority.log().log().size();
    let built = |_, _| panic!("on purpose, in a builder");
    let lost = authority.log().log().add([7; 32], built).await;
    assert!(matches!(lost, Err(AuthorityError::LogUnavailable { .. })));
    let told = until("it leads again", async || {
        let health = ask_json(&operations, "/readyz?verbose").await;
        let concern = &health["concerns"][0];
        let what = concern["what"].as_str()?.to_owned();
        assert_eq!(concern["kind"], "log-fallen");
        (health["leader"] == true).then_some(what)
    });
    assert_eq!(told.await, "log-v2 leads again (fell once)");
    let counters = ask(&operations, "/metrics").await;
    let line = "bulla_concerns{kind=\"log-fallen\"} 1";
    assert!(counters.contains(line), "{counters}");
    let signed = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let request = hashedrekord_v2(&signed, b"later", "PKIX_ECDSA_P256_SHA_256");
    let logged = post_json(&authority, "/api/v2/log/entries", &request).await;
    assert_eq!(logged.status, StatusCode::CREATED);
    assert_eq!(authority.log().log().size(), before + 1);
}

#[tokio::test]
async fn who_watches_nothing_does_not_say_that_nothing_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = AuthorityConfig::loopback(4321);
    config.monitor.own = false;
    let authority = open_as(dir.path(), config).await.unwrap();
    let socket = dir.path().join("socket");
    tokio::spawn(authority.token_socket(&socket).unwrap());
    for answer in [
        token::findings(&socket).await,
        token::acknowledge(&socket, "9").await,
    ] {
        let refused = answer.unwrap_err().to_string();
        assert!(refused.contains("AUTH-0734"), "{refused}");
    }
}
