//! What every rule needs: the evidence by type and signer, and the nearest miss
//! when nothing fits.

use bulla_core::{Digest, Identity, Outcome, Reason, Statement};
use bulla_trust::Verified;
use jiff::Timestamp;

use crate::{
    code,
    evidence::{Evidence, Input, Rejected},
    ir::{Authority, Policy, SubjectRule},
    text::{any_of, clean, one_line},
};

pub(super) type Attestation = Verified<Statement>;

/// Rejected bundles that are named in one reason list.
const SHOWN: usize = 3;

/// One evaluation.
pub(super) struct Case<'a> {
    pub(super) policy: &'a Policy,
    pub(super) input: &'a Input,
    pub(super) evidence: &'a Evidence,
    pub(super) now: Timestamp,
}

/// What a rule came to.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reasons: Vec<Reason>,
    pub(super) evidence: Vec<Digest>,
}

impl Verdict {
    pub(super) fn allow(text: impl Into<String>) -> Self {
        Self::of(Outcome::Allow, Reason::new(code::SATISFIED, text))
    }

    pub(super) fn deny(reason: Reason) -> Self {
        Self::of(Outcome::Deny, reason)
    }

    pub(super) fn of(outcome: Outcome, reason: Reason) -> Self {
        Self {
            outcome,
            reasons: vec![reason],
            evidence: Vec::new(),
        }
    }

    /// Adds a reason; the outcome becomes the worse of both.
    pub(super) fn and(mut self, outcome: Outcome, reason: Reason) -> Self {
        if outcome > self.outcome {
            self.outcome = outcome;
            self.reasons.insert(0, reason);
        } else {
            self.reasons.push(reason);
        }
        self
    }

    /// Says which envelope it rests on.
    pub(super) fn resting_on(mut self, attestation: &Attestation) -> Self {
        let envelope = &attestation.proof().envelope;
        if !self.evidence.contains(envelope) {
            self.evidence.push(envelope.clone());
        }
        self
    }
}

impl<'a> Case<'a> {
    /// Statements of one of these types about the digest that is judged.
    pub(super) fn of_type<'s>(
        &'s self,
        types: &'s [&'s str],
    ) -> impl Iterator<Item = &'a Attestation> + use<'s, 'a> {
        let digest = &self.input.digest;
        self.evidence.attestations.iter().filter(move |a| {
            types.contains(&a.claim().predicate_type.as_str()) && a.claim().is_about(digest)
        })
    }

    /// The authorities of these names. A name without one cannot be: the document
    /// was refused.
    pub(super) fn authorities(&self, names: &[String]) -> Vec<&'a Authority> {
        names
            .iter()
            .filter_map(|name| self.policy.authority(name))
            .collect()
    }

    /// The newest statement of these types by these authorities. Of several that
    /// were proven at the same time, the one with the highest log index.
    pub(super) fn newest(&self, types: &[&str], names: &[String]) -> Option<&'a Attestation> {
        let authorities = self.authorities(names);
        self.of_type(types)
            .filter(|a| includes(&authorities, &a.proof().signer))
            .max_by_key(|a| age_key(a))
    }

    /// The verdict when no statement of `types` fits `names`: open if something
    /// could not be had, denied if something is there and does not fit, else no
    /// evidence.
    pub(super) fn absent(&self, what: &str, types: &[&str], names: &[String]) -> Verdict {
        let wanted = self.authorities(names);
        let miss = self
            .of_type(types)
            .map(|a| miss(self.policy, what, a, &wanted))
            .max_by_key(|(nearness, _)| *nearness)
            .map(|(_, reason)| reason);
        let rejections = self.rejected(types);
        let nothing = Reason::new(
            code::ABSENT,
            format!(
                "there is no {what} by {} for {}",
                any_of(
                    &wanted
                        .iter()
                        .map(|a| speak_authority(a))
                        .collect::<Vec<_>>()
                ),
                short(&self.input.digest)
            ),
        )
        .hint("bulla ship .   builds, scans, signs and attests");
        let mut reasons: Vec<_> = miss.into_iter().collect();
        if !self.evidence.gaps.is_empty() {
            return Verdict {
                outcome: Outcome::Undecided,
                reasons: self.gaps(what).chain(reasons).collect(),
                evidence: Vec::new(),
            };
        }
        reasons.extend(rejections);
        let outcome = if reasons.is_empty() {
            Outcome::NoEvidence
        } else {
            Outcome::Deny
        };
        if reasons.is_empty() || self.of_type(types).next().is_none() {
            reasons.push(nothing);
        }
        Verdict {
            outcome,
            reasons,
            evidence: Vec::new(),
        }
    }

    /// The rejections of bundles that claim one of these types, or that cannot be
    /// read at all.
    fn rejected(&self, types: &[&str]) -> Vec<Reason> {
        self.evidence
            .rejections
            .iter()
            .filter(|r| {
                r.claims
                    .as_deref()
                    .is_none_or(|claim| types.contains(&claim))
            })
            .take(SHOWN)
            .map(|Rejected { rejection, .. }| Reason {
                code: rejection.code,
                text: one_line(&rejection.text),
                hint: rejection.hint.as_deref().map(one_line),
            })
            .collect()
    }

    /// One reason for each thing that could not be had.
    pub(super) fn gaps(&self, what: &str) -> impl Iterator<Item = Reason> {
        let what = what.to_owned();
        self.evidence
            .gaps
            .iter()
            .take(SHOWN)
            .map(move |gap| Reason {
                code: bulla_core::Code(code::INCOMPLETE),
                text: format!("{what}: {} [{}]", one_line(&gap.text), gap.code),
                hint: gap.hint.as_deref().map(one_line),
            })
    }
}

/// Whether one of the authorities includes the signer.
pub(super) fn includes(authorities: &[&Authority], signer: &Identity) -> bool {
    authorities
        .iter()
        .any(|authority| authority.includes(signer))
}

/// By this, attestations sort oldest first.
pub(super) fn age_key(attestation: &Attestation) -> (Option<Timestamp>, Option<u64>, Digest) {
    let proof = attestation.proof();
    (
        proof.times.iter().max().copied(),
        proof.log.as_ref().map(|log| log.index),
        proof.envelope.clone(),
    )
}

/// How near a signer came, and what kept it out.
fn miss(
    policy: &Policy,
    what: &str,
    attestation: &Attestation,
    wanted: &[&Authority],
) -> (u8, Reason) {
    let signer = &attestation.proof().signer;
    let subject = speak(policy, signer);
    let hint = "bulla trust show   prints the roots and who may sign under them";
    let mut nearest: Option<(u8, Reason)> = None;
    for authority in wanted {
        for identity in &authority.identities {
            let same_root = authority.root == signer.root;
            let same_issuer = identity.issuer == signer.issuer;
            let same_subject = identity.subject.matches(&signer.subject);
            let found = match (same_root, same_issuer, same_subject) {
                (false, true, true) => (
                    3,
                    Reason::new(
                        code::ROOT,
                        format!(
                            "{what} is signed by {subject}, but under root {} instead of {}",
                            signer.root, authority.root
                        ),
                    )
                    .hint(hint),
                ),
                (true, false, true) if matches!(identity.subject, SubjectRule::Exact(_)) => (
                    2,
                    Reason::new(
                        code::ISSUER,
                        format!(
                            "{what} is signed by {subject} of issuer {}, but the policy wants issuer {}",
                            clean(&signer.issuer),
                            clean(&identity.issuer)
                        ),
                    )
                    .hint(hint),
                ),
                _ => (u8::from(same_root), stranger(what, &subject, wanted)),
            };
            if nearest
                .as_ref()
                .is_none_or(|(nearness, _)| found.0 > *nearness)
            {
                nearest = Some(found);
            }
        }
    }
    nearest.unwrap_or_else(|| (0, stranger(what, &subject, wanted)))
}

fn stranger(what: &str, subject: &str, wanted: &[&Authority]) -> Reason {
    let allowed: Vec<_> = wanted.iter().map(|a| speak_authority(a)).collect();
    Reason::new(
        code::SIGNER,
        format!(
            "{what} is signed by {subject}, but only {} may",
            any_of(&allowed)
        ),
    )
    .hint("bulla ship .   builds, signs and attests again as who may")
}

/// What to call a signer: a service of the instance by its short name.
pub(super) fn speak(policy: &Policy, signer: &Identity) -> String {
    policy
        .authorities
        .iter()
        .find(|authority| is_service(authority) && authority.includes(signer))
        .map_or_else(
            || clean(&signer.subject),
            |authority| authority.name.clone(),
        )
}

/// What to call a builder's identifier.
pub(super) fn speak_id(policy: &Policy, id: &str) -> String {
    policy
        .authorities
        .iter()
        .filter(|authority| is_service(authority))
        .find(|authority| authority.identities.iter().any(|i| i.subject.matches(id)))
        .map_or_else(|| clean(id), |authority| authority.name.clone())
}

fn is_service(authority: &Authority) -> bool {
    authority.name.starts_with("instance/")
        && authority
            .identities
            .iter()
            .all(|identity| matches!(identity.subject, SubjectRule::Exact(_)))
}

/// What to call an authority: a single person by their name.
pub(super) fn speak_authority(authority: &Authority) -> String {
    match authority.identities.as_slice() {
        [one] if !is_service(authority) => match &one.subject {
            SubjectRule::Exact(subject) => format!("{} (root {})", clean(subject), authority.root),
            SubjectRule::Pattern(_) => format!("{} (root {})", authority.name, authority.root),
        },
        _ => format!("{} (root {})", authority.name, authority.root),
    }
}

/// `sha256:` and 12 digits: for talk.
pub(super) fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm().name(), digest.short())
}
