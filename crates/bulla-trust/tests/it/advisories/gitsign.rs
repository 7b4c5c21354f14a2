//! gitsign. What it got wrong about git objects is tested with git objects, in
//! `bulla-source`; here stands what concerns log, certificate and payload.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_trust::sigstore::{Artifact, UnverifiedBundle, verify_blob};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ARTIFACT, BLOB, DSSE, assert_rejected, assert_verdict, entry, under};
use crate::{
    suite::{Case, assets},
    world::World,
};

/// A log is known by its id, not by the four-byte hint of a checkpoint's key.
#[test]
fn cve_2023_47122_log_that_is_not_in_the_root() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE).with(|bundle| {
        entry(bundle)["logId"]["keyId"] = json!(STANDARD.encode([7u8; 32]));
    });
    assert_rejected(&case, &["TRUST-0020"]);
}

/// The checkpoint is by another log of the same root, whose key may be retired:
/// the entry names one whose time would do. Same class as above.
#[test]
fn cve_2023_47122_checkpoint_of_another_log_of_the_root() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE);
    let root: Value = serde_json::from_slice(case.root.as_ref().unwrap()).unwrap();
    let other = root["tlogs"][1]["logId"]["keyId"].clone();
    let case = case
        .with(|bundle| entry(bundle)["logId"]["keyId"] = other)
        .with_root(|root| {
            let window = root["tlogs"][1]["publicKey"]["validFor"].as_object_mut();
            window.unwrap().remove("end");
        });
    assert_rejected(&case, &["TRUST-0022"]);
}

/// CVE-2026-44310, CVE-2023-33199: a panic is no verdict. Cuts and single-bit
/// changes of a good bundle are all answered, and none is accepted in which a
/// signed or compared part differs.
#[test]
fn cve_2026_44310_no_input_panics() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, BLOB);
    for cut in (0..case.bundle.len()).step_by(97) {
        assert!(
            UnverifiedBundle::parse(&case.bundle[..cut]).is_err(),
            "{cut}"
        );
    }
    let root = case.own_root().unwrap().unwrap();
    let verify = |bundle: &[u8]| {
        let artifact = Artifact::Bytes(&case.artifact);
        verify_blob(
            &root,
            bundle,
            artifact,
            &case.expectation(),
            Timestamp::now(),
        )
    };
    let good = case.bundle_json();
    let times = verify(&case.bundle).unwrap().proof().times.clone();
    for at in (0..case.bundle.len()).step_by(23) {
        let mut bundle = case.bundle.clone();
        bundle[at] ^= 0x01;
        let Ok(verified) = verify(&bundle) else {
            continue;
        };
        assert_eq!(verified.proof().times, times, "at {at}");
        let changed: Value = serde_json::from_slice(&bundle).unwrap();
        for part in [
            "/messageSignature/signature",
            "/verificationMaterial/certificate/rawBytes",
            "/verificationMaterial/tlogEntries/0/canonicalizedBody",
            "/verificationMaterial/tlogEntries/0/inclusionProof/hashes",
            "/verificationMaterial/tlogEntries/0/logIndex",
        ] {
            assert_eq!(changed.pointer(part), good.pointer(part), "{part} at {at}");
        }
    }
}

/// CVE-2024-51746 (GHSA-8pmp-678w-c8xx): an entry by the same key, for something
/// else that it signed.
#[test]
fn cve_2024_51746_another_entry_of_the_same_key() {
    let world = World::new();
    let mut order = world.order();
    order.logged = Some(b"what else was signed".to_vec());
    assert_verdict(&world, &world.blob(ARTIFACT, &order), &["TRUST-0024"]);
    let attestation = world.attestation(ARTIFACT, "https://example.com/x", &order);
    assert_verdict(&world, &attestation, &["TRUST-0024"]);
}

/// The keys of the log come from the root and from nowhere else.
#[test]
fn cve_2023_47122_a_log_of_another_world() {
    let (world, other) = (World::new(), World::new());
    let mut root = world.trusted_root();
    root["tlogs"] = other.trusted_root()["tlogs"].clone();
    let bundle = world.blob(ARTIFACT, &world.order());
    let (code, text) = under(&world, &root, &bundle);
    assert!(
        ["TRUST-0020", "TRUST-0022"].contains(&code),
        "{code:?} {text}"
    );
}

/// CVE-2026-44309 (GHSA-7rmh-48mx-2vwc): what is verified is what was signed, byte
/// for byte. A member that is there twice is read one way by one parser and
/// another way by the next.
#[test]
fn cve_2026_44309_members_that_are_there_twice() {
    let world = World::new();
    let hex = Digest::sha256(ARTIFACT).hex().to_owned();
    let subject = format!(r#"[{{"name":"a","digest":{{"sha256":"{hex}"}}}}]"#);
    let sign = |subjects: &str| {
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1",{subjects},"predicateType":"https://example.com/x","predicate":{{}}}}"#
        );
        let kind = "application/vnd.in-toto+json";
        world.envelope(payload.as_bytes(), kind, &world.order())
    };
    let once = sign(&format!(r#""subject":{subject}"#));
    assert_verdict(&world, &once, &[""]);
    let twice = sign(&format!(r#""subject":[],"subject":{subject}"#));
    assert_verdict(&world, &twice, &["TRUST-0005"]);
    // The same statement, written otherwise, is not what was signed.
    let mut normalized = once;
    let text = normalized["dsseEnvelope"]["payload"].as_str().unwrap();
    let value: Value = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    normalized["dsseEnvelope"]["payload"] = json!(STANDARD.encode(format!(" {value}")));
    assert_verdict(&world, &normalized, &["TRUST-0030"]);
}

/// CVE-2026-44310: a signed message without any certificate; here the timestamp,
/// the only such message that is read.
#[test]
fn cve_2026_44310_a_message_without_certificates() {
    let world = World::new();
    for stamp in [&b""[..], b"\x30\x00", b"\x30\x05\x30\x03\x02\x01\x00"] {
        let mut bundle = world.blob(ARTIFACT, &world.order());
        bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] =
            json!([{"signedTimestamp": STANDARD.encode(stamp)}]);
        let codes = ["TRUST-0001", "TRUST-0013", "TRUST-0014", "TRUST-0017"];
        assert_verdict(&world, &bundle, &codes);
    }
    let mut empty = world.blob(ARTIFACT, &world.order());
    let material = empty["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("x509CertificateChain".into(), json!({"certificates": []}));
    assert_verdict(&world, &empty, &["TRUST-0001", "TRUST-0008", "TRUST-0050"]);
}
