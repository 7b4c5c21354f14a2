//! What came of weighing signatures: who counted for whom, who is missing, why.

use bulla_core::{Code, Digest};
use serde::Serialize;

use super::{
    Place, Threshold, matching,
    signer::{Signature, SignedBy, distinct},
};
use crate::verified::Rejection;

/// The result, to be shown and to be decided by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Whether it is enough.
    pub outcome: TallyOutcome,
    /// How many signers are needed, in the alternative that came nearest.
    pub needed: usize,
    /// Who counted, and for whom.
    pub counted: Vec<Counted>,
    /// What is lacking.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Signers with more than one signature: each counted once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<Repeated>,
    /// Signers that were not needed, or not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
}

/// Whether it is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TallyOutcome {
    /// Enough distinct signers.
    Met,
    /// Something was signed, but not by enough of those who count.
    Short,
    /// Nothing was there at all.
    NoEvidence,
}

/// A signer that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// For whom.
    pub authority: String,
    /// Who it is.
    pub signer: SignedBy,
    /// The bundles that show it.
    pub evidence: Vec<Digest>,
}

/// A place that nobody took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// Whose signature would do.
    pub authorities: Vec<String>,
    /// What came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

/// A near miss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nearest {
    /// Its code.
    pub code: Code,
    /// In what it differs.
    pub text: String,
    /// The bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Digest>,
}

/// A signer with several signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repeated {
    /// Under which names; more than one where a key or a bundle was shared.
    pub signers: Vec<SignedBy>,
    /// How many signatures.
    pub signatures: usize,
}

/// A signer that did not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// Who it is.
    pub signer: SignedBy,
    /// Whether it could have counted, had it been needed.
    pub fits: bool,
}

impl Tally {
    /// Whether it is enough.
    pub fn is_met(&self) -> bool {
        self.outcome == TallyOutcome::Met
    }

    /// Why it is not enough: TRUST-0700, or TRUST-0701 where nothing was there.
    pub fn rejection(&self) -> Option<Rejection> {
        let (code, start) = match self.outcome {
            TallyOutcome::Met => return None,
            TallyOutcome::NoEvidence => ("TRUST-0701", "nobody has signed".to_owned()),
            TallyOutcome::Short => {
                let who: Vec<String> = self.counted.iter().map(|c| c.signer.to_string()).collect();
                let who = match who.as_slice() {
                    [] => String::new(),
                    who => format!(": {}", who.join(", ")),
                };
                let (have, needed) = (self.counted.len(), self.needed);
                let text = format!("{have} of {needed} distinct signers that are needed{who}");
                ("TRUST-0700", text)
            }
        };
        let missing: String = self
            .missing
            .iter()
            .map(|missing| {
                let near = missing.nearest.as_ref();
                let near = near.map(|near| format!(" ({})", near.text));
                let near = near.unwrap_or_default();
                format!("; missing {}{near}", missing.authorities.join(" or "))
            })
            .collect();
        Some(Rejection {
            code: Code(code),
            text: format!("{start}{missing}"),
            hint: Some("`bulla sign REF` as another of those who may sign".into()),
            envelope: None,
        })
    }
}

pub(super) fn judge(
    threshold: &Threshold,
    signatures: &[Signature],
    rejections: &[Rejection],
) -> Tally {
    let groups = distinct(signatures);
    let accepts = |authority: usize, group: &[usize]| -> Vec<&Signature> {
        let Some(authority) = threshold.authorities.get(authority) else {
            return Vec::new();
        };
        group
            .iter()
            .filter_map(|number| signatures.get(*number))
            .filter(|signature| authority.check(signature).is_ok())
            .collect()
    };
    let fitting: Vec<Vec<usize>> = (0..threshold.authorities.len())
        .map(|authority| {
            let fits = |(number, group): (usize, &Vec<usize>)| {
                (!accepts(authority, group).is_empty()).then_some(number)
            };
            groups.iter().enumerate().filter_map(fits).collect()
        })
        .collect();
    let fits_of = |place: &Place| -> Vec<usize> {
        let all = place.iter().filter_map(|a| fitting.get(*a)).flatten();
        let mut all: Vec<usize> = all.copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let mut best: Option<(&Vec<Place>, Vec<Option<usize>>)> = None;
    let mut lacking = 0;
    for places in &threshold.alternatives {
        let fits: Vec<Vec<usize>> = places.iter().map(fits_of).collect();
        let taken = matching::fill(&fits, groups.len());
        let lacks = taken.iter().filter(|signer| signer.is_none()).count();
        if best.is_none() || lacks < lacking {
            (best, lacking) = (Some((places, taken)), lacks);
        }
    }
    let (places, taken) = best.unzip();
    let (places, taken) = (
        places.map(Vec::as_slice).unwrap_or_default(),
        taken.unwrap_or_default(),
    );
    let mut tally = Tally {
        outcome: match (lacking, places.is_empty()) {
            (0, false) => TallyOutcome::Met,
            _ if signatures.is_empty() && rejections.is_empty() => TallyOutcome::NoEvidence,
            _ => TallyOutcome::Short,
        },
        needed: places.len(),
        counted: Vec::new(),
        missing: Vec::new(),
        repeated: Vec::new(),
        others: Vec::new(),
    };
    for (place, signer) in places.iter().zip(&taken) {
        let group = signer.and_then(|signer| groups.get(signer));
        let counted = group.and_then(|group| {
            let found = place.iter().map(|a| (*a, accepts(*a, group)));
            let (authority, evidence) = found.into_iter().find(|(_, e)| !e.is_empty())?;
            Some(Counted {
                authority: threshold.authorities.get(authority)?.name().to_owned(),
                signer: evidence.first()?.signed_by(),
                evidence: evidence.iter().map(|s| s.envelope().clone()).collect(),
            })
        });
        match counted {
            Some(counted) => tally.counted.push(counted),
            None => tally.missing.push(Missing {
                authorities: names(threshold, place),
                nearest: nearest(threshold, place, signatures, rejections),
            }),
        }
    }
    for (number, group) in groups.iter().enumerate() {
        let mut signers: Vec<SignedBy> = group
            .iter()
            .filter_map(|number| signatures.get(*number))
            .map(Signature::signed_by)
            .collect();
        signers.sort();
        signers.dedup();
        if !taken.contains(&Some(number)) {
            let fits = fitting.iter().any(|groups| groups.contains(&number));
            let others = signers.iter().cloned();
            tally
                .others
                .extend(others.map(|signer| Other { signer, fits }));
        }
        if group.len() > 1 {
            tally.repeated.push(Repeated {
                signers,
                signatures: group.len(),
            });
        }
    }
    tally
}

fn names(threshold: &Threshold, place: &Place) -> Vec<String> {
    place
        .iter()
        .filter_map(|number| threshold.authorities.get(*number))
        .map(|authority| authority.name().to_owned())
        .collect()
}

/// Of all that could have taken the place, what differs least.
fn nearest(
    threshold: &Threshold,
    place: &Place,
    signatures: &[Signature],
    rejections: &[Rejection],
) -> Option<Nearest> {
    let mut candidates: Vec<(u8, Nearest)> = Vec::new();
    let near = |rejection: &Rejection| Nearest {
        code: rejection.code,
        text: rejection.text.clone(),
        envelope: rejection.envelope.clone(),
    };
    for authority in place.iter().filter_map(|n| threshold.authorities.get(*n)) {
        for signature in signatures {
            candidates.push(match authority.check(signature) {
                Ok(()) => (
                    0,
                    Nearest {
                        code: Code("TRUST-0704"),
                        text: format!(
                            "{} has signed, and counts once however often and for whom",
                            signature.signed_by()
                        ),
                        envelope: Some(signature.envelope().clone()),
                    },
                ),
                Err((distance, rejection)) => (distance, near(&rejection)),
            });
        }
    }
    let others = rejections.iter();
    candidates.extend(others.map(|rejection| (2 * rejection.distance(), near(rejection))));
    candidates
        .into_iter()
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, nearest)| nearest)
}
