//! One test per published advisory about verification that concerns this crate,
//! named after it. Each shows the attack on a bundle that is good otherwise.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_trust::sigstore::{Artifact, UnverifiedBundle, verify_attestation, verify_blob};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::suite::{Case, assets};

mod basics;

const DSSE: &str = "rekor2-dsse-happy-path";
const BLOB: &str = "rekor2-happy-path";
const BLOB_V1: &str = "happy-path-v0.3";

#[track_caller]
fn assert_rejected(case: &Case, codes: &[&str]) {
    let (code, text) = case.rejection();
    assert!(codes.contains(&code), "{}: {code} {text}", case.name);
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// A log entry that is valid, but for another signature.
#[test]
fn cve_2022_23649_entry_not_compared_with_signature() {
    let Some(assets) = assets() else { return };
    for (name, other) in [(BLOB_V1, "happy-path-v0.2"), (DSSE, BLOB)] {
        let entries =
            Case::read(&assets, other).bundle_json()["verificationMaterial"]["tlogEntries"].clone();
        let case = Case::read(&assets, name).with(|bundle| {
            bundle["verificationMaterial"]["tlogEntries"] = entries;
        });
        // With version 1, the entry's time already lies outside the certificate.
        assert_rejected(&case, &["TRUST-0012", "TRUST-0024"]);
    }
}

/// CVE-2026-22703, GHSA-whqx-f9j3-ch6m: any valid entry was accepted, here one
/// beside the right one.
#[test]
fn cve_2026_22703_a_second_entry_of_another_signature() {
    let Some(assets) = assets() else { return };
    let other =
        Case::read(&assets, BLOB).bundle_json()["verificationMaterial"]["tlogEntries"][0].clone();
    let case = Case::read(&assets, DSSE).with(|bundle| {
        let entries = &mut bundle["verificationMaterial"]["tlogEntries"];
        entries.as_array_mut().unwrap().push(other);
    });
    assert_rejected(&case, &["TRUST-0024"]);
}

#[test]
fn cve_2022_35929_and_ghsa_w6c6_c85g_mmv6_predicate_type_not_checked() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE);
    let now = Timestamp::now();
    let verified = case
        .under_root(|root| verify_attestation(root, &case.bundle, &case.digest(), now))
        .unwrap()
        .unwrap();
    verified
        .require_predicate_type("https://slsa.dev/provenance/v1")
        .unwrap();
    for other in [
        "",
        "https://slsa.dev/provenance/v0.2",
        "https://slsa.dev/provenance/v1/",
    ] {
        let rejection = verified.require_predicate_type(other).unwrap_err();
        assert_eq!(rejection.code.0, "TRUST-0033");
    }
}

/// CVE-2023-46737, CVE-2024-29903, GHSA-88jx-383q-w4qc, GHSA-95pr-fxf5-86gv.
#[test]
fn cve_2023_46737_lists_without_end() {
    let Some(assets) = assets() else { return };
    let many = |pointer: &'static str| {
        Case::read(&assets, DSSE).with(|bundle| {
            let list = bundle.pointer_mut(pointer).unwrap().as_array_mut().unwrap();
            *list = vec![list[0].clone(); 33];
        })
    };
    assert_rejected(&many("/verificationMaterial/tlogEntries"), &["TRUST-0009"]);
    assert_rejected(
        &many("/verificationMaterial/timestampVerificationData/rfc3161Timestamps"),
        &["TRUST-0009"],
    );
    assert_rejected(&many("/dsseEnvelope/signatures"), &["TRUST-0003"]);
    let mut large = Case::read(&assets, DSSE);
    large.bundle.extend(vec![b' '; 16 << 20]);
    assert_rejected(&large, &["TRUST-0002"]);
    let deep = Case::read(&assets, DSSE).with(|bundle| {
        let mut nested = json!([]);
        for _ in 0..70 {
            nested = json!([nested]);
        }
        bundle["extra"] = nested;
    });
    assert_rejected(&deep, &["TRUST-0002"]);
}

/// The certificate's authority was no longer valid when the signature was made.
#[test]
fn cve_2026_24122_expired_authority() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, DSSE).with_root(|root| {
        root["certificateAuthorities"][0]["validFor"]["end"] = json!("2023-01-01T00:00:00Z");
    });
    assert_rejected(&case, &["TRUST-0011"]);
}

/// The key of the log was not valid at the time that the timestamp proves.
#[test]
fn cve_2026_54787_key_validity_not_compared_with_timestamps() {
    let Some(assets) = assets() else { return };
    for (bound, value) in [
        ("end", "2025-04-17T00:00:00Z"),
        ("start", "2025-09-01T00:00:00Z"),
    ] {
        let case = Case::read(&assets, BLOB).with_root(|root| {
            root["tlogs"][1]["publicKey"]["validFor"][bound] = json!(value);
        });
        assert_rejected(&case, &["TRUST-0027"]);
    }
}

/// A payload that cannot be read must never count as verified.
#[test]
fn cve_2026_39395_unreadable_payload() {
    let Some(assets) = assets() else { return };
    for payload in [
        "",
        "[]",
        "{}",
        "{\"_type\":\"https://in-toto.io/Statement/v9\"}",
    ] {
        let case = Case::read(&assets, DSSE).with(|bundle| {
            bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(payload));
        });
        assert_rejected(&case, &["TRUST-0005"]);
    }
}

/// A bare public key where a certificate belongs.
#[test]
fn ghsa_fx35_mq7g_6g98_key_in_the_certificate_field() {
    let Some(assets) = assets() else { return };
    let key = Case::read(&assets, "managed-key-happy-path").key.unwrap();
    let case = Case::read(&assets, BLOB).with(|bundle| {
        bundle["verificationMaterial"]["certificate"]["rawBytes"] = json!(STANDARD.encode(&key));
    });
    assert_rejected(&case, &["TRUST-0016"]);
}

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

/// Evidence that is not there proves nothing: no entry, no proof, no timestamp.
#[test]
fn cve_2022_36056_absence_is_not_success() {
    let Some(assets) = assets() else { return };
    let without = |edit: fn(&mut Value)| Case::read(&assets, BLOB).with(edit);
    let no_entries = without(|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]));
    assert_rejected(&no_entries, &["TRUST-0008"]);
    let no_proof = without(|bundle| {
        entry(bundle)
            .as_object_mut()
            .unwrap()
            .remove("inclusionProof");
    });
    assert_rejected(&no_proof, &["TRUST-0008"]);
    let no_checkpoint = without(|bundle| {
        entry(bundle)["inclusionProof"]
            .as_object_mut()
            .unwrap()
            .remove("checkpoint");
    });
    assert_rejected(&no_checkpoint, &["TRUST-0008", "TRUST-0022"]);
    let no_certificate = without(|bundle| {
        bundle["verificationMaterial"]
            .as_object_mut()
            .unwrap()
            .remove("certificate");
    });
    assert_rejected(&no_certificate, &["TRUST-0001"]);
    let no_signature = without(|bundle| {
        bundle["messageSignature"]["signature"] = json!("");
    });
    assert_rejected(&no_signature, &["TRUST-0017", "TRUST-0030"]);
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
