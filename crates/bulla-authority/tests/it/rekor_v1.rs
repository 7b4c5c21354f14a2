//! The first Rekor API: what is logged, shown, found and refused.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::Authority;
use bulla_core::{Envelope, canonical_json};
use bulla_crypto::{Hash, PublicKey, Scheme, SigningKey, merkle, note::parse_note};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::{HOST, get, open, post_json};

const ENTRIES: &str = "/api/v1/log/entries";

fn key() -> SigningKey {
    SigningKey::generate(Scheme::EcdsaP256).unwrap()
}

fn hashedrekord(key: &SigningKey, blob: &[u8]) -> Value {
    json!({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex::encode(Hash::Sha256.digest(blob))}},
        "signature": {
            "content": STANDARD.encode(key.sign(blob).unwrap()),
            "publicKey": {"content": STANDARD.encode(key.public().to_pem())},
        },
    }})
}

fn dsse(key: &SigningKey, payload: &[u8]) -> Value {
    let mut envelope: Envelope = serde_json::from_value(json!({
        "payload": STANDARD.encode(payload), "payloadType": "text/plain", "signatures": [],
    }))
    .unwrap();
    let sig = key.sign(&envelope.pre_authentication_encoding()).unwrap();
    let signature = json!({"sig": STANDARD.encode(sig), "keyid": ""});
    envelope
        .signatures
        .push(serde_json::from_value(signature).unwrap());
    json!({"kind": "dsse", "apiVersion": "0.0.1", "spec": {
        "proposedContent": {
            "envelope": serde_json::to_string(&envelope).unwrap(),
            "verifiers": [STANDARD.encode(key.public().to_pem())],
        },
        // What real clients send along.
        "envelopeHash": null, "payloadHash": null, "signatures": null,
    }})
}

/// Checks everything that an entry says and gives its body.
fn check(authority: &Authority, uuid: &str, entry: &Value) -> Value {
    let log = &authority.trusted_root()["tlogs"][0];
    let spki = STANDARD
        .decode(log["publicKey"]["rawBytes"].as_str().unwrap())
        .unwrap();
    let log_key = PublicKey::from_spki_der(&spki).unwrap();
    let log_id = hex::encode(
        STANDARD
            .decode(log["logId"]["keyId"].as_str().unwrap())
            .unwrap(),
    );
    assert_eq!(
        (entry["logID"].as_str().unwrap(), log_key.id().hex()),
        (&*log_id, &*log_id)
    );
    let verification = &entry["verification"];
    let set = STANDARD
        .decode(verification["signedEntryTimestamp"].as_str().unwrap())
        .unwrap();
    let mut promised = entry.clone();
    promised.as_object_mut().unwrap().remove("verification");
    log_key
        .verify(&canonical_json::jcs(&promised).unwrap(), &set)
        .unwrap();

    let body = STANDARD.decode(entry["body"].as_str().unwrap()).unwrap();
    let leaf = merkle::leaf_hash(&body);
    assert_eq!(uuid[16..], hex::encode(leaf));
    let proof = &verification["inclusionProof"];
    let hash = |value: &Value| -> merkle::NodeHash {
        hex::decode(value.as_str().unwrap())
            .unwrap()
            .try_into()
            .unwrap()
    };
    let hashes: Vec<_> = proof["hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(hash)
        .collect();
    let (index, size) = (
        proof["logIndex"].as_u64().unwrap(),
        proof["treeSize"].as_u64().unwrap(),
    );
    merkle::verify_inclusion(&leaf, index, size, &hashes, &hash(&proof["rootHash"])).unwrap();
    let note = parse_note(proof["checkpoint"].as_str().unwrap().as_bytes()).unwrap();
    note.verify("127.0.0.1", &log_key).unwrap();
    assert!(note.text.starts_with("127.0.0.1 - "));
    serde_json::from_slice(&body).unwrap()
}

fn only(answer: &Value) -> (&str, &Value) {
    let [(uuid, entry)] = &answer.as_object().unwrap().iter().collect::<Vec<_>>()[..] else {
        panic!("{answer}")
    };
    (uuid, entry)
}

#[tokio::test]
async fn entries_are_proven_promised_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let (key, mut shown) = (key(), Vec::new());
    for request in [hashedrekord(&key, b"blob"), dsse(&key, b"payload")] {
        let sent = Request::post(ENTRIES)
            .header(header::HOST, HOST)
            .body(Body::from(request.to_string()))
            .unwrap();
        let response = authority.router().oneshot(sent).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        let etag = response.headers()[header::ETAG]
            .to_str()
            .unwrap()
            .to_owned();
        let location = response.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .to_owned();
        let again = post_json(&authority, ENTRIES, &request).await.json();
        let (uuid, entry) = only(&again);
        assert_eq!(
            (etag.as_str(), location),
            (uuid, format!("{ENTRIES}/{uuid}"))
        );
        let body = check(&authority, uuid, entry);
        assert_eq!(body["kind"], request["kind"]);
        for path in [
            format!("{ENTRIES}/{uuid}"),
            format!("{ENTRIES}/{}", &uuid[16..]),
            format!("{ENTRIES}?logIndex={}", entry["logIndex"]),
        ] {
            let found = get(&authority, &path).await.json();
            let (found_uuid, found) = only(&found);
            assert_eq!(
                (found_uuid, &found["body"]),
                (uuid, &entry["body"]),
                "{path}"
            );
            assert_eq!(found["integratedTime"], entry["integratedTime"]);
        }
        shown.push((uuid.to_owned(), entry["logIndex"].clone(), request));
    }
    // The genesis entry keeps index 0, which some clients cannot write down.
    assert_eq!(
        shown.iter().map(|(_, index, _)| index).collect::<Vec<_>>(),
        [&json!(1), &json!(2)]
    );
    let query = json!({
        "entryUUIDs": [shown[0].0], "logIndexes": [2, 99], "entries": [shown[0].2],
    });
    let found = post_json(&authority, &format!("{ENTRIES}/retrieve"), &query)
        .await
        .json();
    assert_eq!(found.as_array().unwrap().len(), 3);
    // Its state is the published one.
    while get(&authority, "/api/v1/log").await.json()["treeSize"] != 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let pem = get(&authority, "/api/v1/log/publicKey").await;
    assert!(PublicKey::from_pem(pem.text()).is_ok());
}

#[tokio::test]
async fn what_is_not_signed_or_not_there_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = key();
    let refused = async |request: &Value| {
        let answer = post_json(&authority, ENTRIES, request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert_eq!(answer.json()["code"], 400);
    };
    for (pointer, value) in [
        ("/spec/data/hash/value", json!(hex::encode([0; 32]))),
        ("/spec/data/hash/value", json!("00")),
        ("/spec/data/hash/algorithm", json!("sha1")),
        (
            "/spec/signature/publicKey/content",
            json!(STANDARD.encode("no key")),
        ),
        ("/apiVersion", json!("0.0.2")),
        ("/kind", json!("rekord")),
    ] {
        let mut request = hashedrekord(&key, b"blob");
        *request.pointer_mut(pointer).unwrap() = value;
        refused(&request).await;
    }
    let mut stranger = dsse(&key, b"payload");
    stranger["spec"]["proposedContent"]["verifiers"] = json!([STANDARD.encode(
        SigningKey::generate(Scheme::EcdsaP256)
            .unwrap()
            .public()
            .to_pem()
    )]);
    refused(&stranger).await;
    for path in ["?logIndex=7", "/00", &format!("/{}", "0".repeat(64))] {
        let answer = get(&authority, &format!("{ENTRIES}{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let many = json!({"logIndexes": vec![0; 11]});
    let many = post_json(&authority, &format!("{ENTRIES}/retrieve"), &many).await;
    assert_eq!(many.status, StatusCode::UNPROCESSABLE_ENTITY);
    while get(&authority, "/api/v1/log").await.json()["treeSize"].is_null() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(get(&authority, "/api/v1/log").await.json()["treeSize"], 1);
}
