//! Certificate authority, log and timestamp authority that answer wrongly.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bulla_core::{Diagnose, Digest};
use bulla_crypto::{Hash, PublicKey, Scheme, SigningKey};
use bulla_net::{HttpClient, HttpError, ServiceError, Token, ca, log, tsa};
use bulla_trust::root::{LogApi, LogService};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Option<(HeaderMap, Vec<u8>)>>>;

/// A service that gives one answer on one path, and keeps what it was sent.
async fn service(path: &str, status: StatusCode, answer: Vec<u8>) -> (String, Seen) {
    let seen = Seen::default();
    let keep = seen.clone();
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        *keep.lock().unwrap() = Some((headers, body.to_vec()));
        (status, answer)
    };
    let app = Router::new().route(path, post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, seen)
}

fn token() -> Token {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "http://127.0.0.1:1/oidc/asserted", "sub": "a@b.example",
        "email": "a@b.example", "email_verified": true, "aud": "sigstore", "exp": 2_000_000_000});
    Token::new(format!(
        "{}.{}.c2ln\n",
        part(json!({"alg": "ES256"})),
        part(claims)
    ))
}

const CA: &str = "/api/v2/signingCert";

#[tokio::test]
async fn the_authority_is_asked_as_cosign_asks() {
    let (base, seen) = service(CA, StatusCode::BAD_REQUEST, b"{\"code\":3}".to_vec()).await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let error = ca::certify(&HttpClient::loopback(), &format!("{base}/"), &token(), &key)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ServiceError::Http(HttpError::Status {
            status: StatusCode::BAD_REQUEST,
            ..
        })
    ));
    let (headers, body) = seen.lock().unwrap().take().unwrap();
    let sent = format!("Bearer {}", token().reveal());
    assert_eq!(headers["authorization"].to_str().unwrap(), sent);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let request = &body["publicKeyRequest"];
    assert_eq!(request["publicKey"]["algorithm"], "ECDSA");
    let public = PublicKey::from_pem(request["publicKey"]["content"].as_str().unwrap()).unwrap();
    let proof = STANDARD
        .decode(request["proofOfPossession"].as_str().unwrap())
        .unwrap();
    public.verify(b"a@b.example", &proof).unwrap();
    assert!(!error.to_string().contains(token().reveal()), "{error}");
}

#[tokio::test]
async fn a_certificate_must_be_readable_and_for_our_key() {
    let detached = json!({"signedCertificateDetachedSct": {"chain": {"certificates": ["x"]}}});
    let with = |certificates: Value| json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}}});
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode([0x30, 0x00])
    );
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    for (answer, said) in [
        (detached, "embedded SCT"),
        (with(json!([])), "empty chain"),
        (with(json!(["no PEM"])), "not PEM"),
        (with(json!([pem])), "another key"),
        (with(json!(vec![pem.clone(); 11])), "more certificates"),
        (json!("no object"), "not valid"),
    ] {
        let (base, _) = service(CA, StatusCode::OK, answer.to_string().into_bytes()).await;
        let error = ca::certify(&HttpClient::loopback(), &base, &token(), &key)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn the_log_is_sent_what_it_is_to_log() {
    let path = "/api/v2/log/entries";
    let (base, seen) = service(path, StatusCode::CREATED, b"{\"logIndex\":\"7\"}".to_vec()).await;
    let digest = Digest::sha256(b"artifact");
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let submission = log::Submission {
        signed: log::Signed::Digest {
            hash: Hash::Sha256,
            digest: &digest.bytes(),
        },
        signature: b"signature",
        verifier: log::Verifier::Certificate(b"certificate", key.public()),
    };
    let http = HttpClient::loopback();
    let v2 = |url: &str| LogService {
        url: url.into(),
        api: LogApi::V2,
    };
    let error = log::submit(&http, &v2(&base), &submission)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not an entry"), "{error}");
    let (_, body) = seen.lock().unwrap().take().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let expected = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest.bytes()),
        "signature": {
            "content": STANDARD.encode(b"signature"),
            "verifier": {
                "x509Certificate": {"rawBytes": STANDARD.encode(b"certificate")},
                "keyDetails": "PKIX_ECDSA_P256_SHA_256"
            }
        }
    }});
    assert_eq!(body, expected);
    let (base, _) = service(path, StatusCode::OK, b"{}".to_vec()).await;
    let error = log::submit(&http, &v2(&base), &submission)
        .await
        .unwrap_err();
    assert_eq!(error.code().0, "NET-0008");
}

#[tokio::test]
async fn a_refused_timestamp_is_no_timestamp() {
    // TimeStampResp { status { rejection (2) } }
    let refused = vec![0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02];
    let (base, seen) = service("/ts", StatusCode::CREATED, refused).await;
    let http = HttpClient::loopback();
    let error = tsa::stamp(&http, &format!("{base}/ts"), b"signature")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    let (headers, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!(headers["content-type"], "application/timestamp-query");
    use der::Decode as _;
    let query = x509_tsp::TimeStampReq::from_der(&body).unwrap();
    let imprint = query.message_imprint;
    assert_eq!(
        imprint.hashed_message.as_bytes(),
        Digest::sha256(b"signature").bytes()
    );
    assert!(query.nonce.is_none() && !query.cert_req);
    for junk in [&b""[..], b"<html>", &[0x30, 0x80]] {
        let (base, _) = service("/ts", StatusCode::OK, junk.to_vec()).await;
        let error = tsa::stamp(&http, &format!("{base}/ts"), b"s").await;
        assert!(matches!(error, Err(ServiceError::Answer { .. })));
    }
}

#[tokio::test]
async fn addresses_are_checked() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let http = HttpClient::loopback();
    let asked = ca::certify(&http, "not a url", &token(), &key).await;
    assert!(matches!(asked, Err(ServiceError::Address { .. })));
    let asked = ca::certify(&http, "https://ca.example", &token(), &key).await;
    assert!(matches!(
        asked,
        Err(ServiceError::Http(HttpError::Egress { .. }))
    ));
}

#[test]
fn answers_never_panic() {
    for length in 0..200u8 {
        let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(length)).collect();
        assert!(ca::parse_answer(&bytes).is_err());
        assert!(tsa::check_reply(&bytes).is_err());
    }
}
