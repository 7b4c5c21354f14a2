//! Rules about provenance: builder, source, isolation; all of one attestation.

use bulla_core::{Reason, statement::predicate_type};

use super::case::{Attestation, Case, Verdict, age_key, includes, short, speak, speak_id};
use crate::{
    code,
    ir::{Isolation, IsolationLevel, Provenance, Requirement, Source, SourceSignature},
    predicate::{self, provenance::ProvenancePredicate},
    text::{any_of, clean},
};

const TYPES: &[&str] = &[predicate_type::SLSA_PROVENANCE_V1];
const AGAIN: &str = "bulla ship .   builds and attests again";

/// A provenance, read.
pub(super) struct Candidate<'a> {
    attestation: &'a Attestation,
    read: Result<ProvenancePredicate, String>,
}

/// The provenance that all rules are held against: the one that fails the fewest
/// of them, of equals the newest.
pub(super) fn choose<'a>(case: &Case<'a>) -> Option<Candidate<'a>> {
    let mut candidates: Vec<_> = case
        .of_type(TYPES)
        .map(|attestation| Candidate {
            attestation,
            read: predicate::read(&attestation.claim().predicate),
        })
        .collect();
    candidates.sort_by_cached_key(|c| std::cmp::Reverse(age_key(c.attestation)));
    candidates
        .into_iter()
        .min_by_key(|candidate| failures(case, candidate))
}

fn failures(case: &Case<'_>, candidate: &Candidate<'_>) -> usize {
    let verdicts = case.policy.rules().iter().filter_map(|rule| {
        Some(match &rule.requirement {
            Requirement::Provenance(r) => provenance(case, r, Some(candidate)),
            Requirement::Source(r) => source(case, r, Some(candidate)),
            Requirement::Isolation(r) => isolation(case, r, Some(candidate)),
            _ => return None,
        })
    });
    verdicts.filter(|v| !v.outcome.is_allowed()).count()
}

pub(super) fn provenance(
    case: &Case<'_>,
    rule: &Provenance,
    candidate: Option<&Candidate<'_>>,
) -> Verdict {
    let names: Vec<_> = rule.builders.iter().map(|b| b.authority.clone()).collect();
    let (candidate, read) = match fitting(case, &names, candidate) {
        Ok(found) => found,
        Err(verdict) => return explain_signer(case, verdict, candidate),
    };
    let signer = &candidate.attestation.proof().signer;
    let id = &read.run_details.builder.id;
    let allowed: Vec<_> = rule
        .builders
        .iter()
        .filter(|b| {
            includes(
                &case.authorities(std::slice::from_ref(&b.authority)),
                signer,
            )
        })
        .flat_map(|b| &b.ids)
        .collect();
    let verdict = if !allowed.contains(&id) {
        let allowed: Vec<_> = allowed
            .into_iter()
            .map(|id| speak_id(case.policy, id))
            .collect();
        Verdict::deny(
            Reason::new(
                code::BUILDER,
                format!(
                    "provenance names builder {}, but {} may only sign for {}",
                    speak_id(case.policy, id),
                    speak(case.policy, signer),
                    any_of(&allowed)
                ),
            )
            .hint(AGAIN),
        )
    } else if !allows(&rule.build_types, &read.build_definition.build_type) {
        Verdict::deny(
            Reason::new(
                code::BUILD_TYPE,
                format!(
                    "provenance has build type {}, allowed is {}",
                    clean(&read.build_definition.build_type),
                    any_of(&rule.build_types)
                ),
            )
            .hint(AGAIN),
        )
    } else {
        Verdict::allow(format!(
            "built by {}, signed by {} (root {})",
            speak_id(case.policy, id),
            speak(case.policy, signer),
            signer.root
        ))
    };
    verdict.resting_on(candidate.attestation)
}

pub(super) fn source(case: &Case<'_>, rule: &Source, candidate: Option<&Candidate<'_>>) -> Verdict {
    let (candidate, read) = match fitting(case, &rule.authorities, candidate) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    named_source(rule, read)
        .unwrap_or_else(|reason| Verdict::deny(reason.hint_if_none(AGAIN)))
        .resting_on(candidate.attestation)
}

fn named_source(rule: &Source, read: &ProvenancePredicate) -> Result<Verdict, Reason> {
    let state = read.source_state();
    match state.as_ref().and_then(|s| s.dirty) {
        Some(false) => {}
        Some(true) => {
            return Err(Reason::new(
                code::DIRTY,
                "provenance says the source held changes that are in no commit; it must be clean",
            )
            .hint("git commit -a && bulla ship .   builds what the commit holds"));
        }
        None => {
            return Err(Reason::new(
                code::PREDICATE,
                "provenance does not say whether the source was clean (internalParameters.source.dirty)",
            ));
        }
    }
    let commit = read.commit().ok_or_else(|| {
        Reason::new(
            code::COMMIT,
            "provenance names no commit in resolvedDependencies[0].digest.gitCommit",
        )
    })?;
    if !rule.repositories.is_empty() {
        let repository = read.repository().unwrap_or_default();
        if !rule.repositories.iter().any(|p| p.matches(repository)) {
            let allowed: Vec<_> = rule.repositories.iter().map(ToString::to_string).collect();
            return Err(Reason::new(
                code::REPOSITORY,
                format!(
                    "source comes from {:?}, allowed is {}",
                    clean(repository),
                    any_of(&allowed)
                ),
            ));
        }
    }
    let signature = state.and_then(|s| s.signature).ok_or_else(|| {
        Reason::new(
            code::PREDICATE,
            "provenance does not say whether the commit is signed (internalParameters.source.signature)",
        )
    })?;
    let short_commit: String = commit.chars().take(12).collect();
    let wanted = rule.signature == SourceSignature::Required;
    match signature.status.as_str() {
        "valid" => {
            let signer = signature.signer.as_deref().unwrap_or("an allowed signer");
            Ok(Verdict::allow(format!(
                "commit {short_commit}, signed by {}",
                clean(signer)
            )))
        }
        status @ ("unsigned" | "unknown-signer") if !wanted => Ok(Verdict::allow(format!(
            "commit {short_commit}, signature: {status} (reported only)"
        ))),
        status => Err(Reason::new(
            code::SOURCE_SIGNATURE,
            format!(
                "commit {short_commit} has signature state {:?}, the policy wants {}",
                clean(status),
                if wanted {
                    "valid"
                } else {
                    "valid, unsigned or unknown-signer"
                }
            ),
        )
        .hint("git commit --amend -S && bulla ship .   with a key that allowed_signers names")),
    }
}

pub(super) fn isolation(
    case: &Case<'_>,
    rule: &Isolation,
    candidate: Option<&Candidate<'_>>,
) -> Verdict {
    let (candidate, read) = match fitting(case, &rule.authorities, candidate) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let stated = read.isolation();
    let verdict = match stated.and_then(IsolationLevel::from_name) {
        Some(level) if level >= rule.minimum => {
            Verdict::allow(format!("built in isolation level {}", level.name()))
        }
        _ => Verdict::deny(
            Reason::new(
                code::ISOLATION,
                format!(
                    "the build ran in isolation level {}, the policy wants at least {}",
                    stated.map_or_else(|| "(not stated)".into(), clean),
                    rule.minimum.name()
                ),
            )
            .hint("bulla ship .   without --isolation none"),
        ),
    };
    verdict.resting_on(candidate.attestation)
}

/// The candidate, if one of `names` signed it and it can be read.
fn fitting<'c, 'a>(
    case: &Case<'_>,
    names: &[String],
    candidate: Option<&'c Candidate<'a>>,
) -> Result<(&'c Candidate<'a>, &'c ProvenancePredicate), Verdict> {
    let fits =
        |c: &&Candidate<'_>| includes(&case.authorities(names), &c.attestation.proof().signer);
    let Some(candidate) = candidate.filter(fits) else {
        return Err(case.absent("provenance", TYPES, names));
    };
    match &candidate.read {
        Ok(read) => Ok((candidate, read)),
        Err(why) => Err(Verdict::deny(
            Reason::new(
                code::PREDICATE,
                format!(
                    "provenance for {} cannot be read: {why}",
                    short(&case.input.digest)
                ),
            )
            .hint(AGAIN),
        )
        .resting_on(candidate.attestation)),
    }
}

/// Says which builder a wrongly signed provenance pretends to come from.
fn explain_signer(case: &Case<'_>, verdict: Verdict, candidate: Option<&Candidate<'_>>) -> Verdict {
    let Some(candidate) = candidate else {
        return verdict;
    };
    let mut verdict = verdict;
    if let (Ok(read), Some(first)) = (&candidate.read, verdict.reasons.first_mut())
        && first.code.0 == code::SIGNER
    {
        let rest = first
            .text
            .rsplit_once(", but only ")
            .map(|(_, rest)| format!("only {rest} vouch for it"));
        first.text = format!(
            "provenance names {}, but it is signed by {}",
            speak_id(case.policy, &read.run_details.builder.id),
            speak(case.policy, &candidate.attestation.proof().signer)
        );
        if let Some(rest) = rest {
            verdict.reasons.insert(1, Reason::new(code::SIGNER, rest));
        }
    }
    verdict
}

fn allows(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|allowed| allowed == value)
}

/// A default for the hint.
trait HintIfNone {
    fn hint_if_none(self, hint: &str) -> Self;
}

impl HintIfNone for Reason {
    fn hint_if_none(self, hint: &str) -> Self {
        match self.hint {
            Some(_) => self,
            None => self.hint(hint),
        }
    }
}
