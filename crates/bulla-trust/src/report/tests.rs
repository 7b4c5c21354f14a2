use super::*;
use crate::{
    sigstore::{CertificateClaims, IdentityExpectation},
    threshold::{Authority, Signature, Threshold},
    verified::Verified,
};
use bulla_core::{Digest, Identity, RootId};

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn by_key(envelope: &str) -> Verified<(), KeyProof> {
    let proof = KeyProof {
        key: digest("key"),
        envelope: digest(envelope),
        log: None,
        times: Vec::new(),
        revocation: Box::default(),
    };
    Verified::new((), proof)
}

fn by_certificate(subject: &str) -> Verified<()> {
    let proof = Proof {
        signer: Identity {
            root: RootId(digest("root")),
            issuer: "https://issuer.example".into(),
            subject: subject.into(),
        },
        envelope: digest(subject),
        certificate: digest("certificate"),
        key: digest(subject),
        claims: CertificateClaims::default(),
        sct: false,
        log: None,
        times: vec![jiff::Timestamp::UNIX_EPOCH],
        revocation: Box::default(),
    };
    Verified::new((), proof)
}

fn rejection(code: &'static str) -> Rejection {
    Rejection {
        code: Code(code),
        text: "why".into(),
        hint: Some("what mends it".into()),
        envelope: Some(digest("rejected")),
    }
}

fn outcome(report: &Report, stage: Stage) -> CheckOutcome {
    report
        .checks
        .iter()
        .find(|c| c.stage == stage)
        .unwrap()
        .outcome
}

#[test]
fn what_was_waived_is_said() {
    let key = by_key("1").proof().report();
    for (stage, expected) in [
        (Stage::Time, CheckOutcome::Skipped),
        (Stage::Certificate, CheckOutcome::Skipped),
        (Stage::Log, CheckOutcome::Skipped),
        (Stage::Signature, CheckOutcome::Held),
        (Stage::Signer, CheckOutcome::Held),
    ] {
        assert_eq!(outcome(&key, stage), expected, "{stage:?}");
    }
    let certificate = by_certificate("a@x").proof().report();
    assert_eq!(outcome(&certificate, Stage::Time), CheckOutcome::Held);
    assert_eq!(outcome(&certificate, Stage::Log), CheckOutcome::Skipped);
    assert!(certificate.to_string().contains("was not demanded"));
}

#[test]
fn the_outcome_follows_from_the_envelopes() {
    let mut report = ArtifactReport::new(&digest("artifact"));
    assert_eq!(report.outcome, ReportOutcome::NoEvidence);
    report.not_asked_for(&by_key("other"), Label::default());
    assert_eq!(
        report.outcome,
        ReportOutcome::NoEvidence,
        "another type is none"
    );
    report.rejected(&rejection("TRUST-0031"), Label::default());
    assert_eq!(report.outcome, ReportOutcome::Rejected);
    report.gap("the registry stopped answering");
    assert_eq!(report.outcome, ReportOutcome::Undecided);
    report.accepted(&by_key("1"), Label::default());
    assert_eq!(report.outcome, ReportOutcome::Accepted);
    let expected = IdentityExpectation::exact("https://issuer.example", "a@x");
    let threshold = Threshold::at_least(1, vec![Authority::identity("a", expected)]).unwrap();
    report.threshold(threshold.judge(&[Signature::from(&by_key("1"))], &[]));
    assert_eq!(
        report.outcome,
        ReportOutcome::Undecided,
        "the tally decides"
    );
    report.threshold(threshold.judge(&[Signature::from(&by_certificate("a@x"))], &[]));
    assert_eq!(report.outcome, ReportOutcome::Accepted);
}

#[test]
fn the_json_form_is_frozen() {
    let mut report = ArtifactReport::new(&digest("artifact")).reference("r.example/a:v1");
    let label = Label {
        layout: Layout::Tag,
        name: Some("sha256-0.sig".into()),
        predicate_type: None,
    };
    report.accepted(&by_key("1"), label.clone());
    report.rejected(&rejection("TRUST-0020"), label);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["outcome"], "accepted");
    let (accepted, rejected) = (&json["envelopes"][0], &json["envelopes"][1]);
    assert_eq!(accepted["layout"], "tag");
    assert_eq!(accepted["signer"]["key"], digest("key").to_string());
    assert_eq!(accepted["checks"][1]["stage"], "time");
    assert_eq!(accepted["checks"][1]["outcome"], "skipped");
    assert_eq!(rejected["checks"][3]["outcome"], "failed");
    assert_eq!(rejected["checks"][3]["code"], "TRUST-0020");
    assert_eq!(rejected["checks"][4]["outcome"], "not-reached");
    assert!(json.get("threshold").is_none() && json.get("gaps").is_none());
    let text = report.to_string();
    for said in [
        "✓ accepted",
        "✗ rejected",
        "[TRUST-0020]",
        "what mends it",
        "skipped",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}
