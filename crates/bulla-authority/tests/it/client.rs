//! A small signing client: what cosign, sigstore-python and sigstore-js send.

use std::{path::Path, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{Authority, AuthorityConfig, AuthorityError};
use bulla_core::{SystemClock, envelope::pre_authentication_encoding};
use bulla_crypto::{Hash, Scheme, SigningKey};
use bulla_store::Store;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const HOST: &str = "127.0.0.1:4321";
pub(crate) const EMAIL: &str = "dev@example.com";

pub(crate) async fn open(dir: &Path) -> Authority {
    open_as(dir, AuthorityConfig::loopback(4321)).await.unwrap()
}

pub(crate) async fn open_as(
    dir: &Path,
    config: AuthorityConfig,
) -> Result<Authority, AuthorityError> {
    let store = Store::open(dir).await.unwrap();
    Authority::open(&store, config, Arc::new(SystemClock)).await
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) async fn send(authority: &Authority, request: Request<Body>) -> Answer {
    let response: Response = authority.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .to_vec();
    Answer { status, body }
}

pub(crate) async fn get(authority: &Authority, path: &str) -> Answer {
    let request = Request::get(path)
        .header(header::HOST, HOST)
        .body(Body::empty())
        .unwrap();
    send(authority, request).await
}

/// The checkpoint at `path` once it is of a tree of `size` leaves: it is published
/// each second, while answers carry those of their own commits.
pub(crate) async fn published(authority: &Authority, path: &str, size: u64) -> Vec<u8> {
    for _ in 0..1000 {
        let note = get(authority, path).await.body;
        let text = std::str::from_utf8(&note).unwrap();
        let found = text.lines().nth(1).and_then(|line| line.parse().ok());
        if found.is_some_and(|found: u64| found >= size) {
            return note;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no checkpoint of {size} leaves at {path}");
}

pub(crate) async fn post(authority: &Authority, path: &str, kind: &str, body: &[u8]) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, HOST)
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body.to_vec()))
        .unwrap();
    send(authority, request).await
}

pub(crate) async fn post_json(authority: &Authority, path: &str, body: &Value) -> Answer {
    post(
        authority,
        path,
        "application/json",
        body.to_string().as_bytes(),
    )
    .await
}

pub(crate) fn token(authority: &Authority) -> String {
    authority
        .asserted()
        .mint_person(EMAIL, "sigstore", Timestamp::now())
        .unwrap()
}

/// A signer with a certificate.
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Vec<u8>,
}

/// The form of sigstore-js: token in the body.
pub(crate) fn signing_request(key: &SigningKey, token: &str, challenge: &str) -> Value {
    json!({
        "credentials": {"oidcIdentityToken": token},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
            "proofOfPossession": STANDARD.encode(key.sign(challenge.as_bytes()).unwrap()),
        },
    })
}

pub(crate) async fn certify(authority: &Authority) -> Signer {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let request = signing_request(&key, &token(authority), EMAIL);
    let answer = post_json(authority, "/api/v2/signingCert", &request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    let chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(chain.len(), 3);
    let leaf = chain[0].as_str().unwrap();
    let certificate = bulla_crypto::x509::parse_pem_chain(leaf.as_bytes())
        .unwrap()
        .remove(0);
    Signer {
        key,
        certificate: certificate.der().to_vec(),
    }
}

/// Signs, stamps and logs `digest`; gives verification material and log entry.
async fn witness(authority: &Authority, signer: &Signer, message: &[u8]) -> (Vec<u8>, Value) {
    let signature = signer.key.sign(message).unwrap();
    let query = json!({
        "artifactHash": STANDARD.encode(Hash::Sha256.digest(&signature)),
        "hashAlgorithm": "sha256", "certificates": false, "nonce": 12345,
    });
    let stamp = post_json(authority, "/api/v1/timestamp", &query).await;
    assert_eq!(stamp.status, StatusCode::OK, "{}", stamp.text());
    let request = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(Hash::Sha256.digest(message)),
        "signature": {
            "content": STANDARD.encode(&signature),
            "verifier": {
                "x509Certificate": {"rawBytes": STANDARD.encode(&signer.certificate)},
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    }});
    let entry = post_json(authority, "/api/v2/log/entries", &request).await;
    assert_eq!(entry.status, StatusCode::CREATED, "{}", entry.text());
    let material = json!({
        "certificate": {"rawBytes": STANDARD.encode(&signer.certificate)},
        "tlogEntries": [entry.json()],
        "timestampVerificationData": {
            "rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(stamp.body)}],
        },
    });
    (signature, material)
}

/// A bundle over a blob.
pub(crate) async fn sign_blob(authority: &Authority, signer: &Signer, blob: &[u8]) -> Value {
    let (signature, material) = witness(authority, signer, blob).await;
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(Hash::Sha256.digest(blob))},
            "signature": STANDARD.encode(signature),
        },
    })
}

/// A bundle over a statement about a blob.
pub(crate) async fn attest_blob(authority: &Authority, signer: &Signer, blob: &[u8]) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "blob", "digest": {"sha256": hex::encode(Hash::Sha256.digest(blob))}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    });
    attest(authority, signer, &statement).await
}

/// A bundle over a statement.
pub(crate) async fn attest(authority: &Authority, signer: &Signer, statement: &Value) -> Value {
    let kind = "application/vnd.in-toto+json";
    let payload = statement.to_string().into_bytes();
    let message = pre_authentication_encoding(kind, &payload);
    let (signature, material) = witness(authority, signer, &message).await;
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": kind,
            "signatures": [{"sig": STANDARD.encode(signature)}],
        },
    })
}
