use super::*;
use crate::sigstore::inspect;
use bulla_core::envelope::EnvelopeSignature;

const SPKI: &[u8] = b"a key";

fn parts(content: Content<'_>) -> Parts<'_> {
    Parts {
        content,
        signer: Holder::Key(SPKI),
        log_entry: None,
        timestamps: &[],
    }
}

#[test]
fn a_signature_by_a_key() {
    let digest = Digest::sha256(b"artifact");
    let content = Content::Signature {
        digest: &digest,
        signature: b"sig",
    };
    let stamps: [&[u8]; 2] = [b"\x30\x00", br#"{"SignedRFC3161Timestamp":"MAA="}"#];
    let bundle = create(&Parts {
        timestamps: &stamps,
        ..parts(content)
    });
    let view = inspect::inspect(&bundle.unwrap()).unwrap();
    assert_eq!(view.problems, []);
    assert_eq!(view.timestamps.len(), 2);
    let hint = STANDARD.encode(Digest::sha256(SPKI).bytes());
    assert_eq!(view.key_hint, Some(hint));
    assert!(view.to_string().contains(digest.hex()));
}

#[test]
fn an_envelope_has_one_signature() {
    let mut envelope = Envelope {
        payload: b"{}".to_vec(),
        payload_type: "t".into(),
        signatures: Vec::new(),
    };
    let make = |envelope: &Envelope| {
        let json = serde_json::to_vec(envelope).unwrap();
        create(&parts(Content::Envelope(&json)))
    };
    assert!(matches!(make(&envelope), Err(CreateError::SignatureCount)));
    let signature = EnvelopeSignature {
        sig: b"s".to_vec(),
        keyid: String::new(),
    };
    envelope.signatures.push(signature.clone());
    make(&envelope).unwrap();
    envelope.signatures.push(signature);
    assert!(matches!(make(&envelope), Err(CreateError::SignatureCount)));
}

#[test]
fn parts_that_are_not_what_they_should_be() {
    let digest = Digest::sha256(b"artifact");
    let content = Content::Signature {
        digest: &digest,
        signature: b"sig",
    };
    for certificate in [
        &b""[..],
        b"-----BEGIN CERTIFICATE-----\n",
        b"\x30\x00",
        SPKI,
    ] {
        let made = create(&Parts {
            signer: Holder::Certificate(certificate),
            ..parts(content)
        });
        assert!(matches!(made, Err(CreateError::Certificate(_))), "{made:?}");
    }
    for entry in [&b"{}"[..], b"[]"] {
        let made = create(&Parts {
            log_entry: Some(entry),
            ..parts(content)
        });
        assert!(matches!(made, Err(CreateError::Refused(_))), "{made:?}");
    }
    let made = create(&Parts {
        timestamps: &[b"{}"],
        ..parts(content)
    });
    assert!(matches!(made, Err(CreateError::Timestamp)));
}
