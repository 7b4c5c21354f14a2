//! Published advisories of others, each as a case of ours.

use super::*;

/// cosign: `verify-attestation` succeeded when no attestation had the type.
#[test]
fn cve_2022_35929_an_absent_type_is_no_success() {
    let asks = policy(
        "    - name: reviewed\n      attestation: {authorities: [staff], predicateType: \"https://example.com/review/v1\"}\n",
    );
    assert_eq!(decide(&asks, complete()).outcome, Outcome::NoEvidence);
}

/// policy-controller: one attestation of any type satisfied the rule for another.
#[test]
fn cve_2022_35930_one_attestation_does_not_stand_for_another() {
    let two = policy(
        "    - name: a\n      attestation: {authorities: [staff], predicateType: \"https://example.com/a\"}\n    - name: b\n      attestation: {authorities: [staff], predicateType: \"https://example.com/b\"}\n",
    );
    let decision = decide(
        &two,
        vec![said(&dana(), "https://example.com/a", "11:00", json!({}))],
    );
    assert_eq!(rule(&decision, "a").0, Outcome::Allow);
    assert_eq!(rule(&decision, "b").0, Outcome::NoEvidence);
}

/// cosign: a payload that could not be parsed was reported as success.
#[test]
fn cve_2026_39395_an_unreadable_predicate_is_a_denial() {
    for kind in [types::SLSA_PROVENANCE_V1, types::VULNS_V02] {
        let who = service(if kind == types::VULNS_V02 {
            "scanner"
        } else {
            "builder"
        });
        for junk in [
            json!(null),
            json!([]),
            json!("x"),
            json!({}),
            json!({"scanner": []}),
        ] {
            let decision = decide(
                &default_policy(),
                with(kind, vec![said(&who, kind, "11:00", junk.clone())]),
            );
            assert_eq!(decision.outcome, Outcome::Deny, "{kind} {junk}");
        }
    }
}

/// go-tuf, tough, sigstore-go: thresholds of zero, and one voice counted twice.
#[test]
fn cve_2026_23992_and_49834_thresholds_count_distinct_voices_and_at_least_one() {
    let text = String::from_utf8(default_policy().canonical()).unwrap();
    let zero = text.replace(r#""atLeast":1"#, r#""atLeast":0"#);
    assert_ne!(zero, text);
    assert!(Policy::parse(zero.as_bytes(), None).is_err());
    let two = policy("    - name: signed\n      signature: {authorities: [release], atLeast: 2}\n");
    let twice = (0..9).map(|i| {
        said(
            &dana(),
            types::COSIGN_SIGN_V1,
            &format!("11:0{i}"),
            json!({}),
        )
    });
    assert_eq!(decide(&two, twice.collect()).outcome, Outcome::Deny);
}

/// fulcio: an unanchored pattern matched in the middle of a longer name.
#[test]
fn cve_2026_22772_patterns_are_anchored() {
    let staff = policy("    - name: signed\n      signature: {authorities: [staff]}\n");
    for subject in [
        "dana@example.com.evil.example",
        "x@evil.example/dana@example.com",
        "dana@example.com\n@evil",
    ] {
        let who = Identity {
            subject: subject.into(),
            ..dana()
        };
        let decision = decide(
            &staff,
            vec![said(&who, types::COSIGN_SIGN_V1, "11:00", json!({}))],
        );
        assert_eq!(decision.outcome, Outcome::Deny, "{subject:?}");
    }
}

/// kyverno: `subjectRegExp` was accepted and ignored.
#[test]
fn cve_2025_29778_a_field_that_is_not_known_is_refused() {
    let text = String::from_utf8(default_policy().canonical()).unwrap();
    for (from, to) in [
        (
            r#""subjectPattern":"**""#,
            r#""subjectRegExp":".*","subjectPattern":"**""#,
        ),
        (
            r#""failOn":"critical""#,
            r#""failOn":"critical","ignoreUnfixed":true"#,
        ),
        (r#""mode":"enforce""#, r#""mode":"enforce","exceptions":[]"#),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        assert!(Policy::parse(edited.as_bytes(), None).is_err(), "{to}");
    }
}

/// policy engines on every cluster: a signed name of one CA used under another.
#[test]
fn a_private_authority_cannot_speak_for_the_public_one() {
    let copied = Identity {
        root: RootId(Digest::sha256(b"an authority of their own")),
        ..dana()
    };
    let named = policy("    - name: signed\n      signature: {authorities: [release, staff]}\n");
    let decision = decide(
        &named,
        vec![said(&copied, types::COSIGN_SIGN_V1, "11:00", json!({}))],
    );
    assert_eq!(rule(&decision, "signed").1, code::ROOT);
}
