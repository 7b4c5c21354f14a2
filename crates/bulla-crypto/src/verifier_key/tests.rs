use proptest::prelude::*;

use super::*;
use crate::{checkpoint::Checkpoint, key::SigningKey};

fn checkpoint(origin: &str) -> Checkpoint {
    Checkpoint {
        origin: origin.into(),
        size: 7,
        root: [3; 32],
    }
}

/// The key in the documentation of Go's `sumdb/note`.
#[test]
fn reads_the_key_of_the_go_checksum_database() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = VerifierKey::parse(text).unwrap();
    assert_eq!((key.name(), key.kind()), ("sum.golang.org", Kind::Ed25519));
    assert_eq!(key.to_string(), text);
}

#[test]
fn every_kind_comes_back_and_verifies_its_own() {
    let ed = SigningKey::generate(Scheme::Ed25519).unwrap();
    let ec = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let name = "log.example/x";
    let text = checkpoint(name).text();
    let witnessed = Note {
        text: text.clone(),
        signatures: vec![cosignature::cosign(&text, name, 99, &ed).unwrap()],
    };
    for (kind, key, note, time) in [
        (
            Kind::Ed25519,
            &ed,
            checkpoint(name).sign(&ed).unwrap(),
            None,
        ),
        (Kind::Ecdsa, &ec, checkpoint(name).sign(&ec).unwrap(), None),
        (Kind::Cosignature, &ed, witnessed, Some(99)),
        (
            Kind::Rfc6962,
            &ec,
            checkpoint(name).sign_rfc6962(&ec, 1234).unwrap(),
            Some(1234),
        ),
    ] {
        let made = VerifierKey::new(name, kind, key.public().clone()).unwrap();
        let read = VerifierKey::parse(&made.to_string()).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.verify(&note).unwrap(), time, "{kind:?}");
        let changed = Note {
            text: checkpoint("other.example").text(),
            ..note
        };
        assert!(read.verify(&changed).is_err(), "{kind:?}");
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let good = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    for bad in [
        good.replace("033de0ae", "033de0af"),
        good.replace("sum.golang.org", "sum.golang.com"),
        good.replace("+Ac4z", "+A84z"),
        good.replace("sum.golang.org", "sum golang org"),
        good.replace("sum.golang.org", ""),
        good.replace("033de0ae", ""),
        "sum.golang.org+033de0ae".into(),
        format!("{good}{}", "A".repeat(2000)),
    ] {
        assert!(VerifierKey::parse(&bad).is_err(), "{bad:.100}");
    }
    let ec = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    assert!(VerifierKey::new("w", Kind::Cosignature, ec.public().clone()).is_err());
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC{0,20}\\+[0-9a-f]{0,9}\\+[A-Za-z0-9+/=]{0,60}") {
        let _ = VerifierKey::parse(&text);
    }
}
