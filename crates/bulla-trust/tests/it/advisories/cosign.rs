//! cosign.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Diagnose as _, Digest};
use bulla_crypto::{
    Scheme, SigningKey,
    x509::{CaProfile, SubjectName, Validity},
};
use bulla_trust::{
    IdentityExpectation, Predicate,
    sigstore::{Anchoring, Artifact, Claim, Matcher, upgrade, verify_attestation, verify_blob},
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::{ARTIFACT, BLOB, BLOB_V1, DSSE, assert_rejected, assert_verdict, entry};
use crate::{
    suite::{Case, assets},
    world::World,
};

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

/// GHSA-whqx-f9j3-ch6m (CVE-2026-22703): a valid entry of the log, but of another
/// artifact, of another signature, or with another key.
#[test]
fn ghsa_whqx_f9j3_ch6m_the_entry_names_something_else() {
    let world = World::new();
    let order = world.order();
    let good = world.blob(ARTIFACT, &order);
    let signature = good["messageSignature"]["signature"].as_str().unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let verifier = json!({"x509Certificate": good["verificationMaterial"]["certificate"]});
    let other = world.holder(&order);
    let other_der = STANDARD.encode(other.certificate.der());
    let other_verifier = json!({"x509Certificate": {"rawBytes": other_der}});
    let other_signature = other.key.sign(ARTIFACT).unwrap();
    let with = |entries: Value| {
        let mut bundle = good.clone();
        bundle["verificationMaterial"]["tlogEntries"] = entries;
        bundle
    };
    let right = world.entry(ARTIFACT, &signature, verifier.clone());
    assert_verdict(&world, &with(json!([right])), &[""]);
    for wrong in [
        world.entry(b"another artifact", &signature, verifier.clone()),
        world.entry(ARTIFACT, &other_signature, verifier),
        world.entry(ARTIFACT, &signature, other_verifier),
        world.entry_of(b"{}"),
        world.entry_of(b"not JSON"),
    ] {
        let codes = ["TRUST-0024", "TRUST-0026"];
        assert_verdict(&world, &with(json!([wrong])), &codes);
        assert_verdict(&world, &with(json!([right, wrong])), &codes);
    }
}

/// GHSA-8gw7-4j42-w388 (CVE-2022-36056), second part: identity flags were not
/// looked at beside a bundle, those of the workflow never.
#[test]
fn ghsa_8gw7_4j42_w388_identity_and_claims_are_looked_at() {
    let Some(assets) = assets() else { return };
    let case = Case::read(&assets, BLOB);
    let verify = |expected: &IdentityExpectation| {
        let artifact = Artifact::Bytes(&case.artifact);
        let verified = case.under_root(|root| {
            verify_blob(root, &case.bundle, artifact, expected, Timestamp::now()).map(drop)
        });
        verified.unwrap().map_err(|rejection| rejection.code.0)
    };
    let exact = |text: &str| Matcher::Exact(text.into());
    let claimed = |claim: Claim, value: &str| case.expectation().claim(claim, exact(value));
    let repository = "sigstore-conformance/extremely-dangerous-public-oidc-beacon";
    for (claim, value) in [
        (Claim::WorkflowTrigger, "workflow_dispatch"),
        (Claim::WorkflowRef, "refs/heads/main"),
        (Claim::WorkflowRepository, repository),
    ] {
        assert_eq!(verify(&claimed(claim, value)), Ok(()), "{claim:?}");
    }
    for (claim, value) in [
        (Claim::WorkflowTrigger, "push"),
        (Claim::WorkflowRef, "refs/heads/dev"),
        (Claim::WorkflowRepository, "sigstore-conformance/other"),
        (Claim::WorkflowName, ""),
        (Claim::WorkflowSha, "0000"),
        (Claim::DeploymentEnvironment, ""),
    ] {
        assert_eq!(
            verify(&claimed(claim, value)),
            Err("TRUST-0702"),
            "{claim:?}"
        );
    }
    let other = IdentityExpectation::exact(&case.issuer, "somebody@example.com");
    assert_eq!(verify(&other), Err("TRUST-0040"));
    let part = Matcher::regex("refs/heads", Anchoring::Whole).unwrap();
    let part = IdentityExpectation::new(exact(&case.issuer), part);
    assert_eq!(verify(&part), Err("TRUST-0040"), "anchored");
}

/// The same: the name of one certificate, the signature of another.
#[test]
fn ghsa_8gw7_4j42_w388_somebody_elses_certificate() {
    let world = World::new();
    let mut order = world.order();
    order.who = SubjectName::Email("mallory@world.example".into());
    let theirs = world.blob(ARTIFACT, &order);
    assert_verdict(&world, &theirs, &["TRUST-0040"]);
    let mut mixed = world.blob(ARTIFACT, &world.order());
    mixed["messageSignature"] = theirs["messageSignature"].clone();
    assert_verdict(&world, &mixed, &["TRUST-0017", "TRUST-0024", "TRUST-0030"]);
}

/// GHSA-w6c6-c85g-mmv6 (CVE-2026-39395): the type is right, and the predicate is
/// not of that type.
#[test]
fn ghsa_w6c6_c85g_mmv6_a_predicate_that_cannot_be_read() {
    let world = World::new();
    let vuln = "https://in-toto.io/attestation/vulns/v0.2";
    let bundle = world
        .attestation(ARTIFACT, vuln, &world.order())
        .to_string();
    let digest = Digest::sha256(ARTIFACT);
    let verified = verify_attestation(&world.root(), bundle.as_bytes(), &digest, world.now());
    let verified = verified.unwrap();
    verified.require_predicate_type(vuln).unwrap();
    let error = Predicate::read(verified.claim()).unwrap_err();
    assert_eq!(error.code().0, "TRUST-0721");
}

/// GHSA-vfp6-jrw2-99g9 (CVE-2023-46737), and what one bundle may hold: proof,
/// checkpoint and body are bounded too.
#[test]
fn ghsa_vfp6_jrw2_99g9_proofs_without_end() {
    let world = World::new();
    let mut long = world.blob(ARTIFACT, &world.order());
    let hash = STANDARD.encode([0u8; 32]);
    entry(&mut long)["inclusionProof"]["hashes"] = json!(vec![hash; 65]);
    assert_verdict(&world, &long, &["TRUST-0009"]);
    let mut noisy = world.blob(ARTIFACT, &world.order());
    let note = &mut entry(&mut noisy)["inclusionProof"]["checkpoint"]["envelope"];
    let text = note.as_str().unwrap();
    let line = format!("{}\n", text.lines().last().unwrap());
    *note = json!(format!("{text}{}", line.repeat(64)));
    assert_verdict(&world, &noisy, &["TRUST-0009"]);
    let mut large = world.blob(ARTIFACT, &world.order());
    entry(&mut large)["canonicalizedBody"] = json!("A".repeat(17 << 20));
    assert_verdict(&world, &large, &["TRUST-0002"]);
}

/// CVE-2026-24122: the certificate that issued the signer's had expired; its
/// authority in the root is still listed as valid.
#[test]
fn cve_2026_24122_expired_issuing_certificate() {
    let mut world = World::new();
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let hour = Validity::seconds(world.start, 3600).unwrap();
    let short = world
        .ca
        .create_intermediate(key, CaProfile::CodeSigning, "short", hour);
    world.intermediate = short.unwrap();
    let mut order = world.order();
    let late = world.blob(ARTIFACT, &order);
    assert_verdict(&world, &late, &["TRUST-0011", "TRUST-0012"]);
    order.at = world.start.checked_add(10.minutes()).unwrap();
    order.stamped = order.at;
    assert_verdict(&world, &world.blob(ARTIFACT, &order), &[""]);
}

/// GHSA-fx35-mq7g-6g98: the same in an old bundle's chain, which an upgrade does
/// not let through either.
#[test]
fn ghsa_fx35_mq7g_6g98_a_chain_that_starts_with_a_key() {
    let Some(assets) = assets() else { return };
    let key = Case::read(&assets, "managed-key-happy-path").key.unwrap();
    let case = Case::read(&assets, "happy-path-v0.1").with(|bundle| {
        bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][0] =
            json!({"rawBytes": STANDARD.encode(&key)});
    });
    assert_rejected(&case, &["TRUST-0016"]);
    let refused = upgrade::upgrade(&case.bundle).unwrap_err();
    assert_eq!(refused.code().0, "TRUST-0016");
}
