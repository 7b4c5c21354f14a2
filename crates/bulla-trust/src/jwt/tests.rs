use super::*;
use bulla_crypto::SigningKey;
use proptest::prelude::*;
use serde_json::json;

const EXPECTED: TokenExpectation<'static> = TokenExpectation {
    issuer: "http://127.0.0.1:1/oidc/asserted",
    audience: "sigstore",
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn claims() -> serde_json::Value {
    json!({
        "iss": EXPECTED.issuer, "sub": "a@b.example", "aud": ["sigstore"],
        "email": "a@b.example", "email_verified": true,
        "iat": 1_800_000_000, "nbf": 1_800_000_000, "exp": 1_800_000_600
    })
}

/// A token whose ECDSA signature is turned from DER into the two numbers.
fn token(header: serde_json::Value, claims: &serde_json::Value, key: &SigningKey) -> Vec<u8> {
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    let raw = match key.scheme() {
        Scheme::Ed25519 => signature,
        scheme => raw_numbers(
            &signature,
            if scheme == Scheme::EcdsaP256 { 32 } else { 48 },
        ),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(raw)).into_bytes()
}

fn raw_numbers(der: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 2;
    for _ in 0..2 {
        let length = der[at + 1] as usize;
        let digits = &der[at + 2..at + 2 + length];
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        out.extend(vec![0; size - digits.len()]);
        out.extend(digits);
        at += 2 + length;
    }
    out
}

fn keys(key: &SigningKey) -> KeySet {
    KeySet::of([(Some("k".into()), key.public().clone())])
}

#[test]
fn accepts_its_issuers_token_in_every_scheme() {
    for (scheme, name) in [
        (Scheme::EcdsaP256, "ES256"),
        (Scheme::EcdsaP384, "ES384"),
        (Scheme::Ed25519, "EdDSA"),
    ] {
        for _ in 0..8 {
            let key = SigningKey::generate(scheme).unwrap();
            let token = token(json!({"alg": name, "kid": "k"}), &claims(), &key);
            let verified = check(&token, &keys(&key), EXPECTED, now()).unwrap();
            assert_eq!(verified.claim().challenge(), "a@b.example");
            assert!(verified.claim().email_verified);
        }
    }
}

#[test]
fn reads_a_published_key_set() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let point = key.public().raw();
    let set = json!({"keys": [
        {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256",
         "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])},
    ]});
    let keys = KeySet::parse(set.to_string().as_bytes()).unwrap();
    let token = token(json!({"alg": "ES256", "kid": "k"}), &claims(), &key);
    check(&token, &keys, EXPECTED, now()).unwrap();
}

#[test]
fn refuses_what_the_issuer_did_not_say() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let header = json!({"alg": "ES256", "kid": "k"});
    let refused = |header: &serde_json::Value, change: (&str, serde_json::Value)| {
        let mut claims = claims();
        claims[change.0] = change.1;
        let token = token(header.clone(), &claims, &key);
        check(&token, &keys(&key), EXPECTED, now()).unwrap_err()
    };
    assert!(matches!(
        refused(&header, ("iss", json!("http://127.0.0.1:1/oidc/asserted/"))),
        JwtError::Issuer { .. }
    ));
    assert!(matches!(
        refused(&header, ("aud", json!("other"))),
        JwtError::Audience { .. }
    ));
    assert!(matches!(
        refused(&header, ("exp", json!(1_800_000_000))),
        JwtError::Expired { .. }
    ));
    assert!(matches!(
        refused(&header, ("nbf", json!(1_800_000_001))),
        JwtError::Early { .. }
    ));
    assert!(matches!(
        refused(&json!({"alg": "none"}), ("x", json!(1))),
        JwtError::Signature
    ));
    assert!(matches!(
        refused(&json!({"alg": "ES256", "kid": "other"}), ("x", json!(1))),
        JwtError::Signature
    ));
    assert!(matches!(
        refused(&json!({"alg": "ES256", "crit": ["x"]}), ("x", json!(1))),
        JwtError::Critical
    ));
}

#[test]
fn a_changed_token_is_refused() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let good = token(json!({"alg": "ES256", "kid": "k"}), &claims(), &key);
    let other = token(
        json!({"alg": "ES256", "kid": "k"}),
        &json!({"iss": EXPECTED.issuer, "sub": "x", "aud": "sigstore", "exp": 1_900_000_000}),
        &key,
    );
    let split = |token: &[u8]| -> Vec<String> {
        let text = String::from_utf8(token.to_vec()).unwrap();
        text.split('.').map(str::to_owned).collect()
    };
    let (good, other) = (split(&good), split(&other));
    let mixed = format!("{}.{}.{}", good[0], other[1], good[2]);
    assert!(matches!(
        check(mixed.as_bytes(), &keys(&key), EXPECTED, now()),
        Err(JwtError::Signature)
    ));
}

#[test]
fn cve_2025_66506_a_token_of_dots_is_bounded() {
    let dots = vec![b'.'; limits::TOKEN_BYTES as usize];
    assert!(matches!(
        UnverifiedToken::parse(&dots),
        Err(JwtError::Malformed(_))
    ));
    let long = vec![b'.'; limits::TOKEN_BYTES as usize + 1];
    assert!(matches!(UnverifiedToken::parse(&long), Err(JwtError::Size)));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = UnverifiedToken::parse(&bytes);
        let _ = KeySet::parse(&bytes);
    }

    #[test]
    fn integers_are_minimal(raw in proptest::collection::vec(any::<u8>(), 64)) {
        let der = ecdsa_der(&raw, 32).unwrap();
        prop_assert_eq!(raw_numbers(&der, 32), raw);
    }
}
