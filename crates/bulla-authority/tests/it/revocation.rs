//! The list of revocations at the instance that makes it: what is taken, whom the
//! certificate authority refuses by it, and what cannot go wrong for good.

use axum::http::StatusCode;
use bulla_authority::{Authority, AuthorityConfig, oidc::Service};
use bulla_core::Digest;
use bulla_store::{Store, state::Change};
use bulla_trust::revocation::{RevocationList, Revoked, Target};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    client::{
        Answer, EMAIL, Signer, attest, get, open, open_as, post, post_json, signing_request, token,
    },
    upstream::{Audit, ask, key, leaf},
};

const PATH: &str = "/api/v1/revocations";

fn hours(hours: i64) -> Timestamp {
    let time = Timestamp::now() + SignedDuration::from_hours(hours);
    Timestamp::from_second(time.as_second()).unwrap()
}

fn entry(target: Target, from: Timestamp) -> Revoked {
    Revoked {
        target,
        from,
        listed: Timestamp::now(),
        reason: "tests".into(),
    }
}

/// A list of today.
fn list(number: u64, entries: Vec<Revoked>) -> RevocationList {
    RevocationList::new(number, Timestamp::now(), hours(24), entries).unwrap()
}

fn person(authority: &Authority, subject: &str) -> Target {
    Target::Identity {
        issuer: authority.asserted().url().to_owned(),
        subject: subject.to_owned(),
    }
}

fn service(authority: &Authority, service: Service) -> Target {
    Target::Identity {
        issuer: authority.service().url().to_owned(),
        subject: authority.service().service_subject(service),
    }
}

async fn ask_as(authority: &Authority, service: Service) -> Answer {
    let issuer = authority.service();
    let token = issuer.mint_service(service, Timestamp::now()).unwrap();
    ask(authority, &token, &issuer.service_subject(service)).await
}

/// The list in a bundle of the instance's revoker.
async fn sealed(authority: &Authority, list: &RevocationList) -> Vec<u8> {
    let (key, issuer) = (key(), authority.service());
    let token = issuer.mint_service(Service::Revoker, Timestamp::now());
    let subject = issuer.service_subject(Service::Revoker);
    let request = signing_request(&key, &token.unwrap(), &subject);
    let answer = post_json(authority, "/api/v2/signingCert", &request).await;
    let certificate = leaf(&answer).der().to_vec();
    let statement = list.statement(&authority.root_id()).unwrap();
    let statement = serde_json::to_value(statement).unwrap();
    let bundle = attest(authority, &Signer { key, certificate }, &statement).await;
    bundle.to_string().into_bytes()
}

async fn publish(authority: &Authority, list: &RevocationList) -> Answer {
    let bundle = sealed(authority, list).await;
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    post(authority, PATH, kind, &bundle).await
}

async fn publish_all(authority: &Authority, number: u64, entries: Vec<Revoked>) {
    let answer = publish(authority, &list(number, entries)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

/// Leaves bytes where the list is kept, past all that is checked.
async fn put(dir: &std::path::Path, value: &[u8]) {
    let store = Store::open(dir).await.unwrap();
    let change = Change::Put { key: "list", value };
    assert!(store.values().apply("revocation", &[change]).await.unwrap());
}

#[tokio::test]
async fn who_is_revoked_gets_no_certificate_until_it_is_withdrawn() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = AuthorityConfig::loopback(4321);
    let own = format!("{}/oidc/asserted", config.base_url);
    config.ca.issuer.entry(own).or_default().single_use = true;
    let authority = open_as(dir.path(), config).await.unwrap();
    let log = authority.ca().ct.log().clone();
    let token = token(&authority);
    let revoked = entry(person(&authority, EMAIL), hours(-1));
    let audit = Audit::start();
    publish_all(&authority, 1, vec![revoked.clone()]).await;
    let lines = audit.take();
    let added = lines.iter().find(|line| line.contains("revocation added"));
    assert!(added.is_some_and(|line| line.contains(EMAIL)), "{lines:?}");

    let before = log.size();
    let refused = ask(&authority, &token, EMAIL).await;
    let words = format!(
        "{} is revoked from {} on: tests",
        revoked.target, revoked.from
    );
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused.json(),
        json!({"code": 7, "message": words, "details": []})
    );
    assert_eq!(log.size(), before, "nothing is issued");
    let lines = audit.take();
    assert!(
        lines.len() == 1
            && lines[0].contains("certificate refused")
            && lines[0].contains("AUTH-0426"),
        "{lines:?}"
    );
    // Nobody else is meant.
    let other = authority
        .asserted()
        .mint_person("other@example.com", "sigstore", Timestamp::now())
        .unwrap();
    leaf(&ask(&authority, &other, "other@example.com").await);

    // The refusal has not used the token up.
    publish_all(&authority, 2, Vec::new()).await;
    let lines = audit.take();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("revocation withdrawn") && line.contains(EMAIL)),
        "{lines:?}"
    );
    leaf(&ask(&authority, &token, EMAIL).await);
}

#[tokio::test]
async fn another_issuer_and_a_time_to_come_forbid_nothing_and_a_key_is_certified_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let elsewhere = Target::Identity {
        issuer: "https://login.example.com".into(),
        subject: EMAIL.into(),
    };
    let lost = key();
    let entries = vec![
        entry(elsewhere, hours(-1)),
        entry(person(&authority, EMAIL), hours(1)),
        entry(Target::Key(lost.public().id()), hours(-1)),
        entry(Target::Digest(Digest::sha256(b"artifact")), hours(-1)),
    ];
    publish_all(&authority, 1, entries).await;
    leaf(&ask(&authority, &token(&authority), EMAIL).await);
    let request = signing_request(&lost, &token(&authority), EMAIL);
    let refused = post_json(&authority, "/api/v2/signingCert", &request).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.text().contains("the key sha256:"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn the_revoker_cannot_be_locked_out_and_frees_the_other_services() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let own = entry(service(&authority, Service::Revoker), hours(1));
    let refused = publish(&authority, &list(1, vec![own.clone()])).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.text().contains("revokes the revoker"),
        "{}",
        refused.text()
    );
    assert_eq!(get(&authority, PATH).await.status, StatusCode::NOT_FOUND);

    let builder = entry(service(&authority, Service::Builder), hours(-1));
    publish_all(&authority, 1, vec![builder]).await;
    let refused = ask_as(&authority, Service::Builder).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    leaf(&ask_as(&authority, Service::Scanner).await);
    publish_all(&authority, 2, Vec::new()).await;
    leaf(&ask_as(&authority, Service::Builder).await);

    // A list of a time when that was not refused yet: renewed, and mended.
    let own = entry(own.target, hours(-1));
    let old = sealed(&authority, &list(3, vec![own.clone()])).await;
    put(dir.path(), &old).await;
    leaf(&ask_as(&authority, Service::Revoker).await);
    publish_all(&authority, 4, vec![own]).await;
    publish_all(&authority, 5, Vec::new()).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_stops_all_but_the_revoker() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    leaf(&ask(&authority, &token(&authority), EMAIL).await);
    put(dir.path(), b"{}").await;
    let before = authority.ca().ct.log().size();
    let refused = ask(&authority, &token(&authority), EMAIL).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.json()["code"], 13);
    assert_eq!(authority.ca().ct.log().size(), before);
    leaf(&ask_as(&authority, Service::Revoker).await);
}

#[tokio::test]
async fn a_list_of_another_time_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let audit = Audit::start();
    let dated = |issued, until| RevocationList::new(1, issued, until, Vec::new()).unwrap();
    for (what, list, words) in [
        (
            "of next year",
            dated(hours(24 * 365), hours(24 * 372)),
            "set the clock",
        ),
        ("of tomorrow", dated(hours(24), hours(48)), "set the clock"),
        (
            "over already",
            dated(hours(-48), hours(-24)),
            "set the clock",
        ),
        (
            "for years",
            dated(hours(0), hours(24 * 365)),
            "90 days at most",
        ),
    ] {
        let bundle = sealed(&authority, &list).await;
        audit.take();
        let refused = post(&authority, PATH, "application/json", &bundle).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(refused.json()["code"], 3, "{what}");
        assert!(refused.text().contains(words), "{what}: {}", refused.text());
        let lines = audit.take();
        assert!(
            lines.len() == 1 && lines[0].contains("revocations refused"),
            "{what}: {lines:?}"
        );
        let kept = get(&authority, PATH).await;
        assert_eq!(kept.status, StatusCode::NOT_FOUND, "{what}");
    }
    // A clock that is a little ahead does no harm.
    let soon = Timestamp::now() + SignedDuration::from_secs(30);
    let answer = publish(&authority, &dated(soon, hours(24))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}
