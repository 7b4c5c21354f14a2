//! Advisories of Rekor, and those of its clients that a server can answer.

use axum::{Router, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::Authority;
use bulla_crypto::{Hash, Scheme, SigningKey};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use crate::client::{Answer, get, open, post, post_json};

const V1: &str = "/api/v1/log/entries";
const V2: &str = "/api/v2/log/entries";

/// Everything that the logs hold, to see that nothing was added.
async fn sizes(authority: &Authority) -> [Value; 2] {
    let v1 = get(authority, "/api/v1/log").await.json()["treeSize"].clone();
    [v1, json!(authority.log().log().size())]
}

async fn refused(authority: &Authority, path: &str, body: &Value) -> Answer {
    let before = sizes(authority).await;
    let answer = post_json(authority, path, body).await;
    assert!(answer.status.is_client_error(), "{path} {}", answer.text());
    assert!(answer.json()["code"].is_number() && answer.json()["message"].is_string());
    assert_eq!(sizes(authority).await, before, "nothing was logged");
    answer
}

fn hashedrekord(key: &SigningKey) -> Value {
    json!({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex::encode(Hash::Sha256.digest(b"x"))}},
        "signature": {
            "content": STANDARD.encode(key.sign(b"x").unwrap()),
            "publicKey": {"content": STANDARD.encode(key.public().to_pem())},
        },
    }})
}

/// Rekor unpacked the archives of jar and apk entries; a small request became a
/// large allocation. Kinds with archives are not taken, and a body that says it
/// is compressed is not unpacked.
#[tokio::test]
async fn cve_2023_30551_and_cve_2026_48702_nothing_is_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    for kind in ["alpine", "jar", "rpm", "helm", "cose", "tuf", "rekord"] {
        let bomb = STANDARD.encode([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].repeat(1000));
        let request = json!({"kind": kind, "apiVersion": "0.0.1", "spec": {
            "archive": {"content": bomb}, "package": {"content": bomb}, "data": {"content": bomb},
        }});
        let answer = refused(&authority, V1, &request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind}");
    }
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for path in [V1, V2] {
        let answer = post(&authority, path, "application/json", &gzip).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

/// A request with parts missing, or of another type, ended Rekor's process.
#[tokio::test]
async fn cve_2023_33199_and_cve_2026_23831_what_is_missing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let whole = hashedrekord(&key);
    for pointer in [
        "/kind",
        "/apiVersion",
        "/spec",
        "/spec/data",
        "/spec/data/hash",
        "/spec/data/hash/value",
        "/spec/signature",
        "/spec/signature/content",
        "/spec/signature/publicKey",
        "/spec/signature/publicKey/content",
    ] {
        for value in [json!(null), json!([]), json!({}), json!(1), json!("")] {
            let mut request = whole.clone();
            *request.pointer_mut(pointer).unwrap() = value;
            refused(&authority, V1, &request).await;
        }
    }
    for (kind, version) in [
        ("dsse", "0.0.1"),
        ("intoto", "0.0.1"),
        ("intoto", "0.0.2"),
        ("rfc3161", "0.0.1"),
    ] {
        for spec in [
            json!(null),
            json!({}),
            json!({"content": null}),
            json!({"content": {"envelope": null}}),
            json!({"content": {"envelope": {"payload": "", "payloadType": "", "signatures": [null]}, "hash": null}}),
            json!({"proposedContent": null}),
            json!({"proposedContent": {"envelope": "{}", "verifiers": [null]}}),
            json!({"tsr": null}),
            json!({"tsr": {"content": "MAA="}}),
        ] {
            let request = json!({"kind": kind, "apiVersion": version, "spec": spec});
            refused(&authority, V1, &request).await;
        }
    }
    for request in [
        json!({}),
        json!({"hashedRekordRequestV002": null}),
        json!({"hashedRekordRequestV002": {"digest": null, "signature": null}}),
        json!({"dsseRequestV002": {"envelope": null, "verifiers": null}}),
    ] {
        refused(&authority, V2, &request).await;
    }
    for body in ["", "{", "[[[[", "null", "\"\""] {
        for path in [
            V1,
            V2,
            "/api/v1/index/retrieve",
            "/api/v1/log/entries/retrieve",
        ] {
            let answer = post(&authority, path, "application/json", body.as_bytes()).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
        }
    }
}

/// Rekor fetched keys and artifacts from URLs in a request, from its own network.
#[tokio::test]
async fn cve_2026_24117_nothing_is_fetched_for_a_stranger() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/key.pem", listener.local_addr().unwrap());
    let app = Router::new().fallback(async move || {
        count.fetch_add(1, SeqCst);
        StatusCode::NOT_FOUND
    });
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let mut request = hashedrekord(&key);
    request["spec"]["signature"]["publicKey"] = json!({"url": url});
    refused(&authority, V1, &request).await;
    let query = json!({"publicKey": {"format": "x509", "url": url}});
    let answer = post_json(&authority, "/api/v1/index/retrieve", &query).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(asked.load(SeqCst), 0);
    server.abort();
}

/// gitsign took the log's key from the log's own API, and any entry for its own
/// (CVE-2023-47122, CVE-2024-51746); sigstore-js counted one log twice (#1702).
/// A server can only keep apart what belongs apart: each tree has a key of its
/// own, an entry answers under its own hash alone, and a duplicate is one entry.
#[tokio::test]
async fn cve_2023_47122_cve_2024_51746_an_entry_is_itself_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
    let request = hashedrekord(&key);
    let first = post_json(&authority, V1, &request).await.json();
    let again = post_json(&authority, V1, &request).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let uuid = |answer: &Value| answer.as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!(uuid(&first), uuid(&again.json()));
    let mut other = uuid(&first);
    let last = if other.ends_with('0') { "1" } else { "0" };
    other.replace_range(other.len() - 1.., last);
    let answer = get(&authority, &format!("{V1}/{other}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let logs = authority.trusted_root()["tlogs"]
        .as_array()
        .unwrap()
        .clone();
    let keys: Vec<&Value> = logs
        .iter()
        .map(|log| &log["publicKey"]["rawBytes"])
        .collect();
    assert!(keys.len() >= 2 && keys[0] != keys[1]);
}

/// The longest request is 4 MiB; what is deeper than any entry is not read.
#[tokio::test]
async fn long_and_deep_requests_are_refused_in_the_protocols_words() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let mut long = hashedrekord(&key);
    long["spec"]["signature"]["publicKey"]["content"] = json!("A".repeat(4_000_000));
    refused(&authority, V1, &long).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for path in [V1, V2] {
        let answer = post(&authority, path, "application/json", deep.as_bytes()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.json()["code"].is_number());
    }
    // An entry that is too long for a tile is not logged, whatever its signature.
    let payload = vec![b' '; 100_000];
    let message = bulla_core::envelope::pre_authentication_encoding("t", &payload);
    let verifier = json!({"publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
        "keyDetails": "PKIX_ECDSA_P256_SHA_256"});
    let signature = json!({"sig": STANDARD.encode(key.sign(&message).unwrap())});
    let many = json!({"dsseRequestV002": {
        "envelope": {"payload": STANDARD.encode(&payload), "payloadType": "t", "signatures": vec![signature; 9]},
        "verifiers": [verifier],
    }});
    refused(&authority, V2, &many).await;
}
