//! Bundles that are taken apart and made again verify as before.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Envelope;
use bulla_crypto::Hash;
use bulla_trust::sigstore::{
    Artifact, MakeError,
    make::{Material, Signer, envelope_bundle, log_index, signature_bundle},
    verify_attestation, verify_blob,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::suite::{Case, assets};

/// The parts that a signer would have got from its services.
struct Parts {
    certificate: Vec<u8>,
    log_entry: Vec<u8>,
    timestamp: Vec<u8>,
}

impl Parts {
    fn of(bundle: &Value) -> Self {
        let material = &bundle["verificationMaterial"];
        let stamps = &material["timestampVerificationData"]["rfc3161Timestamps"];
        Self {
            certificate: bytes(&material["certificate"]["rawBytes"]),
            log_entry: serde_json::to_vec(&material["tlogEntries"][0]).unwrap(),
            timestamp: bytes(&stamps[0]["signedTimestamp"]),
        }
    }

    fn material(&self) -> Material<'_> {
        Material {
            signer: Signer::Certificate(&self.certificate),
            log_entries: vec![&self.log_entry],
            timestamps: vec![&self.timestamp],
        }
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}

#[test]
fn an_attestation() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, "rekor2-dsse-happy-path");
    let json = case.bundle_json();
    let envelope: Envelope = serde_json::from_value(json["dsseEnvelope"].clone()).unwrap();
    let parts = Parts::of(&json);
    let made = envelope_bundle(&envelope, &parts.material()).unwrap();
    let root = case.own_root().unwrap().unwrap();
    let now = Timestamp::now();
    let verified = verify_attestation(&root, &made, &case.digest(), now).unwrap();
    verified.require_identity(&case.expectation()).unwrap();
    assert_eq!(log_index(&parts.log_entry).unwrap(), 4_026_478);
    let text = String::from_utf8(made).unwrap();
    assert!(text.starts_with(r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json""#));

    let mut two = envelope;
    two.signatures.push(two.signatures[0].clone());
    assert!(matches!(
        envelope_bundle(&two, &parts.material()),
        Err(MakeError::SignatureCount)
    ));
}

#[test]
fn a_signature() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, "rekor2-happy-path");
    let json = case.bundle_json();
    let parts = Parts::of(&json);
    let signature = bytes(&json["messageSignature"]["signature"]);
    let made = signature_bundle(
        (Hash::Sha256, &case.digest().bytes()),
        &signature,
        &parts.material(),
    )
    .unwrap();
    let root = case.own_root().unwrap().unwrap();
    let artifact = Artifact::Bytes(&case.artifact);
    verify_blob(
        &root,
        &made,
        artifact,
        &case.expectation(),
        Timestamp::now(),
    )
    .unwrap();
    assert!(matches!(
        signature_bundle((Hash::Sha256, &[0; 64]), &signature, &parts.material()),
        Err(MakeError::Digest)
    ));
    let broken = Material {
        log_entries: vec![b"{}"],
        ..parts.material()
    };
    assert!(matches!(
        signature_bundle((Hash::Sha256, &case.digest().bytes()), &signature, &broken),
        Err(MakeError::LogEntry(_))
    ));
}
