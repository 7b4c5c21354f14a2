use super::*;
use bulla_core::{Digest, Subject};
use bulla_crypto::Scheme;

fn signed() -> (Envelope, SigningKey) {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let statement = Statement::new(
        vec![Subject::new("a", &Digest::sha256(b"a"))],
        "https://example.com/p",
        serde_json::json!({"ok": true}),
    );
    (sign_statement(&statement, &key).unwrap(), key)
}

#[test]
fn signs_what_it_can_check_again() {
    let (envelope, key) = signed();
    let bytes = serde_json::to_vec(&envelope).unwrap();
    let read = parse(&bytes).unwrap();
    assert_eq!(read, envelope);
    check(&read, key.public()).unwrap();
    assert_eq!(
        Statement::parse(&read.payload).unwrap().predicate_type,
        "https://example.com/p"
    );
}

#[test]
fn payload_type_and_payload_are_both_signed() {
    let (envelope, key) = signed();
    let mut other_type = envelope.clone();
    other_type.payload_type.push('x');
    assert!(check(&other_type, key.public()).is_err());
    let mut other_payload = envelope;
    other_payload.payload.push(b' ');
    assert!(check(&other_payload, key.public()).is_err());
}

#[test]
fn ghsa_connaisseur_2150_one_signature_is_not_counted_twice() {
    let (mut envelope, key) = signed();
    envelope.signatures.push(envelope.signatures[0].clone());
    assert!(matches!(
        check(&envelope, key.public()),
        Err(DsseError::SignatureCount { count: 2 })
    ));
    let bytes = serde_json::to_vec(&envelope).unwrap();
    assert!(parse(&bytes).is_err());
    envelope.signatures.clear();
    assert!(matches!(
        check(&envelope, key.public()),
        Err(DsseError::SignatureCount { count: 0 })
    ));
}
