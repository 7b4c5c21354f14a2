use super::*;
use crate::verified::Verified;
use serde_json::json;

fn statement(kind: &str, predicate: Value) -> Statement {
    Statement::new(Vec::new(), kind, predicate)
}

fn read(kind: &str, predicate: Value) -> Result<Predicate, PredicateError> {
    Predicate::read(&statement(kind, predicate))
}

#[test]
fn known_types_are_typed() {
    let v1 = json!({
        "buildDefinition": {"buildType": "https://t", "externalParameters": {"a": 1},
            "resolvedDependencies": [{"uri": "git+https://r", "digest": {"gitCommit": "ab"}}]},
        "runDetails": {"builder": {"id": "https://b"}, "metadata": {"startedOn": "2026-01-01T00:00:00Z"}, "more": 1},
    });
    let Predicate::SlsaProvenanceV1(v1) = read(uri::SLSA_PROVENANCE_V1, v1).unwrap() else {
        panic!()
    };
    assert_eq!(v1.run_details.builder.id, "https://b");
    assert_eq!(v1.build_definition.resolved_dependencies.len(), 1);
    let v02 = json!({"builder": {"id": "https://b"}, "buildType": "t", "materials": null,
        "invocation": {"configSource": {"uri": "git+https://r", "digest": {"sha1": "ab"}, "entryPoint": "w.yml"}}});
    let Predicate::SlsaProvenanceV02(v02) = read(uri::SLSA_PROVENANCE_V02, v02).unwrap() else {
        panic!()
    };
    assert_eq!(
        v02.invocation.config_source.entry_point.as_deref(),
        Some("w.yml")
    );
    let vsa = json!({"verifier": {"id": "https://v"}, "resourceUri": "pkg:x", "policy": {"uri": "https://p"},
        "verificationResult": "FAILED", "verifiedLevels": []});
    let Predicate::Vsa(vsa) = read(uri::VSA_V1, vsa).unwrap() else {
        panic!()
    };
    assert_eq!(vsa.verification_result, VerificationResult::Failed);
    for kind in [uri::VULNS_V02, uri::COSIGN_VULN] {
        let vuln = json!({"scanner": {"uri": "pkg:s", "result": []}, "metadata": {"scanFinishedOn": "2026-01-01T00:00:00Z"}});
        assert!(matches!(read(kind, vuln), Ok(Predicate::Vuln(_))));
    }
    let link = json!({"name": "build", "command": ["make"], "materials": {}});
    assert!(matches!(read(uri::LINK_V1, link), Ok(Predicate::Link(_))));
    let vex = json!({"@id": "x", "author": "a", "statements": [{}]});
    assert!(matches!(read(uri::OPENVEX, vex), Ok(Predicate::OpenVex(_))));
    let custom = json!({"Data": "text", "Timestamp": ""});
    assert!(matches!(
        read(uri::COSIGN_CUSTOM, custom),
        Ok(Predicate::CosignCustom(_))
    ));
    for nothing in [json!({}), Value::Null] {
        assert_eq!(
            read(uri::COSIGN_SIGN_V1, nothing),
            Ok(Predicate::CosignSign)
        );
    }
    assert_eq!(read("https://example.com/x", json!(7)), Ok(Predicate::Raw));
}

#[test]
fn inventories_come_in_several_forms() {
    let json = read(
        "https://spdx.dev/Document/v2.3",
        json!({"spdxVersion": "SPDX-2.3", "packages": [{}]}),
    );
    assert!(matches!(
        json,
        Ok(Predicate::Spdx(Spdx::Json { packages: 1, .. }))
    ));
    let text = read(uri::SPDX, json!("SPDXVersion: SPDX-2.2\n"));
    assert!(matches!(text, Ok(Predicate::Spdx(Spdx::TagValue(_)))));
    let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}, {}]});
    let Ok(Predicate::CycloneDx(bom)) = read(uri::CYCLONEDX, bom) else {
        panic!()
    };
    assert_eq!(bom.components.map(|c| c.len()), Some(2));
}

/// CVE-2022-35929's class: what cannot be read never passes as something else.
#[test]
fn a_known_type_that_cannot_be_read_is_an_error() {
    for (kind, predicate) in [
        (uri::SLSA_PROVENANCE_V1, json!({})),
        (uri::SLSA_PROVENANCE_V1, Value::Null),
        (
            uri::SLSA_PROVENANCE_V02,
            json!({"builder": {"id": 7}, "buildType": "t"}),
        ),
        (uri::SLSA_PROVENANCE_V02, json!([{"id": "b"}, "t"])),
        (
            uri::VSA_V1,
            json!({"verifier": {"id": "v"}, "resourceUri": "", "policy": {}, "verificationResult": "passed", "verifiedLevels": []}),
        ),
        (
            uri::VULNS_V02,
            json!({"scanner": {"uri": "s"}, "metadata": {"scanFinishedOn": "2026-01-01T00:00:00Z"}}),
        ),
        (
            uri::VULNS_V02,
            json!({"scanner": {"uri": "s", "result": []}, "metadata": {"scanFinishedOn": "yesterday"}}),
        ),
        (uri::SPDX, json!("hello")),
        (uri::SPDX, json!({"packages": []})),
        (
            uri::CYCLONEDX,
            json!({"bomFormat": "SPDX", "specVersion": "1.6"}),
        ),
        (uri::OPENVEX, json!({"@id": "x", "author": "a"})),
        (uri::LINK_V1, json!({"command": []})),
        (uri::COSIGN_CUSTOM, json!({"Timestamp": "x"})),
        (uri::COSIGN_SIGN_V1, json!("signed")),
    ] {
        let error = read(kind, predicate.clone()).expect_err(&format!("{kind} {predicate}"));
        assert_eq!(error.code().0, "TRUST-0721");
    }
}

#[test]
fn names_mean_what_cosign_means() {
    for (name, uri) in [
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("link", "https://in-toto.io/Link/v1"),
        ("spdx", "https://spdx.dev/Document"),
        ("spdxjson", "https://spdx.dev/Document"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("openvex", "https://openvex.dev/ns"),
        ("custom", "https://cosign.sigstore.dev/attestation/v1"),
        ("https://example.com/x", "https://example.com/x"),
    ] {
        let kind = PredicateType::cosign(name).unwrap();
        assert_eq!(kind.uri(), uri, "{name}");
        assert!(kind.accepts(uri));
        assert!(!kind.accepts(&format!("{uri}/")) && !kind.accepts(&format!("{uri}/v9")));
    }
    for unknown in ["", "slsa", "spdx json", "a b://c", "://x"] {
        let error = PredicateType::native(unknown).unwrap_err();
        assert_eq!(error.code().0, "TRUST-0722", "{unknown}");
    }
}

#[test]
fn our_names_let_every_version_through_and_nothing_else() {
    let accepts = |name: &str, kind: &str| PredicateType::native(name).unwrap().accepts(kind);
    assert!(accepts("slsaprovenance", uri::SLSA_PROVENANCE_V1));
    assert!(accepts("slsaprovenance", uri::SLSA_PROVENANCE_V02));
    assert!(!accepts("slsaprovenance1", uri::SLSA_PROVENANCE_V02));
    assert!(accepts("vuln", uri::COSIGN_VULN) && accepts("vuln", uri::VULNS_V02));
    assert!(
        accepts("openvex", "https://openvex.dev/ns")
            && accepts("openvex", "https://openvex.dev/ns/v0.2.0")
    );
    assert!(accepts("cyclonedx", "https://cyclonedx.org/bom/v1.4"));
    assert!(!accepts("cyclonedx", "https://cyclonedx.org/bombastic"));
    assert!(!accepts("spdx", uri::CYCLONEDX) && !accepts("vuln", uri::OPENVEX));
    assert!(!accepts(
        "https://openvex.dev/ns",
        "https://openvex.dev/ns/v0.2.0"
    ));
}

#[test]
fn a_filter_that_leaves_nothing_is_no_evidence() {
    let signed = || vec![Verified::new(statement(uri::SPDX, json!({})), ())];
    let wanted = |name: &str| PredicateType::native(name).unwrap();
    assert!(
        matches!(select(signed(), &wanted("spdx")), Selection::Found(found) if found.len() == 1)
    );
    let Selection::NoEvidence(none) = select(signed(), &wanted("vuln")) else {
        panic!()
    };
    assert_eq!(
        (none.wanted.as_str(), none.found),
        (uri::VULNS_V02, vec![uri::SPDX.to_owned()])
    );
    let nothing: Vec<Verified<Statement, ()>> = Vec::new();
    let Selection::NoEvidence(none) = select(nothing, &wanted("spdx")) else {
        panic!()
    };
    assert_eq!(
        none.to_string(),
        format!("nothing of type {} is signed", uri::SPDX)
    );
}
