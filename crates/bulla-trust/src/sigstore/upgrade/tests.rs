use super::*;

fn bundle(version: &str) -> Value {
    json!({
        "mediaType": format!("application/vnd.dev.sigstore.bundle+json;version={version}"),
        "verificationMaterial": {"publicKey": {"hint": "k"}, "tlogEntries": []},
        "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": "AQI="}, "signature": "AQID"},
    })
}

fn upgraded(bundle: &Value) -> Result<Upgraded, UpgradeError> {
    upgrade(bundle.to_string().as_bytes())
}

#[test]
fn the_wrapping_changes_and_nothing_else() {
    let mut old = bundle("0.2");
    old["unknown"] = json!({"kept": true});
    let new = upgraded(&old).unwrap();
    let json: Value = serde_json::from_slice(&new.bundle).unwrap();
    assert_eq!(json["mediaType"], CURRENT);
    assert_eq!(json["messageSignature"], old["messageSignature"]);
    assert_eq!(json["unknown"], old["unknown"]);
    assert_eq!(new.notes.len(), 1);
    let again = upgrade(&new.bundle).unwrap();
    assert!(again.notes.is_empty() && again.from == CURRENT);
}

#[test]
fn what_cannot_be_upgraded_is_named() {
    assert!(matches!(
        upgraded(&bundle("9")),
        Err(UpgradeError::MediaType { .. })
    ));
    let local = json!({"base64Signature": "AA==", "cert": "", "rekorBundle": {}});
    assert!(matches!(upgraded(&local), Err(UpgradeError::CosignLocal)));
    assert!(matches!(upgrade(b"[]"), Err(UpgradeError::NoBundle(_))));
    let mut empty = bundle("0.1");
    empty["verificationMaterial"] = json!({"x509CertificateChain": {"certificates": []}});
    assert!(matches!(upgraded(&empty), Err(UpgradeError::NoSigner)));
    let mut promised = bundle("0.1");
    promised["verificationMaterial"]["tlogEntries"] =
        json!([{"logIndex": "7", "logId": {"keyId": "AQI="}, "inclusionPromise": {}}]);
    match upgraded(&promised) {
        Err(UpgradeError::NeedsProof { log_index, log_id }) => {
            assert_eq!((log_index, log_id.as_str()), (7, "0102"));
        }
        other => panic!("{other:?}"),
    }
}
