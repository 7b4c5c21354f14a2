//! What surrounds the logs: kinds and keys, proofs, search, monitor.

use std::time::Duration;

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{
    AuthorityConfig,
    log::{rekor_v1::RekorV1Settings, rekor_v2::RekorV2Settings},
    monitor::{IdentityRule, What},
};
use bulla_crypto::{
    Hash, Scheme, SigningKey,
    merkle::NodeHash,
    x509::{CodeSigningProfile, FulcioExtensions, SubjectName, Validity},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sigstore_types::Sha256Hash;

use crate::client::{EMAIL, certify, get, open, open_as, post_json, sign_blob};

const V1: &str = "/api/v1/log/entries";
const V2: &str = "/api/v2/log/entries";
const SEARCH: &str = "/api/bulla/v1/log/search";

pub(crate) fn hashedrekord_v2(key: &SigningKey, blob: &[u8], details: &str) -> Value {
    json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(key.scheme().hash().digest(blob)),
        "signature": {
            "content": STANDARD.encode(key.sign(blob).unwrap()),
            "verifier": {
                "publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
                "keyDetails": details,
            },
        },
    }})
}

fn hashedrekord_v1(signer: &SigningKey, verifier: &str, blob: &[u8]) -> Value {
    json!({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex::encode(Hash::Sha256.digest(blob))}},
        "signature": {
            "content": STANDARD.encode(signer.sign(blob).unwrap()),
            "publicKey": {"content": STANDARD.encode(verifier)},
        },
    }})
}

/// Asks until it is answered as wanted: what follows the log follows a little later.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn every_kind_of_key_that_rekor_tiles_takes() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    for scheme in [
        Scheme::EcdsaP256,
        Scheme::EcdsaP384,
        Scheme::EcdsaP521,
        Scheme::Ed25519ph,
        Scheme::Rsa2048,
        Scheme::Rsa3072,
    ] {
        let key = SigningKey::generate(scheme).unwrap();
        let request = hashedrekord_v2(&key, b"blob", scheme.sigstore_name());
        let answer = post_json(&authority, V2, &request).await;
        assert_eq!(
            answer.status,
            StatusCode::CREATED,
            "{scheme:?} {}",
            answer.text()
        );
        let body = answer.json()["canonicalizedBody"].clone();
        let body = STANDARD.decode(body.as_str().unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let verifier = &body["spec"]["hashedRekordV002"]["signature"]["verifier"];
        assert_eq!(verifier["keyDetails"], scheme.sigstore_name());
        let other = hashedrekord_v2(&key, b"blob", "PKIX_ED25519");
        let answer = post_json(&authority, V2, &other).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{scheme:?}");
    }
    let pure = SigningKey::generate(Scheme::Ed25519).unwrap();
    let pure = hashedrekord_v2(&pure, b"blob", "PKIX_ED25519_PH");
    let answer = post_json(&authority, V2, &pure).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "a pure signature");
}

#[tokio::test]
async fn settings_freeze_narrow_and_bound() {
    let dir = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let config = AuthorityConfig {
        rekor_v1: RekorV1Settings { read_only: true },
        rekor_v2: RekorV2Settings {
            dsse: false,
            ..RekorV2Settings::default()
        },
        ..AuthorityConfig::loopback(4321)
    };
    let authority = open_as(dir.path(), config.clone()).await.unwrap();
    let request = hashedrekord_v1(&key, &key.public().to_pem(), b"blob");
    let frozen = post_json(&authority, V1, &request).await;
    assert_eq!(frozen.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(frozen.json()["code"], 405);
    assert_eq!(get(&authority, "/api/v1/log").await.status, StatusCode::OK);
    let message = bulla_core::envelope::pre_authentication_encoding("t", b"p");
    let dsse = json!({"dsseRequestV002": {
        "envelope": {"payload": STANDARD.encode("p"), "payloadType": "t",
            "signatures": [{"sig": STANDARD.encode(key.sign(&message).unwrap())}]},
        "verifiers": [{"publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
            "keyDetails": "PKIX_ECDSA_P256_SHA_256"}],
    }});
    let narrowed = post_json(&authority, V2, &dsse).await;
    assert_eq!(
        narrowed.json()["message"],
        "invalid type, must be hashedrekord"
    );
    drop(authority);
    let config = AuthorityConfig {
        rekor_v2: RekorV2Settings {
            read_only: true,
            ..RekorV2Settings::default()
        },
        ..config
    };
    let authority = open_as(dir.path(), config).await.unwrap();
    let frozen = post_json(&authority, V2, &dsse).await;
    assert_eq!(frozen.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn one_tree_is_proven_to_be_the_beginning_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let mut roots = vec![];
    for number in 0..9_u8 {
        let state = get(&authority, "/api/v1/log").await.json();
        roots.push((
            state["treeSize"].as_u64().unwrap(),
            state["rootHash"].clone(),
        ));
        let request = hashedrekord_v1(&key, &key.public().to_pem(), &[number]);
        assert_eq!(
            post_json(&authority, V1, &request).await.status,
            StatusCode::CREATED
        );
    }
    // Checked by somebody else's code.
    let hash = |value: &Value| {
        let bytes: NodeHash = hex::decode(value.as_str().unwrap())
            .unwrap()
            .try_into()
            .unwrap();
        Sha256Hash::new(bytes)
    };
    let state = get(&authority, "/api/v1/log").await.json();
    let (last, root) = (
        state["treeSize"].as_u64().unwrap(),
        hash(&state["rootHash"]),
    );
    for (first, old) in &roots {
        let path = format!("/api/v1/log/proof?firstSize={first}&lastSize={last}");
        let answer = get(&authority, &path).await.json();
        assert_eq!(answer["rootHash"], state["rootHash"]);
        let proof: Vec<Sha256Hash> = answer["hashes"]
            .as_array()
            .unwrap()
            .iter()
            .map(hash)
            .collect();
        sigstore_merkle::verify_consistency_proof(*first, last, &proof, &hash(old), &root).unwrap();
        let other = hash(&roots[usize::from(*first == roots[0].0)].1);
        assert!(
            sigstore_merkle::verify_consistency_proof(*first, last, &proof, &other, &root).is_err()
        );
    }
    let tree = state["treeID"].as_str().unwrap();
    let ours = get(
        &authority,
        &format!("/api/v1/log/proof?lastSize=2&treeID={tree}"),
    )
    .await;
    assert_eq!(ours.status, StatusCode::OK);
    for query in [
        "lastSize=99",
        "firstSize=3&lastSize=2",
        "firstSize=0&lastSize=2",
        "lastSize=2&treeID=7",
        "",
        "lastSize=x",
    ] {
        let answer = get(&authority, &format!("/api/v1/log/proof?{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(400)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn entries_are_found_by_name_issuer_digest_key_and_statement() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let signer = certify(&authority).await;
    let bundle = sign_blob(&authority, &signer, b"blob").await;
    let certificate = bulla_crypto::x509::parse_certificate(&signer.certificate).unwrap();
    let request = hashedrekord_v1(&signer.key, &certificate.to_pem(), b"blob");
    let logged = post_json(&authority, V1, &request).await.json();
    let uuid = logged.as_object().unwrap().keys().next().unwrap().clone();
    let digest = hex::encode(Hash::Sha256.digest(b"blob"));
    let key = hex::encode(Hash::Sha256.digest(signer.key.public().spki_der()));
    let issuer = "http://127.0.0.1:4321/oidc/asserted";
    let index = bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"].clone();
    for (log, wanted) in [("v2", &index), ("v1", &Value::Null), ("ct", &Value::Null)] {
        for criterion in [
            format!("name={}", EMAIL.to_uppercase().replace('@', "%40")),
            format!("issuer={issuer}"),
            format!("key={key}"),
            format!("digest=sha256:{digest}"),
        ] {
            if log == "ct" && criterion.starts_with("digest") {
                continue;
            }
            let path = format!("{SEARCH}?log={log}&{criterion}");
            let found = until(&path, async || {
                let answer = get(&authority, &path).await.json();
                let entry = answer["entries"].as_array().unwrap().last().cloned();
                entry.filter(|entry| entry["signers"][0]["key"] == json!(key))
            });
            let found = found.await;
            if let Some(wanted) = wanted.as_str() {
                assert_eq!(found["logIndex"].to_string(), wanted, "{path}");
            }
            assert_eq!(found["signers"][0]["names"], json!([EMAIL]));
            if log == "v1" {
                assert_eq!(found["uuid"], json!(uuid));
            }
        }
    }
    for query in [
        json!({"email": EMAIL}),
        json!({"hash": format!("sha256:{digest}")}),
        json!({"hash": digest}),
        json!({"publicKey": {"format": "x509", "content": STANDARD.encode(certificate.to_pem())}}),
        json!({"email": EMAIL, "hash": digest, "operator": "and"}),
        json!({"email": "nobody@example.com", "hash": digest, "operator": "or"}),
    ] {
        let found = post_json(&authority, "/api/v1/index/retrieve", &query).await;
        assert_eq!(found.json(), json!([uuid]), "{query}");
    }
    let both = json!({"email": "nobody@example.com", "hash": digest, "operator": "and"});
    let found = post_json(&authority, "/api/v1/index/retrieve", &both).await;
    assert_eq!(found.json(), json!([]));
    for query in [
        json!({}),
        json!({"hash": "zz"}),
        json!({"email": EMAIL, "operator": "xor"}),
    ] {
        let answer = post_json(&authority, "/api/v1/index/retrieve", &query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let unknown = get(&authority, &format!("{SEARCH}?nome=a")).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert_eq!(unknown.json()["code"], "AUTH-0702");
}

#[tokio::test]
async fn a_timestamp_of_our_own_is_logged_and_found_by_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let stamp = async |certificates: bool| {
        let query = json!({
            "artifactHash": STANDARD.encode(Hash::Sha256.digest(b"x")),
            "hashAlgorithm": "sha256", "certificates": certificates, "nonce": 7,
        });
        post_json(&authority, "/api/v1/timestamp", &query)
            .await
            .body
    };
    let request = |reply: &[u8]| {
        json!({"kind": "rfc3161", "apiVersion": "0.0.1",
            "spec": {"tsr": {"content": STANDARD.encode(reply)}}})
    };
    let reply = stamp(true).await;
    let logged = post_json(&authority, V1, &request(&reply)).await;
    assert_eq!(logged.status, StatusCode::CREATED, "{}", logged.text());
    let hash = json!({"hash": hex::encode(Hash::Sha256.digest(&reply))});
    until("the timestamp", async || {
        let found = post_json(&authority, "/api/v1/index/retrieve", &hash).await;
        (found.json().as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    let mut changed = reply;
    let last = changed.len() - 1;
    changed[last] ^= 1;
    for bad in [changed, stamp(false).await] {
        let answer = post_json(&authority, V1, &request(&bad)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}

/// Certificates that somebody makes with the intermediate's key, past the authority.
#[tokio::test]
async fn a_certificate_that_was_not_issued_here_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = AuthorityConfig::loopback(4321);
    config.monitor.allow = vec![IdentityRule {
        subject: EMAIL.into(),
        issuer: None,
    }];
    config.monitor.watch = vec![IdentityRule {
        subject: "*@example.com".into(),
        issuer: None,
    }];
    let authority = open_as(dir.path(), config).await.unwrap();
    certify(&authority).await;
    let monitor = authority.monitor().unwrap();
    until("a published checkpoint", async || {
        let published = get(&authority, "/ct/static/checkpoint").await;
        (!published.body.is_empty()).then_some(())
    })
    .await;
    monitor.round().await;
    assert_eq!(monitor.findings().await.unwrap(), []);
    let thief = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let profile = CodeSigningProfile {
        subject: &SubjectName::Email("ceo@example.com".into()),
        extensions: &FulcioExtensions::issued_by("https://issuer.example"),
        key: thief.public(),
        validity: Validity::seconds(Timestamp::now(), 600).unwrap(),
    };
    let now = authority.now();
    let generation = authority.ca().intermediates.current(now).unwrap();
    let precert = generation.signs.precertificate(&profile).unwrap();
    let chain = json!({"chain": [STANDARD.encode(precert.certificate().der())]});
    let logged = post_json(&authority, "/ct/v1/add-pre-chain", &chain).await;
    assert_eq!(logged.status, StatusCode::OK, "{}", logged.text());
    let again = post_json(&authority, "/ct/v1/add-pre-chain", &chain).await;
    assert_eq!(again.json()["timestamp"], logged.json()["timestamp"]);
    let poisoned = post_json(&authority, "/ct/v1/add-chain", &chain).await;
    assert_eq!(
        poisoned.status,
        StatusCode::BAD_REQUEST,
        "poison is no certificate"
    );
    let found = until("the finding", async || {
        monitor.round().await;
        let found = monitor.findings().await.unwrap();
        (found.len() == 2).then_some(found)
    });
    let found = found.await;
    let names = |what: &What| match what {
        What::NotIssued { signer, .. } | What::Unexpected { signer, .. } => signer.names.clone(),
        What::Contradiction { detail } => panic!("{detail}"),
    };
    assert!(matches!(found[0].finding.what, What::NotIssued { .. }));
    assert!(matches!(found[1].finding.what, What::Unexpected { .. }));
    assert!(
        found
            .iter()
            .all(|one| names(&one.finding.what) == ["ceo@example.com"])
    );
    let through = monitor.report().await.unwrap().through.unwrap();
    assert_eq!(monitor.acknowledge(&through).await.unwrap(), 2);
    monitor.round().await;
    assert_eq!(monitor.findings().await.unwrap(), []);
}

#[tokio::test]
async fn a_whole_certificate_gets_a_promise_and_a_strangers_none() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let signer = certify(&authority).await;
    let strange = tempfile::tempdir().unwrap();
    let stranger = certify(&open(strange.path()).await).await;
    let submit = async |der: &[u8]| {
        let chain = json!({"chain": [STANDARD.encode(der)]});
        post_json(&authority, "/ct/v1/add-chain", &chain).await
    };
    let promised = submit(&signer.certificate).await;
    assert_eq!(promised.status, StatusCode::OK);
    assert_eq!(promised.json()["sct_version"], 0);
    let refused = submit(&stranger.certificate).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (StatusCode::BAD_REQUEST, &json!(3))
    );
    let roots = get(&authority, "/ct/v1/get-roots").await.json();
    assert_eq!(roots["certificates"].as_array().unwrap().len(), 1);
}
