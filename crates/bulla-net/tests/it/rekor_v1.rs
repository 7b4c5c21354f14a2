//! A log of version 1 in the shapes that Rekor answers with, and in wrong ones.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Hash, Scheme, SigningKey};
use bulla_net::{
    HttpClient, ServiceError,
    log::{self, LogEntry, Signed, Submission, Verifier},
};
use bulla_trust::{
    dsse,
    root::{LogApi, LogService},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const UUID: &str =
    "24296fb24b8ad77a5ad6ad0d8b6b8a3c5b2a7c1f6c6a2b1b7d9f3c0f2d7f8a9b1c2d3e4f5a6b7c8d";

fn entry() -> Value {
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {}});
    json!({UUID: {
        "attestation": {},
        "body": STANDARD.encode(body.to_string()),
        "integratedTime": 1_753_000_000,
        "logID": "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d",
        "logIndex": 123_456_789,
        "verification": {
            "inclusionProof": {
                "checkpoint": "rekor.example - 1\n8\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} rekor.example wNI9ajBFAiEA\n",
                "hashes": ["1111111111111111111111111111111111111111111111111111111111111111"],
                "logIndex": 4,
                "rootHash": "2222222222222222222222222222222222222222222222222222222222222222",
                "treeSize": 8,
            },
            "signedEntryTimestamp": "MEUCIQ==",
        },
    }})
}

#[derive(Clone)]
struct Log {
    status: StatusCode,
    headers: HeaderMap,
    answer: Value,
    seen: Arc<Mutex<Vec<Value>>>,
}

async fn add(State(log): State<Log>, body: Bytes) -> Response {
    let mut seen = log.seen.lock().unwrap();
    seen.push(serde_json::from_slice(&body).unwrap());
    (log.status, log.headers.clone(), log.answer.to_string()).into_response()
}

async fn find(State(log): State<Log>) -> String {
    log.seen.lock().unwrap().push(json!("asked for"));
    entry().to_string()
}

struct Served {
    service: LogService,
    seen: Arc<Mutex<Vec<Value>>>,
}

async fn serve(
    status: StatusCode,
    headers: &[(header::HeaderName, &str)],
    answer: Value,
) -> Served {
    let headers = headers.iter();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Log {
        status,
        headers: headers
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect(),
        answer,
        seen: seen.clone(),
    };
    let app = Router::new()
        .route("/api/v1/log/entries", post(add))
        .route("/api/v1/log/entries/{uuid}", get(find))
        .route("/elsewhere", get(find))
        .with_state(log);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let api = LogApi::V1;
    Served {
        service: LogService { url, api },
        seen,
    }
}

async fn submit(served: &Served) -> Result<LogEntry, ServiceError> {
    let key = SigningKey::generate(Scheme::EcdsaP384).unwrap();
    let digest = Hash::Sha384.digest(b"artifact");
    let submission = Submission {
        signed: Signed::Digest {
            hash: Hash::Sha384,
            digest: &digest,
        },
        signature: b"signature",
        verifier: Verifier::Key(key.public()),
    };
    log::submit(&HttpClient::loopback(), &served.service, &submission).await
}

#[tokio::test]
async fn an_answer_becomes_an_entry_of_a_bundle() {
    let served = serve(StatusCode::CREATED, &[(header::ETAG, UUID)], entry()).await;
    let logged = submit(&served).await.unwrap();
    assert_eq!(logged.index, 123_456_789);
    let json: Value = serde_json::from_slice(&logged.json).unwrap();
    assert_eq!(json["logIndex"], "123456789");
    assert_eq!(json["integratedTime"], "1753000000");
    assert_eq!(
        json["logId"]["keyId"],
        "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0="
    );
    assert_eq!(
        json["kindVersion"],
        json!({"kind": "hashedrekord", "version": "0.0.1"})
    );
    let proof = &json["inclusionProof"];
    assert_eq!(
        (&proof["logIndex"], &proof["treeSize"]),
        (&json!("4"), &json!("8"))
    );
    assert_eq!(proof["rootHash"], json!(STANDARD.encode([0x22; 32])));
    assert_eq!(proof["hashes"], json!([STANDARD.encode([0x11; 32])]));
    let promise = serde_json::to_value(logged.promise.unwrap()).unwrap();
    let whole = &entry()[UUID];
    assert_eq!(promise["SignedEntryTimestamp"], "MEUCIQ==");
    for field in ["body", "integratedTime", "logIndex", "logID"] {
        assert_eq!(promise["Payload"][field], whole[field], "{field}");
    }
    let sent = served.seen.lock().unwrap()[0].clone();
    assert_eq!(sent["spec"]["data"]["hash"]["algorithm"], "sha384");
    let value = sent["spec"]["data"]["hash"]["value"].as_str().unwrap();
    assert_eq!(value.len(), 96);
    let key = sent["spec"]["signature"]["publicKey"]["content"]
        .as_str()
        .unwrap();
    let pem = String::from_utf8(STANDARD.decode(key).unwrap()).unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[tokio::test]
async fn an_envelope_is_logged_as_dsse() {
    let served = serve(StatusCode::CREATED, &[], entry()).await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let envelope = dsse::sign("application/json", b"{}".to_vec(), &key).unwrap();
    let submission = Submission {
        signed: Signed::Envelope {
            hash: Hash::Sha256,
            envelope: &envelope,
        },
        signature: &envelope.signatures[0].sig,
        verifier: Verifier::Certificate(b"leaf", key.public()),
    };
    let http = HttpClient::loopback();
    log::submit(&http, &served.service, &submission)
        .await
        .unwrap();
    let sent = served.seen.lock().unwrap()[0].clone();
    assert_eq!(
        (&sent["kind"], &sent["apiVersion"]),
        (&json!("dsse"), &json!("0.0.1"))
    );
    let content = &sent["spec"]["proposedContent"];
    let inside: Value = serde_json::from_str(content["envelope"].as_str().unwrap()).unwrap();
    assert_eq!(inside, serde_json::to_value(&envelope).unwrap());
    let verifier = STANDARD
        .decode(content["verifiers"][0].as_str().unwrap())
        .unwrap();
    assert!(verifier.starts_with(b"-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn an_entry_that_is_there_already_is_taken() {
    let place = format!("/api/v1/log/entries/{UUID}");
    let error = json!({"code": 409, "message": "an equivalent entry already exists"});
    let served = serve(
        StatusCode::CONFLICT,
        &[(header::LOCATION, &place)],
        error.clone(),
    )
    .await;
    assert_eq!(submit(&served).await.unwrap().index, 123_456_789);
    assert_eq!(served.seen.lock().unwrap().len(), 2);
    // Only its own entries are asked for.
    for place in [
        "/elsewhere",
        "/api/v1/log/entries/../../../elsewhere",
        "http://127.0.0.1:1/api/v1/log/entries/x",
        "",
    ] {
        let served = serve(
            StatusCode::CONFLICT,
            &[(header::LOCATION, place)],
            error.clone(),
        )
        .await;
        let refused = submit(&served).await.unwrap_err();
        assert!(refused.to_string().contains("equivalent"), "{refused}");
        assert_eq!(served.seen.lock().unwrap().len(), 1, "{place}");
    }
}

#[tokio::test]
async fn other_answers_are_none() {
    let with = |path: &str, value: Value| {
        let mut whole = entry();
        *whole.pointer_mut(&format!("/{UUID}{path}")).unwrap() = value;
        whole
    };
    let two = json!({UUID: entry()[UUID], "other": entry()[UUID]});
    let mut bare = entry();
    bare[UUID].as_object_mut().unwrap().remove("verification");
    for answer in [
        json!({}),
        json!([]),
        two,
        bare,
        with("/body", json!("?")),
        with("/body", json!(STANDARD.encode("{}"))),
        with("/logID", json!("c0d2")),
        with("/logIndex", json!(-1)),
        with(
            "/verification/inclusionProof/rootHash",
            json!("+".repeat(64)),
        ),
        with("/verification/inclusionProof/hashes", json!(["xx"])),
        with(
            "/verification/inclusionProof/checkpoint",
            json!("no checkpoint"),
        ),
    ] {
        let served = serve(StatusCode::CREATED, &[], answer.clone()).await;
        let error = submit(&served).await.unwrap_err();
        assert!(matches!(error, ServiceError::Answer { .. }), "{answer}");
    }
    let other = serve(StatusCode::CREATED, &[(header::ETAG, "other")], entry()).await;
    let error = submit(&other).await.unwrap_err();
    assert!(error.to_string().contains("header names"), "{error}");
    let wrong = serve(StatusCode::OK, &[(header::ETAG, UUID)], entry()).await;
    assert!(matches!(submit(&wrong).await, Err(ServiceError::Http(_))));
}

#[test]
fn a_cut_or_bent_answer_never_panics() {
    let log = LogService {
        url: "http://127.0.0.1:1".into(),
        api: LogApi::V1,
    };
    let whole = entry().to_string().into_bytes();
    log::parse_v1_answer(&log, Some(UUID), &whole).unwrap();
    for at in 0..whole.len() {
        assert!(log::parse_v1_answer(&log, None, &whole[..at]).is_err());
        let mut bent = whole.clone();
        bent[at] = b'9';
        let _ = log::parse_v1_answer(&log, None, &bent);
    }
}
