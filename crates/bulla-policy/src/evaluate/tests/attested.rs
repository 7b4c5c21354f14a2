use super::*;

fn signed_by(subjects: &[(&str, &str)]) -> Vec<Verified<Statement>> {
    subjects
        .iter()
        .map(|(subject, at)| {
            let who = Identity {
                subject: (*subject).into(),
                ..dana()
            };
            said(&who, types::COSIGN_SIGN_V1, at, json!({}))
        })
        .collect()
}

#[test]
fn signatures_count_distinct_people() {
    let two = policy(
        "    - name: signed\n      signature: {authorities: [release, staff], atLeast: 2}\n",
    );
    for (subjects, outcome) in [
        (
            &[("dana@example.com", "11:00"), ("eli@example.com", "11:01")][..],
            Outcome::Allow,
        ),
        (
            &[("dana@example.com", "11:00"), ("fay@example.com", "11:01")],
            Outcome::Allow,
        ),
        (&[("dana@example.com", "11:00")], Outcome::Deny),
        (
            &[("dana@example.com", "11:00"), ("dana@example.com", "11:01")],
            Outcome::Deny,
        ),
        (
            &[("dana@example.com", "11:00"), ("DANA@example.com", "11:01")],
            Outcome::Deny,
        ),
        (
            &[
                ("dana@example.com", "11:00"),
                ("gil@elsewhere.example", "11:01"),
            ],
            Outcome::Deny,
        ),
        (&[("gil@elsewhere.example", "11:01")], Outcome::Deny),
        (&[], Outcome::NoEvidence),
    ] {
        let decision = decide(&two, signed_by(subjects));
        assert_eq!(rule(&decision, "signed").0, outcome, "{subjects:?}");
    }
}

#[test]
fn an_unnamed_identity_is_denied_and_named() {
    let named = policy("    - name: signed\n      signature: {authorities: [release]}\n");
    let decision = decide(&named, signed_by(&[("mallory@example.com", "11:00")]));
    let (outcome, code, text) = rule(&decision, "signed");
    assert_eq!((outcome, code), (Outcome::Deny, code::SIGNER));
    assert!(
        text.contains("mallory@example.com") && text.contains("release"),
        "{text}"
    );
}

#[test]
fn the_right_name_of_another_issuer_is_denied() {
    let named = policy("    - name: signed\n      signature: {authorities: [release]}\n");
    let imposter = Identity {
        issuer: "https://elsewhere.example".into(),
        ..dana()
    };
    let decision = decide(
        &named,
        vec![said(&imposter, types::COSIGN_SIGN_V1, "11:00", json!({}))],
    );
    let (outcome, code, text) = rule(&decision, "signed");
    assert_eq!((outcome, code), (Outcome::Deny, code::ISSUER));
    assert!(
        text.contains("https://elsewhere.example") && text.contains(ASSERTED),
        "{text}"
    );
}

#[test]
fn the_nearest_miss_is_the_one_that_is_told() {
    let named = policy("    - name: signed\n      signature: {authorities: [release]}\n");
    let other_root = Identity {
        root: RootId(Digest::sha256(b"their root")),
        ..dana()
    };
    let mut all = signed_by(&[("mallory@example.com", "11:00")]);
    all.push(said(&other_root, types::COSIGN_SIGN_V1, "11:00", json!({})));
    all.extend(signed_by(&[("oscar@example.com", "11:30")]));
    assert_eq!(rule(&decide(&named, all), "signed").1, code::ROOT);
}

#[test]
fn a_service_is_not_a_person_nor_a_person_a_service() {
    let decision = decide(
        &default_policy(),
        with(
            types::COSIGN_SIGN_V1,
            vec![said(
                &service("builder"),
                types::COSIGN_SIGN_V1,
                "11:00",
                json!({}),
            )],
        ),
    );
    assert_eq!(rule(&decision, "image-signed").0, Outcome::Deny);
    let asserted_builder = Identity {
        subject: format!("{SERVICE}/builder"),
        ..dana()
    };
    let decision = decide(
        &default_policy(),
        with(
            types::SLSA_PROVENANCE_V1,
            vec![said(
                &asserted_builder,
                types::SLSA_PROVENANCE_V1,
                "11:00",
                provenance(),
            )],
        ),
    );
    assert_eq!(rule(&decision, "provenance-from-builder").1, code::ISSUER);
}

#[test]
fn statements_of_any_type_can_be_asked_for() {
    let reviewed = policy(
        "    - name: reviewed\n      attestation: {authorities: [staff], predicateType: \"https://example.com/review/v1\"}\n",
    );
    for (kind, outcome) in [
        ("https://example.com/review/v1", Outcome::Allow),
        ("https://example.com/review/v2", Outcome::NoEvidence),
        ("https://example.com/review/v1/", Outcome::NoEvidence),
    ] {
        let decision = decide(
            &reviewed,
            vec![said(&dana(), kind, "11:00", json!({"ok": true}))],
        );
        assert_eq!(rule(&decision, "reviewed").0, outcome, "{kind}");
    }
}
