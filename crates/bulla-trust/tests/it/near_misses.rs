//! Each way to fail has its own code, and the text names the nearest miss.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Diagnose, Digest, RootId};
use bulla_trust::{
    IdentityExpectation, Report, TrustRoot,
    report::{CheckOutcome, Stage},
    sigstore::{
        Artifact, verify_attestation, verify_attestation_with_key, verify_blob,
        verify_blob_with_key,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

use crate::suite::{Case, assets};

const DSSE: &str = "rekor2-dsse-happy-path";
const BLOB: &str = "rekor2-happy-path";

#[track_caller]
fn assert_rejected(case: &Case, code: &str, said: &str) {
    let (found, text) = case.rejection();
    assert_eq!(found, code, "{}: {text}", case.name);
    assert!(text.contains(said), "{}: {text}", case.name);
}

fn edit_payload(bundle: &mut Value, edit: impl FnOnce(&mut Value)) {
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let mut statement: Value = serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap();
    edit(&mut statement);
    bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(statement.to_string()));
}

#[test]
fn somebody_else_signed() {
    let Some(assets) = assets() else { return };
    let identity = |identity: &str, issuer: &str| {
        let mut case = Case::read(&assets, BLOB);
        case.identity = case.identity.replace("refs/heads/main", identity);
        case.issuer = format!("{}{issuer}", case.issuer);
        case
    };
    assert_rejected(
        &identity("refs/heads/x", ""),
        "TRUST-0040",
        "branch or tag: refs/heads/main",
    );
    assert_rejected(
        &identity("refs/heads/main", "/"),
        "TRUST-0041",
        "trailing slash",
    );
    assert_rejected(
        &identity("refs/heads/main", ".evil"),
        "TRUST-0041",
        "expected",
    );
    let case = Case::read(&assets, BLOB);
    let expected = case.expectation().under(RootId(Digest::sha256(b"my root")));
    let now = Timestamp::now();
    let artifact = Artifact::Bytes(&case.artifact);
    let rejection = case
        .under_root(|root| verify_blob(root, &case.bundle, artifact, &expected, now))
        .unwrap()
        .unwrap_err();
    assert_eq!(rejection.code().0, "TRUST-0042");
}

#[test]
fn another_root_is_named_before_its_consequences() {
    let Some(assets) = assets() else { return };
    for name in [BLOB, DSSE, "intoto-with-custom-trust-root"] {
        let mut case = Case::read(&assets, name);
        case.root = None;
        assert_rejected(&case, "TRUST-0010", "does not know");
    }
}

#[test]
fn expired_without_time_says_whether_the_signature_is_good() {
    let Some(assets) = assets() else { return };
    for name in [BLOB, DSSE] {
        let timeless = |bundle: &mut Value| {
            bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
        };
        let case = Case::read(&assets, name).with(timeless);
        assert_rejected(&case, "TRUST-0013", "the signature is good, but");
    }
    let mut other = Case::read(&assets, BLOB).with(|bundle| {
        bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    });
    other.artifact.push(b'!');
    assert_rejected(&other, "TRUST-0013", "the certificate had expired");
}

#[test]
fn an_entry_of_another_signature_is_found() {
    let Some(assets) = assets() else { return };
    let entries = |name: &str| {
        Case::read(&assets, name).bundle_json()["verificationMaterial"]["tlogEntries"].clone()
    };
    let swapped = |name: &str, other: &str| {
        let entries = entries(other);
        Case::read(&assets, name).with(|bundle| {
            bundle["verificationMaterial"]["tlogEntries"] = entries;
        })
    };
    assert_rejected(&swapped(DSSE, BLOB), "TRUST-0024", "another signature");
    let edited = Case::read(&assets, DSSE).with(|bundle| {
        let body = &mut bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"];
        let mut bytes = STANDARD.decode(body.as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() = b' ';
        *body = json!(STANDARD.encode(bytes));
    });
    assert_rejected(&edited, "TRUST-0021", "inclusion proof");
    let moved = Case::read(&assets, DSSE).with(|bundle| {
        bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"] = json!("1");
    });
    assert_rejected(&moved, "TRUST-0021", "inclusion proof");
}

#[test]
fn another_artifact_is_named() {
    let Some(assets) = assets() else { return };
    for name in [BLOB, DSSE] {
        let mut case = Case::read(&assets, name);
        let signed = case.digest();
        case.artifact.push(b'!');
        let (code, text) = case.rejection();
        assert_eq!(code, "TRUST-0031", "{text}");
        assert!(text.contains(signed.hex()), "{text}");
    }
}

#[test]
fn what_is_signed_cannot_be_edited() {
    let Some(assets) = assets() else { return };
    let other = Digest::sha256(b"other").hex().to_owned();
    let mut subject = Case::read(&assets, DSSE).with(|bundle| {
        edit_payload(bundle, |s| {
            s["subject"][0]["digest"]["sha256"] = json!(other)
        });
    });
    subject.artifact = b"other".to_vec();
    assert_rejected(&subject, "TRUST-0030", "does not fit its payload");
    let predicate = Case::read(&assets, DSSE).with(|bundle| {
        edit_payload(bundle, |s| s["predicate"]["more"] = json!(1));
    });
    assert_rejected(&predicate, "TRUST-0030", "does not fit its payload");
}

#[test]
fn forms_are_not_mistaken_for_each_other() {
    let Some(assets) = assets() else { return };
    let now = Timestamp::now();
    let (blob, dsse) = (Case::read(&assets, BLOB), Case::read(&assets, DSSE));
    let root = |case: &Case| case.own_root().unwrap().unwrap();
    let asked = verify_attestation(&root(&blob), &blob.bundle, &blob.digest(), now);
    assert_eq!(asked.unwrap_err().code().0, "TRUST-0007");
    let artifact = Artifact::Bytes(&dsse.artifact);
    let asked = verify_blob(
        &root(&dsse),
        &dsse.bundle,
        artifact,
        &dsse.expectation(),
        now,
    );
    assert_eq!(asked.unwrap_err().code().0, "TRUST-0006");
    let other_type = Case::read(&assets, DSSE).with(|bundle| {
        bundle["dsseEnvelope"]["payloadType"] = json!("text/plain");
    });
    assert_rejected(&other_type, "TRUST-0005", "text/plain");
    let no_json = Case::read(&assets, DSSE).with(|bundle| {
        bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode("not json"));
    });
    assert_rejected(&no_json, "TRUST-0005", "not an in-toto statement");
}

#[test]
fn key_and_certificate_are_not_mistaken_for_each_other() {
    let Some(assets) = assets() else { return };
    let now = Timestamp::now();
    let by_key = Case::read(&assets, "managed-key-happy-path");
    assert_rejected(&by_key, "TRUST-0050", "names no identity");
    let artifact = Artifact::Bytes(&by_key.artifact);
    let root = TrustRoot::public_good().unwrap();
    let other = bulla_crypto::SigningKey::generate(bulla_crypto::Scheme::EcdsaP256).unwrap();
    let spki = other.public().spki_der();
    let wrong = verify_blob_with_key(root, &by_key.bundle, artifact, spki, now).unwrap_err();
    assert_eq!(wrong.code().0, "TRUST-0030", "{wrong}");
    let key = by_key.key.as_ref().unwrap();
    let good = verify_blob_with_key(root, &by_key.bundle, artifact, key, now).unwrap();
    assert_eq!(good.proof().key, Digest::sha256(key));
    let by_certificate = Case::read(&assets, DSSE);
    let asked = by_certificate.under_root(|root| {
        let digest = by_certificate.digest();
        verify_attestation_with_key(root, &by_certificate.bundle, &digest, key, now).map(drop)
    });
    assert_eq!(asked.unwrap().unwrap_err().code().0, "TRUST-0051");
}

#[test]
fn a_verdict_can_be_replayed_but_not_foretold() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE);
    let at = |now: Timestamp| {
        let digest = case.digest();
        case.under_root(|root| verify_attestation(root, &case.bundle, &digest, now))
            .unwrap()
    };
    let signed = *at(Timestamp::now()).unwrap().proof().times.first().unwrap();
    assert!(at(signed).is_ok());
    let hour_before = signed
        .checked_sub(jiff::SignedDuration::from_hours(1))
        .unwrap();
    assert_eq!(at(hour_before).unwrap_err().code().0, "TRUST-0019");
}

#[test]
fn the_report_names_every_check() {
    let Some(assets) = assets() else { return };
    let verify = |assets: &Path, artifact: &[u8]| {
        let case = Case::read(assets, DSSE);
        let digest = Digest::sha256(artifact);
        let now = Timestamp::now();
        case.under_root(|root| verify_attestation(root, &case.bundle, &digest, now))
            .unwrap()
    };
    let case = Case::read(&assets, DSSE);
    let accepted = Report::accepted(verify(&assets, &case.artifact).unwrap().proof());
    assert!(accepted.accepted);
    assert!(
        accepted
            .to_string()
            .contains("entry 4026478 of log2025-alpha3.rekor.sigstage.dev")
    );
    let rejected = Report::rejected(&verify(&assets, b"other").unwrap_err());
    assert!(!rejected.accepted);
    let outcome = |stage: Stage| {
        rejected
            .checks
            .iter()
            .find(|check| check.stage == stage)
            .map(|check| check.outcome)
    };
    assert_eq!(outcome(Stage::Log), Some(CheckOutcome::Held));
    assert_eq!(outcome(Stage::Signature), Some(CheckOutcome::Failed));
    assert_eq!(outcome(Stage::Signer), Some(CheckOutcome::NotReached));
    assert!(rejected.to_string().contains("[TRUST-0031]"), "{rejected}");
}

#[test]
fn proofs_say_how_they_were_made() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE);
    let (root, now, digest) = (
        case.own_root().unwrap().unwrap(),
        Timestamp::now(),
        case.digest(),
    );
    let verified = verify_attestation(&root, &case.bundle, &digest, now).unwrap();
    let proof = verified.proof();
    assert_eq!(&proof.signer.root, root.id());
    assert_eq!(proof.signer.subject, case.identity);
    assert_eq!(proof.envelope, Digest::sha256(&case.bundle));
    let log = proof.log.as_ref().unwrap();
    assert!(log.index == 4_026_478 && log.tree_size > log.index);
    let exact = IdentityExpectation::exact(&case.issuer, &case.identity).under(root.id().clone());
    verified.require_identity(&exact).unwrap();
}
