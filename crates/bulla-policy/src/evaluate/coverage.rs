//! What the newest scan covered, and how old its data was.

use bulla_core::{Outcome, Reason, statement::predicate_type};
use jiff::{SignedDuration, Timestamp};

use super::case::{Attestation, Case, Verdict};
use crate::{
    code,
    ir::Coverage,
    predicate::{
        self,
        scan::{Covered, ScanPredicate},
    },
    text::clean,
};

pub(super) const TYPES: &[&str] = &[predicate_type::VULNS_V02];
const RESCAN: &str = "bulla scan REF   with advisory data for that ecosystem, or allow it in the policy (allowWithoutData)";
/// How far a date may lie ahead: dates without a time, and clocks.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The newest scan by one of `names`, read; or the verdict if there is none.
///
/// A scan that could not be fetched might be a newer one, so with a gap in the
/// evidence the question stays open.
pub(super) fn newest_scan<'a>(
    case: &Case<'a>,
    names: &[String],
) -> Result<(&'a Attestation, ScanPredicate), Verdict> {
    let Some(attestation) = case.newest(TYPES, names) else {
        return Err(case.absent("scan", TYPES, names));
    };
    if !case.evidence.gaps.is_empty() {
        return Err(Verdict {
            outcome: Outcome::Undecided,
            reasons: case.gaps("a newer scan may be missing").collect(),
            evidence: Vec::new(),
        }
        .resting_on(attestation));
    }
    match predicate::read(&attestation.claim().predicate) {
        Ok(read) => Ok((attestation, read)),
        Err(why) => Err(Verdict::deny(
            Reason::new(code::PREDICATE, format!("the scan cannot be read: {why}"))
                .hint("bulla ship .   scans and attests again"),
        )
        .resting_on(attestation)),
    }
}

pub(super) fn judge(case: &Case<'_>, rule: &Coverage) -> Verdict {
    let (attestation, scan) = match newest_scan(case, &rule.authorities) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let verdict = match &scan.coverage {
        None => Verdict::of(
            Outcome::NoEvidence,
            Reason::new(
                code::COVERAGE,
                "the scan does not say which ecosystems it covered",
            )
            .hint(RESCAN),
        ),
        Some(list) => ecosystems(rule, list),
    };
    let verdict = match age(case, rule, scan.scanner.db.last_update) {
        Some((outcome, reason)) => verdict.and(outcome, reason),
        None => verdict,
    };
    verdict.resting_on(attestation)
}

fn ecosystems(rule: &Coverage, list: &[Covered]) -> Verdict {
    let mut covered = Vec::new();
    let mut verdict: Option<Verdict> = None;
    for entry in list.iter().filter(|entry| entry.components > 0) {
        let name = clean(&entry.ecosystem);
        if entry.covered {
            covered.push(format!("{name} ({})", entry.components));
            continue;
        }
        let allowed = rule.allow_without_data.contains(&entry.ecosystem);
        let (outcome, text) = if allowed {
            (
                Outcome::Warn,
                format!(
                    "{} components of {name} were not covered; the policy allows it",
                    entry.components
                ),
            )
        } else {
            (
                Outcome::NoEvidence,
                format!(
                    "the scan had no data for {name} ({} components); the policy wants it covered",
                    entry.components
                ),
            )
        };
        let reason = Reason::new(code::COVERAGE, text).hint(RESCAN);
        verdict = Some(match verdict {
            Some(verdict) => verdict.and(outcome, reason),
            None => Verdict::of(outcome, reason),
        });
    }
    match verdict {
        Some(verdict) if covered.is_empty() => verdict,
        Some(verdict) => verdict.and(
            Outcome::Allow,
            Reason::new(code::SATISFIED, covers(&covered)),
        ),
        None if covered.is_empty() => Verdict::of(
            Outcome::Warn,
            Reason::new(
                code::COVERAGE,
                "no component of a known ecosystem, so no advisory could match",
            ),
        ),
        None => Verdict::allow(covers(&covered)),
    }
}

fn covers(covered: &[String]) -> String {
    format!("the scan covers {}", covered.join(", "))
}

fn age(case: &Case<'_>, rule: &Coverage, date: Option<Timestamp>) -> Option<(Outcome, Reason)> {
    let hint = "bulla scan REF   with newer advisory data";
    let Some(date) = date else {
        let text = "the scan does not say how old its advisory data is";
        return Some((
            Outcome::Deny,
            Reason::new(code::DATABASE_AGE, text).hint(hint),
        ));
    };
    let day = date.strftime("%Y-%m-%d");
    if date.duration_since(case.now) > AHEAD {
        let text = format!(
            "the advisory data is dated {day}, after {}",
            case.now.strftime("%Y-%m-%d")
        );
        return Some((Outcome::Deny, Reason::new(code::DATABASE_AGE, text)));
    }
    let (outcome, limit) = match (rule.max_database_age, rule.warn_database_age) {
        (Some(max), _) if max.is_exceeded(date, case.now) => (Outcome::Deny, max),
        (_, Some(warn)) if warn.is_exceeded(date, case.now) => (Outcome::Warn, warn),
        _ => return None,
    };
    let text = format!("the advisory data is of {day}, older than {limit}");
    Some((outcome, Reason::new(code::DATABASE_AGE, text).hint(hint)))
}
