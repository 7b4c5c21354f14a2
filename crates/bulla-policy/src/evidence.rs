//! What a decision is about, and what it rests on.

use bulla_core::{Digest, Reason, Reference, Statement, limits};
use bulla_trust::{Rejection, TrustRoot, Verified, report::Stage as Check};
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Borrow;

use crate::code;

mod seal;

pub use seal::{OldLayer, Seal};

/// Where in the chain a decision is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A workload wants to run.
    Admission,
    /// Something is built.
    Build,
    /// Something is pushed.
    Registry,
    /// Something already runs.
    Runtime,
    /// Something is signed.
    Sign,
    /// Source is read.
    Source,
}

impl Stage {
    /// Its name in commands and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Build => "build",
            Self::Registry => "registry",
            Self::Runtime => "runtime",
            Self::Sign => "sign",
            Self::Source => "source",
        }
    }
}

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What was asked for, as it was written.
    pub requested: Reference,
    /// What that was resolved to, once; everything else goes by this.
    pub digest: Digest,
    /// Where.
    pub stage: Stage,
}

/// What is known about it. Nothing in here is taken on trust.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Statements whose signatures were verified in this process.
    pub attestations: Vec<Verified<Statement>>,
    /// Seals that were there and did not verify.
    pub rejections: Vec<Rejected>,
    /// What could not be had or looked at. A rule that would need it is
    /// undecided, never satisfied by its absence.
    pub gaps: Vec<Reason>,
}

/// A seal that did not verify, and what it claimed to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Why.
    pub rejection: Rejection,
    /// The predicate type that it claims, unproven: it only says to which rule
    /// the rejection is told. `None` if the seal could not be read.
    pub claims: Option<String>,
}

impl Evidence {
    /// Verifies every seal about `digest`, each under the first of `roots` that
    /// accepts it. Roots are tried one by one and never merged.
    pub fn collect<R: Borrow<TrustRoot>>(
        roots: &[R],
        seals: &[Seal],
        digest: &Digest,
        now: Timestamp,
    ) -> Self {
        let mut evidence = Self::default();
        for seal in seals.iter().take(limits::REFERRERS) {
            match verify_under(roots, seal, digest, now) {
                Ok(attestation) => evidence.attestations.push(attestation),
                Err(rejection) => {
                    if rejection.is_undecidable() {
                        let reason = Reason::new(rejection.code.0, rejection.text.clone());
                        evidence.gaps.push(reason);
                    }
                    evidence.rejections.push(Rejected {
                        claims: seal.claims(),
                        rejection,
                    });
                }
            }
        }
        if seals.len() > limits::REFERRERS {
            let (found, most) = (seals.len(), limits::REFERRERS);
            let text = format!("{found} seals hang on the image; only {most} are looked at");
            evidence.gaps.push(Reason::new(code::INCOMPLETE, text));
        }
        evidence
    }
}

/// Of several rejections, the one of the root under which the seal came furthest.
fn verify_under<R: Borrow<TrustRoot>>(
    roots: &[R],
    seal: &Seal,
    digest: &Digest,
    now: Timestamp,
) -> Result<Verified<Statement>, Rejection> {
    let mut furthest: Option<Rejection> = None;
    for root in roots {
        match seal.verify(root.borrow(), digest, now) {
            Ok(attestation) => return Ok(attestation),
            Err(rejection) => {
                let reached = |r: &Rejection| Check::of(r.code);
                if furthest
                    .as_ref()
                    .is_none_or(|f| reached(&rejection) > reached(f))
                {
                    furthest = Some(rejection);
                }
            }
        }
    }
    Err(furthest.unwrap_or_else(|| Rejection {
        code: bulla_core::Code(code::ROOT),
        text: "there is no trust root to verify it with".into(),
        hint: Some("bulla trust show   prints the roots that are known".into()),
        envelope: Some(seal.digest()),
    }))
}

#[cfg(test)]
mod tests;
