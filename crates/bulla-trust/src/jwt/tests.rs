use super::*;
use bulla_crypto::{Scheme, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const EXPECTED: TokenExpectation<'static> =
    TokenExpectation::new("http://127.0.0.1:1/oidc/asserted", "sigstore");

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
        Scheme::EcdsaP256 => raw_numbers(&signature, 32),
        Scheme::EcdsaP384 => raw_numbers(&signature, 48),
        Scheme::EcdsaP521 => raw_numbers(&signature, 66),
        _ => signature,
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(raw)).into_bytes()
}

fn raw_numbers(der: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = if der[1] == 0x81 { 3 } else { 2 };
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
        (Scheme::EcdsaP521, "ES512"),
        (Scheme::Ed25519, "EdDSA"),
        (Scheme::Rsa2048, "RS256"),
    ] {
        for _ in 0..4 {
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
        refused(&header, ("nbf", json!(1_800_000_031))),
        JwtError::Early { .. }
    ));
    assert!(matches!(
        refused(&header, ("iat", json!(1_800_000_301))),
        JwtError::Early { .. }
    ));
    assert!(matches!(
        refused(&json!({"alg": "none"}), ("x", json!(1))),
        JwtError::Algorithm
    ));
    assert!(matches!(
        refused(&json!({"alg": "HS256"}), ("x", json!(1))),
        JwtError::Algorithm
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
fn an_issuer_signs_in_its_own_ways_only() {
    let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
    let good = token(json!({"alg": "RS256", "kid": "k"}), &claims(), &key);
    let only = |algorithms| TokenExpectation {
        algorithms,
        ..EXPECTED
    };
    check(&good, &keys(&key), only(&[Algorithm::Rs256]), now()).unwrap();
    let refused = check(&good, &keys(&key), only(&[Algorithm::Es256]), now());
    assert!(matches!(refused, Err(JwtError::Algorithm)));
    // The same bytes under another name are no signature of that kind.
    let pss = token(json!({"alg": "PS256", "kid": "k"}), &claims(), &key);
    assert!(matches!(
        check(&pss, &keys(&key), EXPECTED, now()),
        Err(JwtError::Signature)
    ));
    // A key that its issuer published for one algorithm serves no other.
    let set = |alg: &str| {
        let (n, e) = rsa_numbers(&key);
        let set = json!({"keys": [{"kty": "RSA", "kid": "k", "alg": alg, "n": n, "e": e}]});
        KeySet::parse(set.to_string().as_bytes()).unwrap()
    };
    check(&good, &set("RS256"), EXPECTED, now()).unwrap();
    assert!(check(&good, &set("PS256"), EXPECTED, now()).is_err());
    assert!(set("RSA1_5").is_empty());
}

/// Modulus and exponent of an RSA key, as a key set writes them: 256 bytes and F4.
fn rsa_numbers(key: &SigningKey) -> (String, String) {
    let raw = key.public().raw();
    let modulus = &raw[raw.len() - 5 - 256..raw.len() - 5];
    (URL_SAFE_NO_PAD.encode(modulus), "AQAB".into())
}

#[test]
fn rsa_pss_as_openssl_writes_it() {
    let dir = std::env::temp_dir().join(format!("bulla-pss-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        encode(&json!({"alg": "PS256", "kid": "k"})),
        encode(&claims())
    );
    std::fs::write(dir.join("key.pem"), key.to_pkcs8_pem()).unwrap();
    std::fs::write(dir.join("data"), &signed).unwrap();
    let output = std::process::Command::new("openssl")
        .current_dir(&dir)
        .args([
            "dgst",
            "-sha256",
            "-sign",
            "key.pem",
            "-sigopt",
            "rsa_padding_mode:pss",
        ])
        .args(["-sigopt", "rsa_pss_saltlen:digest", "data"])
        .output();
    std::fs::remove_dir_all(&dir).unwrap();
    let Ok(output) = output else {
        assert!(
            std::env::var("BULLA_NO_SKIP").is_err(),
            "openssl is missing"
        );
        println!("SKIP rsa_pss_as_openssl_writes_it: no openssl");
        return;
    };
    assert!(output.status.success());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&output.stdout));
    check(token.as_bytes(), &keys(&key), EXPECTED, now()).unwrap();
}

#[test]
fn claims_are_exact_and_occur_once() {
    let set = |json: &str| limits::parse_json::<ClaimSet>(json.as_bytes(), 10_000, "test");
    let numbers = set(
        r#"{"id": 1000000000, "big": 12345678901234567890123, "e": 1e+09, "f": 1.50, "m": -2.5e-3,
            "zero": 0.0, "huge": 1e999, "t": true, "n": null, "l": [1], "s": "a\u0041"}"#,
    )
    .unwrap();
    let text = |name| numbers.text(name).map(std::borrow::Cow::into_owned);
    for (name, expected) in [
        ("id", Some("1000000000")),
        ("big", Some("12345678901234567890123")),
        ("e", Some("1000000000")),
        ("f", Some("1.5")),
        ("m", Some("-0.0025")),
        ("zero", Some("0")),
        ("huge", None),
        ("t", Some("true")),
        ("n", None),
        ("l", None),
        ("s", Some("aA")),
        ("missing", None),
    ] {
        assert_eq!(text(name).as_deref(), expected, "{name}");
    }
    assert!(set(r#"{"a": 1, "a": 2}"#).is_err());
    let many: serde_json::Map<_, _> = (0..257).map(|n| (n.to_string(), json!(n))).collect();
    assert!(set(&serde_json::Value::from(many).to_string()).is_err());
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
        let der = algorithm::ecdsa_der(&raw, 32).unwrap();
        prop_assert_eq!(raw_numbers(&der, 32), raw);
    }
}
