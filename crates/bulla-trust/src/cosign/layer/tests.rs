use super::*;
use proptest::prelude::*;

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()));
    pairs.collect()
}

#[test]
fn two_signers_of_one_payload_are_cited_apart() {
    let (a, b) = (
        annotations(&[(SIGNATURE, "AA==")]),
        annotations(&[(SIGNATURE, "AQ==")]),
    );
    let digest = |annotations| {
        Layer {
            payload: b"payload",
            annotations,
        }
        .digest()
    };
    assert_ne!(digest(&a), digest(&b));
    assert_eq!(digest(&a), digest(&a.clone()));
}

#[test]
fn what_is_there_is_read_or_the_layer_fails() {
    for (key, value) in [
        (CERTIFICATE, "no PEM"),
        (BUNDLE, "{}"),
        (
            BUNDLE,
            r#"{"SignedEntryTimestamp":"AA==","Payload":{"body":"e30=","integratedTime":1,"logIndex":1,"logID":"00"}}"#,
        ),
        (TIMESTAMP, "{}"),
        (TIMESTAMP, r#"{"SignedRFC3161Timestamp":"?"}"#),
    ] {
        let annotations = annotations(&[(SIGNATURE, "AA=="), (key, value)]);
        let layer = Layer {
            payload: b"{}",
            annotations: &annotations,
        };
        assert!(layer.parts().is_err(), "{key}: {value}");
    }
    let empty = annotations(&[(CERTIFICATE, ""), (BUNDLE, ""), (TIMESTAMP, "")]);
    let layer = Layer {
        payload: b"{}",
        annotations: &empty,
    };
    let parts = layer.parts().unwrap();
    assert!(parts.leaf.is_none() && parts.entry.is_none() && parts.timestamp.is_none());
}

#[test]
fn ghsa_88jx_383q_w4qc_layers_are_bounded() {
    let large = vec![b' '; 16 << 20];
    let annotations = annotations(&[(SIGNATURE, "AA==")]);
    let layer = Layer {
        payload: &large,
        annotations: &annotations,
    };
    assert!(matches!(layer.parts(), Err(Failure::TooMany { .. })));
}

proptest! {
    #[test]
    fn never_panics(payload in proptest::collection::vec(any::<u8>(), 0..100), value in "[ -~]{0,100}") {
        for key in [SIGNATURE, CERTIFICATE, CHAIN, BUNDLE, TIMESTAMP] {
            let annotations = annotations(&[(key, &value), (CERTIFICATE, &value)]);
            let layer = Layer { payload: &payload, annotations: &annotations };
            let _ = layer.parts();
            let _ = layer.envelope();
        }
    }
}
