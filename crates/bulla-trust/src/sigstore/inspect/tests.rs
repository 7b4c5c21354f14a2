use super::*;
use proptest::prelude::*;

#[test]
fn says_what_is_there_and_that_nothing_is_verified() {
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "a\u{1b}[2Jkey"},
            "tlogEntries": [{"logIndex": "7", "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                "inclusionProof": {"treeSize": "9", "checkpoint": {"envelope": "log.example\n9\nAA==\n\n— log.example AAAA\n— witness AAAA\n"}}}]},
        "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": "AQI="}, "signature": "AQID"},
    });
    let view = inspect(bundle.to_string().as_bytes()).unwrap();
    assert!(!view.verified);
    let entry = &view.log_entries[0];
    let checkpoint = entry.proof.as_ref().unwrap().checkpoint.as_ref().unwrap();
    assert_eq!(checkpoint.signed_by, ["log.example", "witness"]);
    assert_eq!((entry.index, entry.kind.as_str()), (7, "dsse 0.0.1"));
    assert_eq!(view.problems.len(), 1, "strict reading refuses it");
    let text = view.to_string();
    assert!(
        text.contains("sha256:0102") && text.contains("verified"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "no control characters: {text:?}");
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["verified"], false);
    assert_eq!(json["content"]["type"], "message-signature");
}

#[test]
fn what_is_no_bundle_is_an_error() {
    for bytes in ["", "{}", "[]", "{\"mediaType\":7}"] {
        assert!(inspect(bytes.as_bytes()).is_err(), "{bytes}");
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = CertificateView::of(&bytes);
        let _ = TimestampView::of(&bytes);
        let _ = inspect(&bytes);
    }
}
