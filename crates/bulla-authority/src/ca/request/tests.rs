use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Scheme, SigningKey};
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn the_header_wins_and_a_token_there_must_be() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let body = |token: &str| {
        json!({
            "credentials": {"oidcIdentityToken": token},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
                "proofOfPossession": STANDARD.encode(key.sign(b"a@b").unwrap()),
            },
        })
        .to_string()
    };
    let parse = |bearer, token: &str| parse_signing_request(bearer, body(token).as_bytes());
    assert_eq!(parse(Some("header"), "body").unwrap().token, "header");
    assert_eq!(parse(None, "body").unwrap().token, "body");
    assert_eq!(parse(None, "").unwrap_err(), CaRefusal::Token);
    assert_eq!(
        parse(None, &"x".repeat(70_000)).unwrap_err(),
        CaRefusal::Token
    );
    let proof = parse(None, "body").unwrap().proof;
    assert_eq!(proof.verify("a@c").unwrap_err(), CaRefusal::Possession);
    let proof = parse(None, "body").unwrap().proof;
    assert_eq!(
        proof.verify("a@b").unwrap().spki_der(),
        key.public().spki_der()
    );
}

#[test]
fn each_malformed_part_has_its_own_text() {
    let parse = |body: serde_json::Value| {
        parse_signing_request(Some("t"), body.to_string().as_bytes()).unwrap_err()
    };
    assert_eq!(parse(json!({})), CaRefusal::PublicKey);
    assert_eq!(parse(json!("text")), CaRefusal::Body);
    assert_eq!(
        parse(json!({"certificateSigningRequest": "AAAA"})),
        CaRefusal::Request
    );
    let key = json!({"publicKey": {"content": "no key"}, "proofOfPossession": "AAAA"});
    assert_eq!(
        parse(json!({"publicKeyRequest": key})),
        CaRefusal::PublicKey
    );
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_signing_request(Some("t"), &bytes);
    }
}
