//! The next generation of a key that an offline root certifies, and the clock.

use std::path::Path;

use bulla_authority::{Authority, key_slot::KeySlots};
use bulla_core::Diagnose as _;
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{CaProfile, Certificate, Issuer, Validity},
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use crate::{
    client::{EMAIL, get, open, post_json, token},
    upstream::{ask, leaf},
};

/// A root as it lies in the safe.
async fn root(dir: &Path, slot: &str, certificate: &Certificate) -> Issuer {
    let slots = KeySlots::open(&dir.join("keys")).await.unwrap();
    let key = slots.get(slot).await.unwrap().unwrap();
    Issuer::from_parts(key, certificate.clone()).unwrap()
}

fn year(from: Timestamp) -> Validity {
    Validity::seconds(from, 365 * 86_400).unwrap()
}

async fn issuer_of_a_new_certificate(authority: &Authority) -> String {
    let answer = ask(authority, &token(authority), EMAIL).await;
    leaf(&answer).parsed().tbs_certificate.issuer.to_string()
}

#[tokio::test]
async fn the_next_intermediate_is_asked_for_and_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let ca = authority.ca();
    let first = ca.chain().unwrap();
    let safe = root(dir.path(), "ca-root", &first[1]).await;
    let [request] = &ca.certificate_requests().await.unwrap()[..] else {
        panic!()
    };
    assert_eq!(request.name, "ca-intermediate");
    let again = ca.certificate_requests().await.unwrap();
    assert_eq!(again[0].key, request.key, "one key until it is certified");
    let now = Timestamp::now();
    let certify = |key, profile, validity| {
        safe.issue_intermediate(key, profile, &request.common_name, validity)
            .unwrap()
    };

    let other = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let stranger = SigningKey::generate(Scheme::EcdsaP384).unwrap();
    let stranger = Issuer::create_root(stranger, "bulla local instance", "signing root", year(now));
    let stranger = stranger.unwrap();
    let foreign = stranger.issue_intermediate(&request.key, CaProfile::CodeSigning, "x", year(now));
    let foreign = foreign.unwrap();
    let beyond = Validity::seconds(now, 20 * 365 * 86_400).unwrap();
    let own_root = first[1].clone();
    let code = CaProfile::CodeSigning;
    let with_root = |certificate| vec![certificate, own_root.clone()];
    for (what, chain) in [
        ("nothing", vec![]),
        ("no root", vec![certify(&request.key, code, year(now))]),
        (
            "another key",
            with_root(certify(other.public(), code, year(now))),
        ),
        (
            "another usage",
            with_root(certify(&request.key, CaProfile::TimeStamping, year(now))),
        ),
        (
            "no usage",
            with_root(certify(&request.key, CaProfile::Root, year(now))),
        ),
        (
            "beyond the root's life",
            with_root(certify(&request.key, code, beyond)),
        ),
        ("another root's", with_root(foreign.clone())),
        (
            "no root of its own",
            vec![foreign, certify(other.public(), code, year(now))],
        ),
    ] {
        let refused = ca.accept(chain).await.unwrap_err();
        assert!(!refused.code().0.is_empty(), "{what}");
        assert_eq!(ca.chains().len(), 1, "{what}");
    }

    // One for later waits, and is listed already: clients learn of it first.
    let later = now.checked_add(240.hours()).unwrap();
    let waiting = certify(&request.key, CaProfile::CodeSigning, year(later));
    let chain = vec![waiting.clone(), first[1].clone()];
    ca.accept(chain.clone()).await.unwrap();
    ca.accept(chain).await.unwrap();
    assert_eq!(ca.chains().len(), 2);
    assert!(
        !issuer_of_a_new_certificate(&authority)
            .await
            .contains("intermediate 2")
    );
    let bundle = get(&authority, "/api/v2/trustBundle").await.json();
    assert_eq!(bundle["chains"][1]["certificates"][0], waiting.to_pem());
    let ends = ca.lifetimes().iter().map(|life| life.until).max().unwrap();
    assert!(ends > later, "what is prepared counts");

    // The third is for now. A restart keeps what was accepted.
    let requests = ca.certificate_requests().await.unwrap();
    assert_ne!(requests[0].key, request.key);
    let third =
        safe.issue_intermediate(&requests[0].key, CaProfile::CodeSigning, "third", year(now));
    ca.accept(vec![third.unwrap(), first[1].clone()])
        .await
        .unwrap();
    assert!(
        issuer_of_a_new_certificate(&authority)
            .await
            .contains("CN=third")
    );
    drop(authority);
    let authority = open(dir.path()).await;
    assert_eq!(authority.ca().chains().len(), 3);
    assert!(
        issuer_of_a_new_certificate(&authority)
            .await
            .contains("CN=third")
    );
}

#[tokio::test]
async fn the_next_timestamp_key_is_asked_for_and_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let tsa = authority.tsa();
    let first = tsa.chain().unwrap();
    let safe = root(dir.path(), "tsa-root", &first[1]).await;
    let [request] = &tsa.certificate_requests().await.unwrap()[..] else {
        panic!()
    };
    let now = Timestamp::now();
    let wrong = safe.issue_intermediate(&request.key, CaProfile::TimeStamping, "x", year(now));
    assert!(
        tsa.accept(vec![wrong.unwrap(), first[1].clone()])
            .await
            .is_err()
    );
    let next = safe.issue_timestamping(&request.key, &request.common_name, year(now));
    let next = next.unwrap();
    tsa.accept(vec![next.clone(), first[1].clone()])
        .await
        .unwrap();
    let chain = get(&authority, "/api/v1/timestamp/certchain").await;
    assert!(chain.text().starts_with(&next.to_pem()));
    let query = json!({
        "artifactHash": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        "hashAlgorithm": "sha256", "certificates": true,
    });
    let reply = post_json(&authority, "/api/v1/timestamp", &query).await;
    let contains = |part: &[u8]| reply.body.windows(part.len()).any(|window| window == part);
    assert!(contains(next.der()) && !contains(first[0].der()));
    assert_eq!(tsa.chains().len(), 2);
}

/// A clock that was set back gives no timestamps, not even after a restart.
#[tokio::test]
async fn a_clock_that_runs_behind_stops_the_timestamps() {
    use bulla_authority::AuthorityConfig;
    use bulla_core::FixedClock;
    use bulla_store::Store;
    use std::sync::Arc;
    let dir = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let open_at = async |at: Timestamp| {
        let store = Store::open(dir.path()).await.unwrap();
        let config = AuthorityConfig::loopback(4321);
        Authority::open(&store, config, Arc::new(FixedClock(at)))
            .await
            .unwrap()
    };
    let query = json!({
        "artifactHash": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "hashAlgorithm": "sha256",
    });
    let authority = open_at(now).await;
    let good = post_json(&authority, "/api/v1/timestamp", &query).await;
    assert_eq!(good.status, 200);
    authority.tsa().renew(now).await.unwrap();
    drop(authority);
    let authority = open_at(now.checked_sub(1.hour()).unwrap()).await;
    let audit = crate::upstream::Audit::start();
    let refused = post_json(&authority, "/api/v1/timestamp", &query).await;
    assert_eq!(refused.status, 500);
    assert_eq!(
        refused.json(),
        json!({"code": 500, "message": "Error generating timestamp response"})
    );
    let lines = audit.take();
    assert!(
        lines[0].contains("AUTH-0430") && lines[0].contains("3600 seconds behind"),
        "{lines:?}"
    );
}
