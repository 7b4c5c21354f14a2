//! Signatures and statements of a given type: who, and how many of them.

use bulla_core::{Outcome, Reason, statement::predicate_type};
use std::collections::BTreeSet;

use super::case::{Case, Verdict, includes, speak};
use crate::{
    code,
    ir::{Attestation, Signature},
    text::clean,
};

pub(super) fn signature(case: &Case<'_>, rule: &Signature) -> Verdict {
    let types = [predicate_type::COSIGN_SIGN_V1];
    counted(
        case,
        "the image",
        "signature",
        &types,
        &rule.authorities,
        rule.at_least,
    )
}

pub(super) fn attestation(case: &Case<'_>, rule: &Attestation) -> Verdict {
    let types = [rule.predicate_type.as_str()];
    let what = clean(&rule.predicate_type);
    let what = what.as_str();
    counted(case, what, what, &types, &rule.authorities, rule.at_least)
}

/// At least `at_least` distinct identities, and at least one (rule R1). One
/// person is one, however many bundles, authorities or spellings of an address.
fn counted(
    case: &Case<'_>,
    what: &str,
    absent: &str,
    types: &[&str],
    names: &[String],
    at_least: usize,
) -> Verdict {
    let authorities = case.authorities(names);
    let mut people = BTreeSet::new();
    let mut shown = Vec::new();
    let mut fitting = Vec::new();
    for attestation in case.of_type(types) {
        let signer = &attestation.proof().signer;
        if !includes(&authorities, signer) {
            continue;
        }
        let subject = signer.subject.to_ascii_lowercase();
        if people.insert((&signer.root, &signer.issuer, subject)) {
            shown.push(format!(
                "{} (root {})",
                speak(case.policy, signer),
                signer.root
            ));
            fitting.push(attestation);
        }
    }
    if people.is_empty() {
        return case.absent(absent, types, names);
    }
    let signers = shown.join(", ");
    let verdict = if people.len() >= at_least.max(1) {
        Verdict::allow(format!("{what} is signed by {signers}"))
    } else {
        let reason = Reason::new(
            code::THRESHOLD,
            format!(
                "{what} is signed by {} of {at_least} distinct identities: {signers}",
                people.len()
            ),
        )
        .hint("bulla sign REF   as another of those who may sign");
        let short_of = if case.evidence.gaps.is_empty() {
            Outcome::Deny
        } else {
            Outcome::Undecided
        };
        Verdict::of(short_of, reason)
    };
    fitting.into_iter().fold(verdict, Verdict::resting_on)
}
