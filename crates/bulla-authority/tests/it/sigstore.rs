//! Bundles made end to end are accepted by sigstore-rust, their twins refused.

use serde_json::{Value, json};
use sigstore_trust_root::{SigningConfig, TrustedRoot};
use sigstore_types::Bundle;
use sigstore_verify::{VerificationPolicy, verify};

use crate::client::{EMAIL, attest_blob, certify, open, sign_blob};

const ISSUER: &str = "http://127.0.0.1:4321/oidc/asserted";

fn check(bundle: &Value, blob: &[u8], root: &Value) -> Result<(), String> {
    let root = TrustedRoot::from_json(&root.to_string()).map_err(|e| e.to_string())?;
    let bundle = Bundle::from_json(&bundle.to_string()).map_err(|e| e.to_string())?;
    let policy = VerificationPolicy::new(
        sigstore_verify::IdentityMatcher::Email(EMAIL.into()),
        ISSUER,
    );
    let result = verify(blob, &bundle, &policy, &root).map_err(|e| e.to_string())?;
    assert!(result.sct_verified() && result.tlog_verified() && result.certificate_verified());
    assert_eq!(result.verified_timestamps().len(), 1);
    Ok(())
}

#[tokio::test]
async fn bundles_verify_and_their_twins_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let authority = open(dir.path()).await;
    let root = authority.trusted_root();
    SigningConfig::from_json(&authority.signing_config().to_string()).unwrap();
    let signer = certify(&authority).await;
    let other = certify(&authority).await;
    let strange = tempfile::tempdir().unwrap();
    let strange = open(strange.path()).await;

    let bundles = [
        sign_blob(&authority, &signer, b"blob").await,
        attest_blob(&authority, &signer, b"blob").await,
    ];
    let second = sign_blob(&authority, &other, b"another blob").await;
    for bundle in &bundles {
        check(bundle, b"blob", root).unwrap();
        assert!(check(bundle, b"blab", root).is_err(), "another blob");
        assert!(
            check(bundle, b"blob", strange.trusted_root()).is_err(),
            "another root"
        );
        let twin = |pointer: &str, value: Value| {
            let mut twin = bundle.clone();
            let place = twin
                .pointer_mut(pointer)
                .unwrap_or_else(|| panic!("{pointer}"));
            assert_ne!(*place, value);
            *place = value;
            assert!(check(&twin, b"blob", root).is_err(), "{pointer}");
        };
        let of_second = |pointer: &str| second.pointer(pointer).unwrap().clone();
        for pointer in [
            "/verificationMaterial/certificate/rawBytes",
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
            "/verificationMaterial/tlogEntries/0",
            "/verificationMaterial/tlogEntries/0/canonicalizedBody",
            "/verificationMaterial/tlogEntries/0/inclusionProof",
            "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
        ] {
            twin(pointer, of_second(pointer));
        }
        // rootHash, treeSize and logId repeat what the checkpoint says: this
        // verifier goes by the checkpoint alone.
        twin(
            "/verificationMaterial/tlogEntries/0/inclusionProof/hashes",
            json!([]),
        );
        twin(
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps",
            json!([]),
        );
    }
}

#[tokio::test]
async fn a_bundle_still_verifies_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (bundle, id) = {
        let authority = open(dir.path()).await;
        let signer = certify(&authority).await;
        (
            sign_blob(&authority, &signer, b"blob").await,
            authority.root_id(),
        )
    };
    let again = open(dir.path()).await;
    assert_eq!(again.root_id(), id);
    check(&bundle, b"blob", again.trusted_root()).unwrap();
    let signer = certify(&again).await;
    check(
        &sign_blob(&again, &signer, b"more").await,
        b"more",
        again.trusted_root(),
    )
    .unwrap();
}
