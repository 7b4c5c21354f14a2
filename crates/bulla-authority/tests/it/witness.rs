//! Witnesses: one authority cosigns what another publishes.

use std::time::Duration;

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{
    Authority, AuthorityConfig,
    key_slot::KeySlots,
    witness::{WitnessPeer, WitnessedLog},
};
use bulla_crypto::{
    PublicKey, Scheme, SigningKey,
    note::parse_note,
    verifier_key::{Kind, VerifierKey},
};
use bulla_net::http::{HttpClient, Request};

use crate::{
    client::{get, open, open_as, post, post_json},
    logs::{hashedrekord_v2, until},
};

const V2: &str = "/api/v2/log/entries";

fn witnessed(authority: &Authority) -> WitnessedLog {
    let logs = authority.trusted_root()["tlogs"].as_array().unwrap();
    let keys = logs.iter().filter_map(|log| {
        let spki = STANDARD
            .decode(log["publicKey"]["rawBytes"].as_str()?)
            .ok()?;
        let key = PublicKey::from_spki_der(&spki).ok()?;
        VerifierKey::new("127.0.0.1", Kind::Ed25519, key).ok()
    });
    WitnessedLog {
        origin: "127.0.0.1".into(),
        keys: keys.map(|key| key.to_string()).collect(),
    }
}

#[tokio::test]
async fn published_checkpoints_carry_what_the_witness_cosigned() {
    let (of_log, of_witness) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The log is made first, so that the witness can know its key.
    let log = open(of_log.path()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = AuthorityConfig::loopback(listener.local_addr().unwrap().port());
    config.witness.logs = vec![witnessed(&log)];
    drop(log);
    let witness = open_as(of_witness.path(), config).await.unwrap();
    let (url, router) = (format!("{}/witness", witness.base_url()), witness.router());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let asked = Request::get(format!("{url}/key").parse().unwrap());
    let key = HttpClient::loopback().send(asked).await.unwrap();
    let key = String::from_utf8(key.bytes(1000, "key").await.unwrap()).unwrap();
    let key = key.trim().to_owned();
    let mut config = AuthorityConfig::loopback(4321);
    config.witness.witnesses = vec![WitnessPeer {
        url,
        key: key.clone(),
        ca_file: None,
    }];
    config.witness.quorum = 1;
    let log = open_as(of_log.path(), config).await.unwrap();
    let key = VerifierKey::parse(&key).unwrap();
    let signed = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    for number in 0..3_u8 {
        let request = hashedrekord_v2(&signed, &[number], "PKIX_ECDSA_P256_SHA_256");
        assert_eq!(
            post_json(&log, V2, &request).await.status,
            StatusCode::CREATED
        );
        let size = log.log().log().size();
        let note = until("a cosigned checkpoint", async || {
            let note = get(&log, "/api/v2/checkpoint").await;
            let note = parse_note(&note.body).ok()?;
            let wanted = format!("127.0.0.1\n{size}\n");
            note.text.starts_with(&wanted).then_some(note)
        });
        let note = note.await;
        assert!(key.verify(&note).unwrap().is_some());
    }
    // The CT tree is not known to that witness.
    let refused = until("a refusal", async || {
        let status = &log.witnesses()[0];
        status.failures.get("127.0.0.1:4321").cloned()
    });
    assert!(refused.await.why.contains("404"));
    assert!(!log.witnesses()[0].failures.contains_key("127.0.0.1"));
    server.abort();
    // The witness is gone: entries are logged all the same, and what is published stays.
    let before = get(&log, "/api/v2/checkpoint").await.body;
    let request = hashedrekord_v2(&signed, b"later", "PKIX_ECDSA_P256_SHA_256");
    assert_eq!(
        post_json(&log, V2, &request).await.status,
        StatusCode::CREATED
    );
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(get(&log, "/api/v2/checkpoint").await.body, before);
}

#[tokio::test]
async fn a_new_instance_has_its_checkpoints_witnessed_before_anybody_asks() {
    let (of_log, of_witness) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The witness knows the log's key before there is a log.
    let slots = KeySlots::open(&of_log.path().join("keys")).await.unwrap();
    let key = slots
        .get_or_create("log-v2", Scheme::Ed25519)
        .await
        .unwrap();
    let key = VerifierKey::new("127.0.0.1", Kind::Ed25519, key.public().clone()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = AuthorityConfig::loopback(listener.local_addr().unwrap().port());
    config.witness.logs = vec![WitnessedLog {
        origin: "127.0.0.1".into(),
        keys: vec![key.to_string()],
    }];
    let witness = open_as(of_witness.path(), config).await.unwrap();
    let url = format!("{}/witness", witness.base_url());
    let server = axum::serve(listener, witness.router());
    tokio::spawn(server.into_future());
    let asked = Request::get(format!("{url}/key").parse().unwrap());
    let key = HttpClient::loopback().send(asked).await.unwrap();
    let key = String::from_utf8(key.bytes(1000, "key").await.unwrap()).unwrap();
    let key = key.trim().to_owned();
    let mut config = AuthorityConfig::loopback(4321);
    config.witness.witnesses = vec![WitnessPeer {
        url,
        key: key.clone(),
        ca_file: None,
    }];
    let log = open_as(of_log.path(), config).await.unwrap();
    let note = get(&log, "/api/v2/checkpoint").await;
    let note = parse_note(&note.body).unwrap();
    let key = VerifierKey::parse(&key).unwrap();
    assert!(key.verify(&note).unwrap().is_some());
    // That the others are not known to the witness does not keep them back.
    let note = get(&log, "/ct/static/checkpoint").await;
    assert!(note.text().starts_with("127.0.0.1:4321\n1\n"));
    assert!(!log.log().log().checkpoint().is_empty());
}

#[tokio::test]
async fn the_witness_answers_with_the_protocols_statuses() {
    let (of_log, of_witness) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = open(of_log.path()).await;
    let mut config = AuthorityConfig::loopback(4321);
    config.witness.logs = vec![witnessed(&log)];
    let witness = open_as(of_witness.path(), config).await.unwrap();
    let note = until("a checkpoint", async || {
        let note = get(&log, "/api/v2/checkpoint").await.text().to_owned();
        (!note.is_empty()).then_some(note)
    });
    let note = note.await;
    let ask = async |body: String| {
        post(
            &witness,
            "/witness/add-checkpoint",
            "text/plain",
            body.as_bytes(),
        )
        .await
    };
    let status = async |body: String| ask(body).await.status.as_u16();
    assert_eq!(status("old 1\n\nnonsense".into()).await, 400);
    assert_eq!(
        status(format!(
            "old 0\n\n{}",
            note.replacen("127.0.0.1\n", "other\n", 1)
        ))
        .await,
        404
    );
    assert_eq!(
        status(format!("old 0\n\n{}", note.replacen("\n1\n", "\n2\n", 1))).await,
        403
    );
    assert_eq!(status(format!("old 9\n\n{note}")).await, 400);
    let conflict = ask(format!("old 1\n\n{note}")).await;
    assert_eq!((conflict.status.as_u16(), conflict.text()), (409, "0\n"));
    let proof = STANDARD.encode([0; 32]);
    assert_eq!(status(format!("old 0\n{proof}\n\n{note}")).await, 422);
    let cosigned = ask(format!("old 0\n\n{note}")).await;
    assert_eq!(cosigned.status.as_u16(), 200);
    assert!(cosigned.text().starts_with("— 127.0.0.1/witness "));
    let nobody = get(&log, "/witness/key").await;
    assert_eq!(
        nobody.status,
        StatusCode::NOT_FOUND,
        "served only where it is configured"
    );
}
