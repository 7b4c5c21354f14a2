//! The decision: each rule of a policy held against evidence about one digest.
//!
//! Pure: the same policy, input, evidence and time give the same decision. Every
//! rule about provenance is held against one and the same attestation, so that a
//! clean build and an isolated one cannot be put together from two; every rule
//! about a scan is held against the newest one. A rule is allowed only by
//! something that was found (rule R3).

mod attested;
mod build;
mod case;
mod coverage;
mod findings;
mod sbom;

use bulla_core::{Decision, Outcome, Reason, Reference, RuleResult};
use jiff::Timestamp;

use crate::{
    code,
    evidence::{Evidence, Input},
    ir::{Mode, Policy, Registry, Requirement, Rule},
    text::{any_of, clean},
};
use case::{Case, Verdict};

/// Decides whether `policy` allows `input`, on `evidence`, as of `now`.
pub fn evaluate(policy: &Policy, input: &Input, evidence: &Evidence, now: Timestamp) -> Decision {
    let case = Case {
        policy,
        input,
        evidence,
        now,
    };
    let mut results = Vec::new();
    if policy.images.iter().any(|p| p.matches(&input.requested)) {
        let build = build::choose(&case);
        for rule in policy.rules() {
            let verdict = apply(&case, rule, build.as_ref());
            results.push(by_mode(policy.mode, rule, verdict));
        }
    } else {
        results.push(not_spoken_of(policy, &input.requested));
    }
    Decision::from_rules(policy.name(), policy.digest(), results, now)
}

/// The denial that follows from the name of an image alone; `None` if only its
/// evidence can tell. Asked before anything is fetched, so that a workload cannot
/// send us to a registry that the policy does not allow (rule R8).
pub fn denied_by_name(policy: &Policy, image: &Reference, now: Timestamp) -> Option<Decision> {
    let mut results = Vec::new();
    if !policy.images.iter().any(|p| p.matches(image)) {
        results.push(not_spoken_of(policy, image));
    }
    for rule in policy.rules() {
        if let Requirement::Registry(r) = &rule.requirement {
            results.push(by_mode(policy.mode, rule, registry(image, r)));
        }
    }
    results.retain(|result| result.outcome == Outcome::Deny);
    let denied = !results.is_empty();
    denied.then(|| Decision::from_rules(policy.name(), policy.digest(), results, now))
}

fn apply(case: &Case<'_>, rule: &Rule, build: Option<&build::Candidate<'_>>) -> Verdict {
    match &rule.requirement {
        Requirement::Attestation(r) => attested::attestation(case, r),
        Requirement::Coverage(r) => coverage::judge(case, r),
        Requirement::Findings(r) => findings::judge(case, r),
        Requirement::Isolation(r) => build::isolation(case, r, build),
        Requirement::Provenance(r) => build::provenance(case, r, build),
        Requirement::Registry(r) => registry(&case.input.requested, r),
        Requirement::Sbom(r) => sbom::judge(case, r),
        Requirement::Signature(r) => attested::signature(case, r),
        Requirement::Source(r) => build::source(case, r, build),
    }
}

/// A rule that only warns keeps its reasons, and stands in nobody's way.
fn by_mode(policy: Mode, rule: &Rule, verdict: Verdict) -> RuleResult {
    let only_warns = policy == Mode::Warn || rule.mode == Mode::Warn;
    let outcome = if only_warns && !verdict.outcome.is_allowed() {
        Outcome::Warn
    } else {
        verdict.outcome
    };
    RuleResult {
        rule: rule.name.clone(),
        outcome,
        reasons: verdict.reasons,
        evidence: verdict.evidence,
    }
}

fn registry(image: &Reference, rule: &Registry) -> Verdict {
    let host = image.registry();
    if rule.allow.iter().any(|allowed| allowed == host) {
        return Verdict::allow(format!("{host} is an allowed registry"));
    }
    Verdict::deny(
        Reason::new(
            code::REGISTRY,
            format!(
                "the image comes from {}, allowed is {}",
                clean(host),
                any_of(&rule.allow)
            ),
        )
        .hint("bulla ship .   builds, seals and pushes to the allowed registry"),
    )
}

fn not_spoken_of(policy: &Policy, image: &Reference) -> RuleResult {
    let patterns: Vec<_> = policy.images.iter().map(ToString::to_string).collect();
    let text = format!(
        "the policy speaks about {}, not about {}",
        any_of(&patterns),
        clean(&image.name())
    );
    RuleResult {
        rule: "images".into(),
        outcome: match policy.mode {
            Mode::Enforce => Outcome::Deny,
            Mode::Warn => Outcome::Warn,
        },
        reasons: vec![
            Reason::new(code::IMAGE, text).hint(
                "bulla admit --policy FILE   with a policy whose spec.images names this image",
            ),
        ],
        evidence: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
