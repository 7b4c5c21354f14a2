use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::canonical_json;
use bulla_crypto::{Scheme, SigningKey};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn request(key: &SigningKey, message: &[u8]) -> Value {
    let hash = if key.scheme() == Scheme::EcdsaP384 {
        Hash::Sha384
    } else {
        Hash::Sha256
    };
    json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(hash.digest(message)),
        "signature": {
            "content": STANDARD.encode(key.sign(message).unwrap()),
            "verifier": {
                "publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
                "keyDetails": key.scheme().sigstore_name(),
            },
        },
    }})
}

fn parse(request: &Value) -> Result<Entry, RequestError> {
    parse_create_entry(request.to_string().as_bytes())
}

#[test]
fn a_hashedrekord_is_canonical_and_names_its_hash() {
    for (scheme, hash) in [
        (Scheme::EcdsaP256, "SHA2_256"),
        (Scheme::EcdsaP384, "SHA2_384"),
    ] {
        let key = SigningKey::generate(scheme).unwrap();
        let request = request(&key, b"message");
        let entry = parse(&request).unwrap();
        let body: Value = serde_json::from_slice(entry.body()).unwrap();
        assert_eq!(canonical_json::jcs(&body).unwrap(), entry.body());
        let spec = &body["spec"]["hashedRekordV002"];
        let sent = &request["hashedRekordRequestV002"];
        assert_eq!(
            (&body["apiVersion"], entry.kind()),
            (&json!("0.0.2"), "hashedrekord")
        );
        assert_eq!(spec["data"]["algorithm"], hash);
        assert_eq!(spec["data"]["digest"], sent["digest"]);
        assert_eq!(spec["signature"], sent["signature"]);
    }
}

#[test]
fn snake_case_and_url_safe_base64_mean_the_same() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let camel = request(&key, b"message");
    let snake = camel
        .to_string()
        .replace("hashedRekordRequestV002", "hashed_rekord_request_v002")
        .replace("publicKey", "public_key")
        .replace("rawBytes", "raw_bytes")
        .replace("keyDetails", "key_details")
        .replace('+', "-");
    let snake = snake.replace('/', "_");
    assert_eq!(
        parse_create_entry(snake.as_bytes()).unwrap(),
        parse(&camel).unwrap()
    );
}

#[test]
fn what_is_not_signed_is_not_logged() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let good = request(&key, b"message");
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed
            .pointer_mut(&format!("/hashedRekordRequestV002{pointer}"))
            .unwrap() = value;
        parse(&changed)
    };
    let digest = |bytes: &[u8]| json!(STANDARD.encode(bytes));
    let other = with("/digest", digest(&Hash::Sha256.digest(b"massage")));
    assert!(matches!(other, Err(RequestError::Signature)));
    let longer = with("/digest", digest(&Hash::Sha384.digest(b"message")));
    assert!(matches!(longer, Err(RequestError::Digest)));
    let stranger = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let stranger = digest(stranger.public().spki_der());
    let stranger = with("/signature/verifier/publicKey/rawBytes", stranger);
    assert!(matches!(stranger, Err(RequestError::Signature)));
    let details = with(
        "/signature/verifier/keyDetails",
        json!("PKIX_ECDSA_P384_SHA_384"),
    );
    assert!(matches!(details, Err(RequestError::KeyDetails)));
    let both = with("/signature/verifier", json!({}));
    assert!(matches!(both, Err(RequestError::Verifier)));
    assert!(matches!(
        with("/signature/content", json!("")),
        Err(RequestError::Malformed)
    ));
    assert!(matches!(parse(&json!({})), Err(RequestError::Kind)));
    let ed25519 = SigningKey::generate(Scheme::Ed25519).unwrap();
    assert!(matches!(
        parse(&request(&ed25519, b"m")),
        Err(RequestError::Verifier)
    ));
}

fn dsse(key: &SigningKey, payload: &[u8], padding: usize) -> Value {
    let kind = "application/vnd.in-toto+json";
    let signed = pre_authentication_encoding(kind, payload);
    let verifier = json!({
        "publicKey": {"rawBytes": STANDARD.encode(key.public().spki_der())},
        "keyDetails": key.scheme().sigstore_name(),
    });
    let signature = json!({"sig": STANDARD.encode(key.sign(&signed).unwrap()), "keyid": ""});
    json!({"dsseRequestV002": {
        "envelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": kind,
            "signatures": vec![signature; padding],
        },
        "verifiers": [verifier],
    }})
}

#[test]
fn dsse_logs_the_payload_hash_and_only_verified_signatures() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let request = dsse(&key, b"{}", 1);
    let entry = parse(&request).unwrap();
    let body: Value = serde_json::from_slice(entry.body()).unwrap();
    assert_eq!(entry.kind(), "dsse");
    assert_eq!(canonical_json::jcs(&body).unwrap(), entry.body());
    let spec = &body["spec"]["dsseV002"];
    assert_eq!(
        spec["payloadHash"]["digest"],
        STANDARD.encode(Hash::Sha256.digest(b"{}"))
    );
    let sent = &request["dsseRequestV002"];
    assert_eq!(
        spec["signatures"][0]["content"],
        sent["envelope"]["signatures"][0]["sig"]
    );
    assert_eq!(spec["signatures"][0]["verifier"], sent["verifiers"][0]);
    let mut changed = request.clone();
    changed["dsseRequestV002"]["envelope"]["payload"] = json!(STANDARD.encode("{ }"));
    assert!(matches!(parse(&changed), Err(RequestError::Signature)));
    assert!(matches!(
        parse(&dsse(&key, b"{}", 0)),
        Err(RequestError::Kind)
    ));
    assert!(matches!(
        parse(&dsse(&key, b"{}", 9)),
        Err(RequestError::Kind)
    ));
    let mut both = request;
    both["hashedRekordRequestV002"] =
        super::tests::request(&key, b"m")["hashedRekordRequestV002"].clone();
    assert!(matches!(parse(&both), Err(RequestError::Kind)));
}

#[test]
fn an_entry_fits_a_bundle() {
    let long = |bytes| {
        let verifier = entry::Verifier::Certificate(&[7; 100]);
        let signature = entry::Signature::new(bytes, verifier, Scheme::EcdsaP256);
        Entry::dsse(&[7; 32], vec![signature])
    };
    let entry = long(&[7; 48_000]).unwrap();
    let body: Value = serde_json::from_slice(entry.body()).unwrap();
    assert_eq!(canonical_json::jcs(&body).unwrap(), entry.body());
    assert!(matches!(long(&[7; 49_152]), Err(RequestError::TooLarge)));
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_create_entry(&bytes);
    }
}
