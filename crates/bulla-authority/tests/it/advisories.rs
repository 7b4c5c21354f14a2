//! Advisories of Fulcio, Rekor and Sigstore's timestamp authority: each by its
//! name, as far as a server is concerned.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use crate::{
    client::{HOST, open, open_as, post, post_json, send},
    upstream::{Upstream, ask, open_with},
};

mod rekor;

const TOKEN: &str = "There was an error processing the identity token";

/// Fulcio split a token at its dots before it looked at its length.
#[tokio::test]
async fn cve_2025_66506_a_token_of_dots_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    for token in [".".repeat(60_000), ".".repeat(3_900_000)] {
        let started = Instant::now();
        let answer = ask(&authority, &token, "x").await;
        assert_eq!(
            (answer.status, &answer.json()["message"]),
            (StatusCode::BAD_REQUEST, &json!(TOKEN))
        );
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    let header = format!("Bearer {}", ".".repeat(60_000));
    let request = Request::post("/api/v1/signingCert")
        .header(header::HOST, HOST)
        .header(header::AUTHORIZATION, header)
        .body(Body::from("{}"));
    let answer = send(&authority, request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// Fulcio's pattern for a meta-issuer matched anywhere in a token's issuer, so
/// a token could name any host, and Fulcio fetched from it.
#[tokio::test]
async fn cve_2026_22772_a_pattern_matches_the_whole_issuer_or_nothing_is_fetched() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let thief = listener.local_addr().unwrap();
    let app = Router::new().fallback(async move || {
        count.fetch_add(1, SeqCst);
        StatusCode::NOT_FOUND
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::ed25519();
    let file = "
meta-issuers:
  https://oidc.*.cluster.example.com/id/*:
    client-id: sigstore
    type: kubernetes
";
    let authority = open_with(dir.path(), file, &[], &upstream).await.unwrap();
    let good = "https://oidc.eu.cluster.example.com/id/1";
    for issuer in [
        format!("http://{thief}/?https://oidc.eu.cluster.example.com/id/1"),
        format!("http://{thief}#{good}"),
        format!("http://{thief}/{good}"),
        format!("{good}.{thief}"),
        format!("https://oidc.eu.cluster.example.com@{thief}/id/1"),
        format!("https://oidc.eu.cluster.example.com/id/1/../../{thief}"),
        "http://169.254.169.254/latest/meta-data".into(),
    ] {
        assert!(authority.ca().issuers.find(&issuer).is_none(), "{issuer}");
        let token = upstream.token(&json!({"iss": issuer, "sub": "x"}));
        let answer = ask(&authority, &token, "x").await;
        assert_eq!(answer.json()["message"], TOKEN, "{issuer}");
    }
    assert_eq!(asked.load(SeqCst), 0, "nothing was fetched");
    assert!(authority.ca().issuers.find(good).is_some());
}

/// What discovery may not do is tested beside its code, `ca/issuer/keys/tests.rs`;
/// here, that an issuer which misbehaves so mints nothing.
#[tokio::test]
async fn cve_2026_49478_an_issuer_that_redirects_or_borrows_keys_mints_nothing() {
    let upstream = Upstream::ed25519();
    let keys = upstream.jwks();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let thief = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async move || keys);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let (own, elsewhere) = (issuer.clone(), thief.clone());
    let app = Router::new().fallback(async move || {
        json!({"issuer": own, "jwks_uri": format!("{elsewhere}/keys")}).to_string()
    });
    tokio::spawn(async move { axum::serve(listener, app).await });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirecting = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(async move || axum::response::Redirect::temporary(&thief));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let entry = |url: &str| {
        format!("  {url}:\n    client-id: sigstore\n    type: uri\n    subject-domain: {url}\n")
    };
    let file = format!("oidc-issuers:\n{}{}", entry(&issuer), entry(&redirecting));
    let dir = tempfile::tempdir().unwrap();
    let authority = open_with(dir.path(), &file, &[], &upstream).await.unwrap();
    let before = authority.ca().ct.log().size();
    for url in [issuer, redirecting] {
        let subject = format!("{url}/x");
        let token = upstream.token(&json!({"iss": url, "sub": subject}));
        let answer = ask(&authority, &token, &subject).await;
        assert_eq!(answer.json()["message"], TOKEN, "{url}");
    }
    assert_eq!(authority.ca().ct.log().size(), before);
}

/// Fulcio #2406, no advisory, but the same class: a number that changes on its
/// way into a certificate names another repository.
#[tokio::test]
async fn a_template_that_is_not_understood_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = |template: &str| {
        format!("ci-issuer-metadata:\n  x:\n    subject-alternative-name-template: '{template}'\n")
    };
    let upstream = Upstream::ed25519();
    for template in [
        "{{ range . }}{{ end }}",
        "{{ call .x }}",
        "{{ .x",
        &"x".repeat(5000),
    ] {
        let opened = open_with(dir.path(), &file(template), &[], &upstream).await;
        assert!(opened.is_err(), "{template}");
    }
    assert!(
        open_with(dir.path(), &file("{{ .x }}"), &[], &upstream)
            .await
            .is_ok()
    );
}

/// The timestamp authority split `Content-Type` and policy identifiers at every
/// separator before it looked at their length.
#[tokio::test]
async fn cve_2025_66564_headers_and_policies_of_any_length_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let path = "/api/v1/timestamp";
    let kind = "application/".repeat(5000);
    let answer = post(&authority, path, &kind, b"x").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(answer.json()["code"], 415);
    for components in [200, 1_500, 1_000_000] {
        let query = json!({
            "artifactHash": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "hashAlgorithm": "sha256",
            "tsaPolicyOID": format!("1{}", ".1".repeat(components)),
        });
        let answer = post_json(&authority, path, &query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{components}");
        assert_eq!(answer.json()["code"], 400);
    }
}

/// The verifier took the signer's certificate from the wrong place. A server's
/// part: the one certificate that signed is named by its hash, and stands first.
#[tokio::test]
async fn cve_2026_39984_the_signing_certificate_is_named_and_is_the_one_that_signs() {
    use der::{Decode as _, Encode as _};
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let query = json!({
        "artifactHash": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        "hashAlgorithm": "sha256", "certificates": true,
    });
    let reply = post_json(&authority, "/api/v1/timestamp", &query).await;
    assert_eq!(reply.status, StatusCode::OK);
    let leaf = authority.tsa().chain().unwrap()[0].clone();
    let contains = |part: &[u8]| reply.body.windows(part.len()).any(|window| window == part);
    assert!(
        contains(&bulla_crypto::Hash::Sha256.digest(leaf.der())),
        "ESSCertIDv2"
    );
    let serial = leaf
        .parsed()
        .tbs_certificate
        .serial_number
        .to_der()
        .unwrap();
    assert!(contains(&serial), "issuer and serial number of the signer");
    assert!(contains(leaf.der()));
    let usage = leaf.parsed().tbs_certificate.extensions.as_ref().unwrap();
    let usage = usage
        .iter()
        .find(|e| e.extn_id.to_string() == "2.5.29.37")
        .unwrap();
    assert!(usage.critical);
    let usages = Vec::<der::asn1::ObjectIdentifier>::from_der(usage.extn_value.as_bytes()).unwrap();
    assert_eq!(usages[0].to_string(), "1.3.6.1.5.5.7.3.8");
    assert_eq!(usages.len(), 1);
}

/// What nobody may do with a token: name an issuer that is the instance's own.
#[tokio::test]
async fn the_instances_own_issuers_cannot_be_redefined() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::ed25519();
    let own = format!("http://{HOST}/oidc/asserted");
    let file = format!("oidc-issuers:\n  {own}:\n    client-id: sigstore\n    type: email\n");
    let opened = open_with(dir.path(), &file, &[&own], &upstream).await;
    assert!(opened.is_err());
    let forged = upstream.token(&json!({
        "iss": own, "sub": "a@example.com", "email": "a@example.com", "email_verified": true,
    }));
    let other = tempfile::tempdir().unwrap();
    let config = bulla_authority::AuthorityConfig::loopback(4321);
    let authority = open_as(other.path(), config).await.unwrap();
    let answer = ask(&authority, &forged, "a@example.com").await;
    assert_eq!(answer.json()["message"], TOKEN);
}

/// The timestamp authority made a metric's label of every path and method.
#[tokio::test]
async fn cve_2026_49835_labels_do_not_grow_with_what_strangers_ask() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let series = || {
        let nothing = bulla_authority::health::concern::Concerns::default();
        let text = authority.metrics().text(&[], &[], &nothing, true).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::HOST, HOST).body(Body::empty());
        send(&authority, request.unwrap()).await;
    };
    for path in ["/api/v1/timestamp", "/api/v1/timestamp/x", "/x"] {
        for method in ["GET", "POST", "PURGE"] {
            ask(method, path).await;
        }
    }
    let before = series();
    for count in 0..200 {
        ask("POST", &format!("/api/v1/timestamp/{count}")).await;
        ask(&format!("METHOD{count}"), "/api/v1/timestamp").await;
        ask("GET", &format!("/{count}?query={count}")).await;
    }
    assert_eq!(series(), before);
}
