//! Each rule both ways, over one complete set of evidence that is changed in one
//! place per case.

use super::*;
use crate::{
    InstanceNames,
    evidence::{Rejected, Stage},
};
use bulla_core::{
    Digest, Identity, RootId, Statement, Subject, statement::predicate_type as types,
};
use bulla_trust::{Rejection, Verified, test_evidence};
use serde_json::{Value, json};

mod advisories;
mod attested;
mod build;
mod scan;

pub(super) const ASSERTED: &str = "http://127.0.0.1:5620/oidc/asserted";
pub(super) const SERVICE: &str = "http://127.0.0.1:5620/oidc/service";
pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

pub(super) fn root() -> RootId {
    RootId(Digest::sha256(b"our root"))
}

pub(super) fn instance() -> InstanceNames {
    InstanceNames {
        root: root(),
        asserted_issuer: ASSERTED.into(),
        service_issuer: SERVICE.into(),
        registry: "127.0.0.1:5610".into(),
    }
}

pub(super) fn image() -> Digest {
    Digest::sha256(b"image")
}

pub(super) fn dana() -> Identity {
    Identity {
        root: root(),
        issuer: ASSERTED.into(),
        subject: "dana@example.com".into(),
    }
}

pub(super) fn service(name: &str) -> Identity {
    Identity {
        root: root(),
        issuer: SERVICE.into(),
        subject: format!("{SERVICE}/{name}"),
    }
}

/// One attestation about the image; `at` is `HH:MM` of the day.
pub(super) fn said(who: &Identity, kind: &str, at: &str, predicate: Value) -> Verified<Statement> {
    said_about(&image(), who, kind, at, predicate)
}

pub(super) fn said_about(
    digest: &Digest,
    who: &Identity,
    kind: &str,
    at: &str,
    predicate: Value,
) -> Verified<Statement> {
    let label = format!("{who:?}{kind}{at}{predicate}");
    let time = format!("2026-11-21T{at}:00Z").parse().unwrap();
    let statement = Statement::new(vec![Subject::new("image", digest)], kind, predicate);
    test_evidence::verified(statement, test_evidence::proof(who.clone(), &label, time))
}

pub(super) fn provenance() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://bulla.dev/buildtypes/recipe/v1",
            "externalParameters": {"source": {"uri": "git+https://git.example/hello", "directory": ""}},
            "internalParameters": {
                "isolation": "namespaces",
                "source": {"dirty": false, "signature": {"status": "valid", "signer": "dana@example.com"}}
            },
            "resolvedDependencies": [
                {"uri": "git+https://git.example/hello", "digest": {"gitCommit": "4b".repeat(20)}}
            ]
        },
        "runDetails": {"builder": {"id": format!("{SERVICE}/builder")}}
    })
}

pub(super) fn scan() -> Value {
    json!({
        "scanner": {
            "uri": "https://bulla.dev/scanner", "version": "0.1.0",
            "db": {"uri": "embedded", "version": "sha256:00", "lastUpdate": "2026-11-20T00:00:00Z"},
            "result": []
        },
        "metadata": {"scanStartedOn": NOW, "scanFinishedOn": NOW},
        "coverage": [{"ecosystem": "cargo", "components": 15, "covered": true, "dataDate": "2026-11-20"}]
    })
}

pub(super) fn bom() -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []})
}

pub(super) fn complete() -> Vec<Verified<Statement>> {
    vec![
        said(&dana(), types::COSIGN_SIGN_V1, "11:00", json!({})),
        said(
            &service("builder"),
            types::SLSA_PROVENANCE_V1,
            "11:00",
            provenance(),
        ),
        said(&service("scanner"), types::CYCLONEDX, "11:00", bom()),
        said(&service("scanner"), types::VULNS_V02, "11:00", scan()),
    ]
}

/// All but those of one type.
pub(super) fn without(kind: &str) -> Vec<Verified<Statement>> {
    complete()
        .into_iter()
        .filter(|a| a.claim().predicate_type != kind)
        .collect()
}

/// Those of one type replaced.
pub(super) fn with(kind: &str, instead: Vec<Verified<Statement>>) -> Vec<Verified<Statement>> {
    without(kind).into_iter().chain(instead).collect()
}

pub(super) fn default_policy() -> Policy {
    Policy::embedded_default(&instance()).unwrap()
}

pub(super) fn policy(rules: &str) -> Policy {
    let text = format!(
        "apiVersion: policy.bulla.dev/v1alpha1\nkind: ArtifactPolicy\nmetadata: {{name: t}}\nspec:\n  images: [{{glob: \"**\"}}]\n  authorities:\n    - name: release\n      keyless:\n        root: instance\n        identities:\n          - {{issuer: \"{ASSERTED}\", subject: dana@example.com}}\n          - {{issuer: \"{ASSERTED}\", subject: eli@example.com}}\n    - name: staff\n      keyless:\n        root: instance\n        identities: [{{issuer: \"{ASSERTED}\", subjectPattern: \"*@example.com\"}}]\n  rules:\n{rules}"
    );
    Policy::parse(text.as_bytes(), Some(&instance())).unwrap()
}

pub(super) fn input(reference: &str) -> Input {
    Input {
        requested: reference.parse().unwrap(),
        digest: image(),
        stage: Stage::Admission,
    }
}

pub(super) fn decide(policy: &Policy, attestations: Vec<Verified<Statement>>) -> Decision {
    decide_on(
        policy,
        Evidence {
            attestations,
            ..Evidence::default()
        },
    )
}

pub(super) fn decide_on(policy: &Policy, evidence: Evidence) -> Decision {
    evaluate(
        policy,
        &input("127.0.0.1:5610/hello:1"),
        &evidence,
        NOW.parse().unwrap(),
    )
}

/// The outcome, first code and first text of a rule.
pub(super) fn rule<'a>(decision: &'a Decision, name: &str) -> (Outcome, &'static str, &'a str) {
    let result = decision.rules.iter().find(|r| r.rule == name).unwrap();
    let reason = result.reasons.first().unwrap();
    (result.outcome, reason.code.0, &reason.text)
}

#[test]
fn the_whole_chain_is_allowed_and_cites_its_evidence() {
    let decision = decide(&default_policy(), complete());
    assert_eq!(decision.outcome, Outcome::Allow, "{decision:#?}");
    assert_eq!(decision.rules.len(), 8);
    for result in &decision.rules {
        assert_eq!(result.outcome, Outcome::Allow, "{result:?}");
        assert_eq!(
            result.evidence.is_empty(),
            result.rule == "registry-allowed",
            "{result:?}"
        );
    }
}

#[test]
fn nothing_at_all_is_no_evidence() {
    let decision = decide(&default_policy(), vec![]);
    assert_eq!(decision.outcome, Outcome::NoEvidence);
    assert_eq!(rule(&decision, "image-signed").0, Outcome::NoEvidence);
    assert_eq!(rule(&decision, "registry-allowed").0, Outcome::Allow);
}

#[test]
fn evidence_about_another_image_counts_for_nothing() {
    let elsewhere = Digest::sha256(b"another image");
    let moved = complete()
        .iter()
        .map(|a| {
            said_about(
                &elsewhere,
                &a.proof().signer,
                &a.claim().predicate_type,
                "11:00",
                a.claim().predicate.clone(),
            )
        })
        .collect();
    assert_eq!(
        decide(&default_policy(), moved).outcome,
        Outcome::NoEvidence
    );
}

#[test]
fn everything_under_another_root_is_denied_naming_both_roots() {
    let other = RootId(Digest::sha256(b"their root"));
    let moved = complete()
        .iter()
        .map(|a| {
            let signer = Identity {
                root: other.clone(),
                ..a.proof().signer.clone()
            };
            said(
                &signer,
                &a.claim().predicate_type,
                "11:00",
                a.claim().predicate.clone(),
            )
        })
        .collect();
    let decision = decide(&default_policy(), moved);
    assert_eq!(decision.outcome, Outcome::Deny);
    for name in [
        "image-signed",
        "provenance-from-builder",
        "sbom-present",
        "scan-coverage",
    ] {
        let (outcome, code, text) = rule(&decision, name);
        assert_eq!((outcome, code), (Outcome::Deny, code::ROOT), "{name}");
        assert!(
            text.contains(&other.to_string()) && text.contains(&root().to_string()),
            "{text}"
        );
    }
}

#[test]
fn the_registry_must_be_allowed() {
    let evidence = Evidence {
        attestations: complete(),
        ..Evidence::default()
    };
    for (reference, outcome) in [
        ("127.0.0.1:5610/hello:1", Outcome::Allow),
        ("127.0.0.1:5611/hello:1", Outcome::Deny),
        ("127.0.0.1/hello:1", Outcome::Deny),
        ("registry.example.com/127.0.0.1/hello:1", Outcome::Deny),
    ] {
        let decision = evaluate(
            &default_policy(),
            &input(reference),
            &evidence,
            NOW.parse().unwrap(),
        );
        assert_eq!(
            rule(&decision, "registry-allowed").0,
            outcome,
            "{reference}"
        );
        assert_eq!(decision.outcome, outcome);
        let early = denied_by_name(
            &default_policy(),
            &reference.parse().unwrap(),
            NOW.parse().unwrap(),
        );
        assert_eq!(early.is_some(), outcome == Outcome::Deny, "{reference}");
    }
}

#[test]
fn an_image_that_the_policy_does_not_name_is_denied() {
    let text = String::from_utf8(default_policy().canonical())
        .unwrap()
        .replace(r#""glob":"**""#, r#""glob":"127.0.0.1:5610/team/*""#);
    let narrow = Policy::parse(text.as_bytes(), None).unwrap();
    let decision = decide(&narrow, complete());
    assert_eq!(rule(&decision, "images").0, Outcome::Deny);
    assert_eq!(rule(&decision, "images").1, code::IMAGE);
    let image = input("127.0.0.1:5610/hello:1").requested;
    let early = denied_by_name(&narrow, &image, NOW.parse().unwrap()).unwrap();
    assert_eq!(rule(&early, "images").1, code::IMAGE);
}

#[test]
fn what_could_not_be_had_is_undecided_not_absent() {
    for kind in [
        types::COSIGN_SIGN_V1,
        types::SLSA_PROVENANCE_V1,
        types::CYCLONEDX,
        types::VULNS_V02,
    ] {
        let evidence = Evidence {
            attestations: without(kind),
            gaps: vec![Reason::new("OCI-0001", "the registry did not answer")],
            ..Evidence::default()
        };
        let decision = decide_on(&default_policy(), evidence);
        assert_eq!(decision.outcome, Outcome::Undecided, "{kind}");
    }
}

#[test]
fn a_newer_scan_might_be_missing() {
    let evidence = Evidence {
        attestations: complete(),
        gaps: vec![Reason::new(
            "OCI-0001",
            "one of five bundles could not be fetched",
        )],
        ..Evidence::default()
    };
    let decision = decide_on(&default_policy(), evidence);
    assert_eq!(rule(&decision, "no-critical-finding").0, Outcome::Undecided);
    assert_eq!(rule(&decision, "provenance-from-builder").0, Outcome::Allow);
    assert_eq!(decision.outcome, Outcome::Undecided);
}

#[test]
fn denial_wins_over_everything_else() {
    let evidence = Evidence {
        attestations: without(types::CYCLONEDX),
        gaps: vec![Reason::new("OCI-0001", "the registry did not answer")],
        ..Evidence::default()
    };
    let decision = evaluate(
        &default_policy(),
        &input("elsewhere.example/hello:1"),
        &evidence,
        NOW.parse().unwrap(),
    );
    assert_eq!(decision.outcome, Outcome::Deny);
    assert_eq!(
        decision.objections().first().unwrap().rule,
        "registry-allowed"
    );
}

#[test]
fn a_rejected_bundle_denies_with_its_own_code() {
    let evidence = Evidence {
        attestations: without(types::SLSA_PROVENANCE_V1),
        rejections: vec![rejected(Some(types::SLSA_PROVENANCE_V1))],
        ..Evidence::default()
    };
    let decision = decide_on(&default_policy(), evidence);
    let (outcome, code, text) = rule(&decision, "provenance-from-builder");
    assert_eq!((outcome, code), (Outcome::Deny, "TRUST-0021"));
    assert!(text.contains("aa") && text.contains("bb"));
    assert_eq!(
        rule(&decision, "image-signed").0,
        Outcome::Allow,
        "other rules stand"
    );
}

fn rejected(claims: Option<&str>) -> Rejected {
    Rejected {
        rejection: Rejection {
            code: bulla_core::Code("TRUST-0021"),
            text: "the log entry's root hash is aa, the checkpoint signs bb".into(),
            hint: None,
            envelope: None,
        },
        claims: claims.map(str::to_owned),
    }
}

#[test]
fn a_rejected_bundle_is_told_to_the_rule_it_claims_to_serve() {
    for (claims, outcome) in [
        (Some(types::CYCLONEDX), Outcome::NoEvidence),
        (Some(types::COSIGN_SIGN_V1), Outcome::Deny),
        (None, Outcome::Deny),
    ] {
        let evidence = Evidence {
            attestations: without(types::COSIGN_SIGN_V1),
            rejections: vec![rejected(claims)],
            ..Evidence::default()
        };
        let decision = decide_on(&default_policy(), evidence);
        assert_eq!(rule(&decision, "image-signed").0, outcome, "{claims:?}");
        assert_eq!(
            decision.outcome, outcome,
            "junk beside good evidence harms nothing"
        );
    }
}

#[test]
fn a_rule_in_warn_mode_only_tells() {
    let lenient =
        policy("    - name: signed\n      mode: warn\n      signature: {authorities: [release]}\n");
    let decision = decide(&lenient, vec![]);
    assert_eq!(decision.outcome, Outcome::Warn);
    assert_eq!(rule(&decision, "signed").1, code::ABSENT);
}

#[test]
fn the_decision_is_the_same_each_time() {
    let shuffled: Vec<_> = complete().into_iter().rev().collect();
    let (one, two) = (
        decide(&default_policy(), complete()),
        decide(&default_policy(), shuffled),
    );
    assert_eq!(one, two);
}

proptest::proptest! {
    /// No single piece of evidence can be left out, and no predicate can be
    /// replaced by arbitrary JSON, without the answer changing to "not allowed".
    #[test]
    fn every_piece_is_needed(index in 0usize..4) {
        let mut fewer = complete();
        fewer.remove(index);
        proptest::prop_assert!(!decide(&default_policy(), fewer).outcome.is_allowed());
    }

    #[test]
    fn junk_predicates_never_satisfy(index in 1usize..4, junk in "[\\[\\]{}\",:a-z0-9]{0,30}") {
        let value = serde_json::from_str(&junk).unwrap_or(Value::String(junk));
        let mut all = complete();
        let old = all.remove(index);
        all.push(said(&old.proof().signer, &old.claim().predicate_type, "11:00", value));
        proptest::prop_assert!(!decide(&default_policy(), all).outcome.is_allowed());
    }
}
