use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::key::Scheme;

fn pem(label: &str, body: &[u8]) -> String {
    der::pem::encode_string(label, der::pem::LineEnding::LF, body).unwrap()
}

/// A file that any password stretches quickly: N = 2, wrong everywhere else.
fn cheap(edit: impl FnOnce(&mut Value)) -> String {
    let mut json = json!({
        "kdf": {"name": "scrypt", "params": {"N": 2, "r": 8, "p": 1}, "salt": STANDARD.encode([1; 32])},
        "cipher": {"name": "nacl/secretbox", "nonce": STANDARD.encode([2; 24])},
        "ciphertext": STANDARD.encode([3; 64]),
    });
    edit(&mut json);
    pem(
        "ENCRYPTED SIGSTORE PRIVATE KEY",
        json.to_string().as_bytes(),
    )
}

fn refused(text: &str) -> KeyFileError {
    read_private(text.as_bytes(), Some(b"")).err().unwrap()
}

#[test]
fn what_is_written_opens_with_its_password_alone() {
    let key = SigningKey::generate(Scheme::EcdsaP384).unwrap();
    let text = write_cosign(&key, b"old").unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    let file = PrivateKeyFile::parse(text.as_bytes()).unwrap();
    assert!(file.needs_password());
    assert_eq!(file.format(), Format::Cosign);
    assert!(matches!(file.open(b"new"), Err(KeyFileError::Password)));
    assert!(matches!(
        read_private(text.as_bytes(), None),
        Err(KeyFileError::PasswordNeeded)
    ));
    // The same under the label that cosign wrote before 2022.
    let old = text.replace("SIGSTORE", "COSIGN");
    let again = read_private(old.as_bytes(), Some(b"old")).unwrap();
    assert_eq!(again.public(), key.public());
    let changed = write_cosign(&again, b"").unwrap();
    assert_ne!(changed, write_cosign(&again, b"").unwrap());
    let again = read_private(changed.as_bytes(), Some(b"")).unwrap();
    assert_eq!(again.to_pkcs8_der(), key.to_pkcs8_der());
}

#[test]
fn a_changed_file_does_not_open() {
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let text = write_cosign(&key, b"").unwrap();
    let (_, body) = der::pem::decode_vec(text.as_bytes()).unwrap();
    for field in ["/ciphertext", "/cipher/nonce", "/kdf/salt"] {
        let mut json: Value = serde_json::from_slice(&body).unwrap();
        let value = json.pointer_mut(field).unwrap();
        let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        *value = json!(STANDARD.encode(bytes));
        let text = pem(
            "ENCRYPTED SIGSTORE PRIVATE KEY",
            json.to_string().as_bytes(),
        );
        assert!(matches!(refused(&text), KeyFileError::Password), "{field}");
    }
}

#[test]
fn scrypt_beyond_the_limits_is_refused_before_it_runs() {
    for (name, value) in [
        ("N", json!(1_u64 << 40)),
        ("N", json!(1_u64 << 18)),
        ("N", json!(0)),
        ("N", json!(1)),
        ("N", json!(65_535)),
        ("r", json!(4_000_000_000_u32)),
        ("r", json!(9)),
        ("r", json!(0)),
        ("p", json!(5)),
        ("p", json!(0)),
    ] {
        let text = cheap(|json| json["kdf"]["params"][name] = value.clone());
        let error = refused(&text);
        assert!(
            matches!(error, KeyFileError::Parameters { .. }),
            "{name}={value}: {error}"
        );
    }
    assert!(matches!(refused(&cheap(|_| ())), KeyFileError::Password));
    let negative = cheap(|json| json["kdf"]["params"]["N"] = json!(-1));
    assert!(matches!(refused(&negative), KeyFileError::Malformed));
}

#[test]
fn what_is_not_cosigns_is_named() {
    let kdf = refused(&cheap(|json| json["kdf"]["name"] = json!("argon2id")));
    assert_eq!(kdf.code(), Code("CRYPTO-0102"));
    assert!(kdf.to_string().contains("argon2id"));
    let cipher = refused(&cheap(|json| json["cipher"]["name"] = json!("aes")));
    assert_eq!(cipher.code(), Code("CRYPTO-0101"));
    for malformed in [
        cheap(|json| json["more"] = json!(1)),
        cheap(|json| json["cipher"]["nonce"] = json!("AAAA")),
        cheap(|json| json["ciphertext"] = json!("AAAA")),
        cheap(|json| json["kdf"]["salt"] = json!("*")),
        pem("ENCRYPTED COSIGN PRIVATE KEY", b"{}"),
        pem("ENCRYPTED COSIGN PRIVATE KEY", &[b'['; 30_000]),
    ] {
        assert!(matches!(refused(&malformed), KeyFileError::Malformed));
    }
}

#[test]
fn every_error_says_what_to_do_next() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    for (text, code) in [
        (pem("CERTIFICATE", b"x"), "CRYPTO-0103"),
        (pem("OPENSSH PRIVATE KEY", b"x"), "CRYPTO-0103"),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), "CRYPTO-0106"),
        (pem("PRIVATE KEY", b"x"), "CRYPTO-0002"),
        (key.public().to_pem(), "CRYPTO-0111"),
        ("no key at all".into(), "CRYPTO-0105"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA".into(), "CRYPTO-0105"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n".into(),
            "CRYPTO-0106",
        ),
        ("x".repeat(MAX_BYTES + 1), "CRYPTO-0112"),
        (pem("PRIVATE KEY", b"x").repeat(100), "CRYPTO-0105"),
    ] {
        let error = refused(&text);
        assert_eq!(error.code(), Code(code), "{error}");
        assert!(error.hint().unwrap().contains('`'), "{error}");
    }
    let error = read_public(key.to_pkcs8_pem().as_bytes()).unwrap_err();
    assert_eq!(error.code(), Code("CRYPTO-0110"));
}

#[test]
fn a_key_stands_between_other_text() {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let parameters = pem("EC PARAMETERS", &[6, 8, 42, 134, 72, 206, 61, 3, 1, 7]);
    let text = format!(
        "Bag Attributes\r\n{parameters}# key\n{}end",
        key.to_pkcs8_pem()
    );
    let read = read_private(text.as_bytes(), None).unwrap();
    assert_eq!(read.public(), key.public());
    let text = format!(
        "{parameters}{}",
        key.public().to_pem().replace('\n', "\r\n")
    );
    assert_eq!(&read_public(text.as_bytes()).unwrap(), key.public());
    let der = read_private(key.to_pkcs8_der(), None).unwrap();
    assert_eq!(der.public(), key.public());
    assert_eq!(&read_public(key.public().spki_der()).unwrap(), key.public());
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), label in 0usize..9) {
        let label = [
            "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY",
            "ENCRYPTED COSIGN PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY", "EC PARAMETERS", "X",
        ][label];
        for input in [bytes.clone(), pem(label, &bytes).into_bytes()] {
            let _ = PrivateKeyFile::parse(&input);
            let _ = read_public(&input);
        }
    }

    #[test]
    fn a_damaged_key_is_refused_or_the_same(at in 0usize..1000, bit in 0u8..8) {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let mut bytes = key.to_pkcs8_pem().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(read) = read_private(&bytes, None) {
            prop_assert_eq!(read.to_pkcs8_der(), key.to_pkcs8_der());
        }
    }

    #[test]
    fn hostile_json_never_panics(n in any::<u64>(), r in any::<u32>(), p in any::<u32>(),
                                 salt in ".{0,12}", nonce in ".{0,12}", name in ".{0,80}") {
        // Only what is refused before scrypt runs: the rest costs a second each.
        prop_assume!(!n.is_power_of_two() || n > 1 << 17);
        let text = cheap(|json| {
            json["kdf"]["params"] = json!({"N": n, "r": r, "p": p});
            json["kdf"]["salt"] = json!(salt);
            json["cipher"] = json!({"name": name, "nonce": nonce});
        });
        prop_assert!(PrivateKeyFile::parse(text.as_bytes()).is_err());
    }
}
