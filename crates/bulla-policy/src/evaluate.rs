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

use bulla_core::{Decision, Outcome, Reason, RuleResult};
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
        results.push(RuleResult {
            rule: "images".into(),
            outcome: match policy.mode {
                Mode::Enforce => Outcome::Deny,
                Mode::Warn => Outcome::Warn,
            },
            reasons: vec![unmatched(policy, input)],
            evidence: Vec::new(),
        });
    }
    Decision::from_rules(policy.name(), policy.digest(), results, now)
}

fn apply(case: &Case<'_>, rule: &Rule, build: Option<&build::Candidate<'_>>) -> Verdict {
    match &rule.requirement {
        Requirement::Attestation(r) => attested::attestation(case, r),
        Requirement::Coverage(r) => coverage::judge(case, r),
        Requirement::Findings(r) => findings::judge(case, r),
        Requirement::Isolation(r) => build::isolation(case, r, build),
        Requirement::Provenance(r) => build::provenance(case, r, build),
        Requirement::Registry(r) => registry(case, r),
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

fn registry(case: &Case<'_>, rule: &Registry) -> Verdict {
    let host = case.input.requested.registry();
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

fn unmatched(policy: &Policy, input: &Input) -> Reason {
    let patterns: Vec<_> = policy.images.iter().map(ToString::to_string).collect();
    Reason::new(
        code::IMAGE,
        format!(
            "the policy speaks about {}, not about {}",
            any_of(&patterns),
            clean(&input.requested.name())
        ),
    )
    .hint("bulla admit --policy FILE   with a policy whose spec.images names this image")
}

#[cfg(test)]
mod tests;
