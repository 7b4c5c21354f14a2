use super::*;
use bulla_core::Digest;

fn result(rule: &str, outcome: Outcome, reasons: Vec<Reason>) -> RuleResult {
    RuleResult {
        rule: rule.into(),
        outcome,
        reasons,
        evidence: Vec::new(),
    }
}

fn decision(rules: Vec<RuleResult>) -> Decision {
    let time = "2026-11-21T00:00:00Z".parse().unwrap();
    Decision::from_rules("default", Digest::sha256(b"policy"), rules, time)
}

fn image() -> &'static str {
    "127.0.0.1:5610/hello:git-4be1d2a90c11"
}

#[test]
fn says_what_was_compared_and_how_to_mend_it() {
    let decision = decision(vec![
        result("registry-allowed", Outcome::Allow, vec![]),
        result(
            "sbom-present",
            Outcome::NoEvidence,
            vec![Reason::new("POLICY-0012", "none")],
        ),
        result(
            "provenance-from-builder",
            Outcome::Deny,
            vec![
                Reason::new(
                    "POLICY-0013",
                    "provenance names instance/builder, but it is signed by dana@example.com",
                )
                .hint("bulla ship .   builds and attests again"),
                Reason::new("POLICY-0013", "only instance/builder may vouch for it"),
            ],
        ),
    ]);
    let text = DenyText::new(&decision, image(), Stage::Admission).unwrap();
    assert_eq!(
        text.lines(),
        [
            format!("DENIED by rule provenance-from-builder (policy {})", policy_name(&decision)),
            "provenance names instance/builder, but it is signed by dana@example.com".into(),
            "only instance/builder may vouch for it".into(),
            "not satisfied either: sbom-present".into(),
            "mend it: bulla ship .   builds and attests again".into(),
            "         bulla explain --stage admission 127.0.0.1:5610/hello:git-4be1d2a90c11   shows every check   [POLICY-0013]".into(),
        ]
    );
    assert!(text.details.len() < LINES);
}

#[test]
fn an_allowance_has_no_text() {
    let allowed = decision(vec![result(
        "r",
        Outcome::Warn,
        vec![Reason::new("POLICY-0027", "old")],
    )]);
    assert_eq!(DenyText::new(&allowed, image(), Stage::Admission), None);
    assert_eq!(warnings(&allowed), ["r: old [POLICY-0027]"]);
}

#[test]
fn a_hostile_text_stays_one_line_and_within_kubernetes_limits() {
    let hostile = format!("line\nALLOWED \u{1b}[32m{}", "é".repeat(5000));
    let reason = || Reason::new("POLICY-0026", hostile.clone()).hint(hostile.clone());
    let decision = decision(vec![
        result(
            "a",
            Outcome::Deny,
            vec![reason(), reason(), reason(), reason()],
        ),
        result(&"b".repeat(400), Outcome::Deny, vec![reason()]),
    ]);
    let text = DenyText::new(&decision, image(), Stage::Admission).unwrap();
    assert!(text.details.len() < LINES);
    assert!(
        text.lines()
            .iter()
            .all(|line| !line.contains(['\n', '\u{1b}']))
    );
    let message = text.for_kubernetes();
    assert!(message.len() <= KUBERNETES_BYTES);
    assert!(
        message.contains("mend it: ") && message.ends_with("[POLICY-0026]"),
        "{message}"
    );
}

#[test]
fn no_rule_at_all_is_told() {
    let text = DenyText::new(&decision(vec![]), image(), Stage::Admission).unwrap();
    assert!(text.headline.contains("decided nothing"));
}

#[test]
fn several_images_are_still_four_lines() {
    let decision = decision(vec![
        result(
            "a",
            Outcome::Deny,
            vec![
                Reason::new("POLICY-0026", "one"),
                Reason::new("POLICY-0026", "two"),
            ],
        ),
        result("b", Outcome::Deny, vec![]),
    ]);
    let text = DenyText::new(&decision, image(), Stage::Admission)
        .unwrap()
        .about(image(), &["other.example/x".into()]);
    assert_eq!(
        text.details,
        ["one", "two", "denied as well: other.example/x"]
    );
    assert!(
        text.headline
            .starts_with("image 127.0.0.1:5610/hello:git-4be1d2a90c11: DENIED")
    );
}
