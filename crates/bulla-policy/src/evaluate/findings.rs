//! The gate on findings: nothing at or above a severity that VEX does not explain.

use bulla_core::{Outcome, Reason, Severity, statement::predicate_type};

use super::{
    case::{Case, Verdict, includes, speak},
    coverage::newest_scan,
};
use crate::{
    code,
    ir::{Findings, UnknownSeverity},
    predicate::{
        self,
        openvex::VexDocument,
        scan::{Annotation, Found},
    },
    text::clean,
};

const VEX: &[&str] = &[predicate_type::OPENVEX];
/// Findings that are named one by one.
const SHOWN: usize = 20;

pub(super) fn judge(case: &Case<'_>, rule: &Findings) -> Verdict {
    let (attestation, scan) = match newest_scan(case, &rule.authorities) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let vex = vex_documents(case, rule);
    let mut objections = Vec::new();
    let mut below = 0usize;
    for found in scan.found() {
        match weigh(case, rule, &vex, found) {
            Some(objection) => objections.extend(objection),
            None => below += 1,
        }
    }
    objections.sort_by_key(|(outcome, severity, _)| std::cmp::Reverse((*outcome, *severity)));
    let more = objections.len().saturating_sub(SHOWN);
    let verdict = objections.into_iter().take(SHOWN).fold(
        None::<Verdict>,
        |verdict, (outcome, _, reason)| {
            Some(match verdict {
                Some(verdict) => verdict.and(outcome, reason),
                None => Verdict::of(outcome, reason),
            })
        },
    );
    let verdict = match verdict {
        None => Verdict::allow(format!(
            "no finding at or above {} ({below} below)",
            rule.fail_on
        )),
        Some(verdict) if more > 0 => verdict.and(
            Outcome::Allow,
            Reason::new(code::FINDING, format!("and {more} more")),
        ),
        Some(verdict) => verdict,
    };
    verdict.resting_on(attestation)
}

type Objection = (Outcome, Severity, Reason);

/// `None` if the finding is below the gate; else one objection for each package.
fn weigh(
    case: &Case<'_>,
    rule: &Findings,
    vex: &[(String, VexDocument)],
    found: &Found,
) -> Option<Vec<Objection>> {
    let id = clean(&found.id);
    let hint = format!("bulla scan explain {id}");
    let severity = match found.worst() {
        Ok(severity) => severity,
        Err(score) => {
            let text = format!("{id} has a severity that cannot be read: {score}");
            return Some(vec![(
                Outcome::Deny,
                Severity::Critical,
                Reason::new(code::PREDICATE, text).hint(hint),
            )]);
        }
    };
    let outcome = match severity {
        Severity::Unknown if rule.unknown_severity == UnknownSeverity::Warn => Outcome::Warn,
        Severity::Unknown => Outcome::Deny,
        severity if severity >= rule.fail_on => Outcome::Deny,
        _ => return None,
    };
    let nowhere = [Annotation::default()];
    let places = if found.annotations.is_empty() {
        nowhere.as_slice()
    } else {
        found.annotations.as_slice()
    };
    let weighed = places.iter().map(|place| {
        if let Some((who, why)) = cleared(case, vex, found, place) {
            let text = format!("{id} ({severity}) does not affect the image, says {who}: {why}");
            return (
                Outcome::Warn,
                severity,
                Reason::new(code::FINDING, text).hint(hint.clone()),
            );
        }
        let package = place
            .purl
            .as_deref()
            .map_or_else(String::new, |purl| format!(" in {}", clean(purl)));
        let mends = match &place.fixed_in {
            Some(version) => format!("{} mends it", clean(version)),
            None => "no version mends it yet".into(),
        };
        let text = match severity {
            Severity::Unknown => format!("{id}{package} has no stated severity; {mends}"),
            _ => format!(
                "{id}{package} is {severity}, the gate is {}; {mends}",
                rule.fail_on
            ),
        };
        (
            outcome,
            severity,
            Reason::new(code::FINDING, text).hint(hint.clone()),
        )
    });
    Some(weighed.collect())
}

/// Every VEX document of those who may say so, with their name. One that cannot
/// be read clears nothing.
fn vex_documents(case: &Case<'_>, rule: &Findings) -> Vec<(String, VexDocument)> {
    let authorities = case.authorities(&rule.vex);
    case.of_type(VEX)
        .filter(|a| includes(&authorities, &a.proof().signer))
        .filter_map(|a| {
            let document: VexDocument = predicate::read(&a.claim().predicate).ok()?;
            Some((speak(case.policy, &a.proof().signer), document))
        })
        .collect()
}

/// Who cleared the finding in that package and why, if the newest statement does.
/// Of several statements of the same time, one that does not clear counts.
fn cleared(
    case: &Case<'_>,
    vex: &[(String, VexDocument)],
    found: &Found,
    place: &Annotation,
) -> Option<(String, String)> {
    let names: Vec<_> = found.names().collect();
    let (_, _, who, statement) = vex
        .iter()
        .filter_map(|(who, document)| {
            let (time, statement) =
                document.newest(&names, place.purl.as_deref(), &case.input.digest)?;
            Some((time, statement.clears().is_none(), who, statement))
        })
        .max_by_key(|(time, stands, _, _)| (*time, *stands))?;
    Some((who.clone(), clean(statement.clears()?)))
}
