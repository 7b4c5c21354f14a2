//! Every bundle of the conformance assets described, and every good one that is
//! old upgraded: it must still prove the same.

use bulla_trust::sigstore::{
    Artifact, UnverifiedBundle, inspect, upgrade, verify_attestation, verify_blob,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::suite::{Case, assets};

#[test]
fn every_bundle_can_be_described() {
    let Some(assets) = assets() else { return };
    let mut described = 0;
    for case in Case::all(&assets) {
        let Ok(view) = inspect::inspect(&case.bundle) else {
            let no_bundle = serde_json::from_slice::<Value>(&case.bundle).is_err();
            assert!(
                no_bundle || case.bundle_json()["mediaType"].is_null(),
                "{}",
                case.name
            );
            continue;
        };
        described += 1;
        let refused = UnverifiedBundle::parse(&case.bundle).is_err();
        assert_eq!(refused, !view.problems.is_empty(), "{}", case.name);
        let text = view.to_string();
        assert!(text.contains("verified"), "{}: {text}", case.name);
        assert!(
            case.name.ends_with("_fail") || view.problems.is_empty(),
            "{}",
            case.name
        );
    }
    assert!(described > 60, "{described}");
}

#[test]
fn a_description_says_what_the_bundle_says() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, "rekor2-dsse-happy-path");
    let view = inspect::inspect(&case.bundle).unwrap();
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["verified"], false);
    assert_eq!(json["logEntries"][0]["index"], 4_026_478);
    assert_eq!(
        json["logEntries"][0]["proof"]["checkpoint"]["signedBy"][3],
        "witness.navigli.sunlight.geomys.org"
    );
    assert_eq!(json["timestamps"][0]["time"], "2026-05-13T19:23:33Z");
    assert_eq!(json["timestamps"][0]["policy"], "1.3.6.1.4.1.57264.2");
    let certificate = &json["certificates"][0];
    assert_eq!(
        certificate["claims"]["workflowTrigger"],
        "workflow_dispatch"
    );
    assert_eq!(certificate["claims"]["issuer"], case.issuer);
    assert_eq!(certificate["names"][0], format!("uri:{}", case.identity));
    assert_eq!(certificate["notBefore"], "2026-05-13T19:23:32Z");
    let promised = certificate["scts"][0]["time"].as_str().unwrap();
    assert!(promised.starts_with("2026-05-13T19:23:32"), "{promised}");
    let statement = &json["content"]["statement"];
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
}

fn still_proves(case: &Case, bundle: &[u8]) {
    let now = Timestamp::now();
    let verified = case.under_root(|root| {
        if case.bundle_json().get("dsseEnvelope").is_some() {
            verify_attestation(root, bundle, &case.digest(), now)?
                .require_identity(&case.expectation())
        } else {
            let artifact = Artifact::Bytes(&case.artifact);
            verify_blob(root, bundle, artifact, &case.expectation(), now).map(drop)
        }
    });
    verified.unwrap().unwrap();
}

#[test]
fn an_upgraded_bundle_proves_the_same() {
    let Some(assets) = assets() else { return };
    for name in [
        "happy-path-v0.1",
        "happy-path-v0.2",
        "happy-path-v0.3",
        "happy-path-intoto-in-dsse-v3",
    ] {
        let case = Case::read(&assets, name);
        let new = upgrade::upgrade(&case.bundle).unwrap();
        let json: Value = serde_json::from_slice(&new.bundle).unwrap();
        assert_eq!(
            json["mediaType"],
            "application/vnd.dev.sigstore.bundle.v0.3+json"
        );
        assert!(
            json["verificationMaterial"]["certificate"].is_object(),
            "{name}"
        );
        still_proves(&case, &new.bundle);
    }
}

/// An entry with a promise only is completed from the log's answer, and from
/// that entry's answer alone.
#[test]
fn a_missing_proof_comes_from_the_log() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, "happy-path-v0.1");
    let entry = case.bundle_json()["verificationMaterial"]["tlogEntries"][0].clone();
    let bare = Case::read(&assets, "happy-path-v0.1").with(|bundle| {
        let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
        entry.as_object_mut().unwrap().remove("inclusionProof");
    });
    let needs = upgrade::upgrade(&bare.bundle).unwrap_err();
    assert!(
        matches!(
            needs,
            upgrade::UpgradeError::NeedsProof {
                log_index: 27_246_492,
                ..
            }
        ),
        "{needs}"
    );
    let hex = |pointer: &str| {
        use base64::Engine as _;
        let text = entry.pointer(pointer).unwrap().as_str().unwrap();
        hex::encode(
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap(),
        )
    };
    let proof = &entry["inclusionProof"];
    let hashes: Vec<String> = (0..proof["hashes"].as_array().unwrap().len())
        .map(|n| hex(&format!("/inclusionProof/hashes/{n}")))
        .collect();
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let answer = json!({"24296fb24b8ad77a": {
        "body": entry["canonicalizedBody"],
        "integratedTime": number(&entry["integratedTime"]),
        "logID": hex("/logId/keyId"),
        "logIndex": number(&entry["logIndex"]),
        "verification": {"inclusionProof": {
            "checkpoint": proof["checkpoint"]["envelope"],
            "hashes": hashes,
            "logIndex": number(&proof["logIndex"]),
            "rootHash": hex("/inclusionProof/rootHash"),
            "treeSize": number(&proof["treeSize"]),
        }},
    }});
    for answer in [answer.to_string(), entry.to_string()] {
        let new = upgrade::with_entries(&bare.bundle, &[answer.as_bytes()]).unwrap();
        still_proves(&case, &new.bundle);
    }
    let other = Case::read(&assets, "managed-key-happy-path").bundle_json()["verificationMaterial"]
        ["tlogEntries"][0]
        .to_string();
    let refused = upgrade::with_entries(&bare.bundle, &[other.as_bytes()])
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, upgrade::UpgradeError::NeedsProof { .. }),
        "{refused}"
    );
}
