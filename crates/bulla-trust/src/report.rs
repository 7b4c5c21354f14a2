//! The typed tree of checks behind `--explain` and `-o json`.
//!
//! One verification is a fixed sequence of checks; a [`Report`] names all of
//! them, in order, and says of each whether it held, failed, was waived, or was
//! not reached. It is computed from the outcome (a proof or a rejection), so that
//! verifying itself pays nothing for it. [`ArtifactReport`] hangs the reports of
//! all envelopes under the artifact that they are about.

use bulla_core::Code;
use serde::Serialize;
use std::fmt;

use crate::{
    revocation::Heeded,
    threshold::SignedBy,
    verified::{Cited, KeyProof, LogProof, Proof, Rejection},
};

mod tree;

pub use tree::{ArtifactReport, EnvelopeReport, Label, Layout, ReportOutcome};

/// The checks of one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all held.
    pub accepted: bool,
    /// Each check, in the order in which they are made.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which one.
    pub stage: Stage,
    /// How it went.
    pub outcome: CheckOutcome,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
}

/// The checks, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The bundle can be read and is within limits.
    Form,
    /// Something trusted proves when the signature was made.
    Time,
    /// The certificate chains to the root and was valid at each proven time,
    /// and was itself logged.
    Certificate,
    /// The signature is in a log that the root knows.
    Log,
    /// The signature fits, and is about this artifact.
    Signature,
    /// Nothing that it rests on is revoked; told where the instance
    /// publishes a list, or nobody says whether it does.
    Revocation,
    /// The signer is whom the caller expects.
    Signer,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It failed.
    Failed,
    /// It held.
    Held,
    /// An earlier one failed.
    NotReached,
    /// It was not demanded, and nothing was there to check.
    Skipped,
}

const STAGES: [Stage; 7] = [
    Stage::Form,
    Stage::Time,
    Stage::Certificate,
    Stage::Log,
    Stage::Signature,
    Stage::Revocation,
    Stage::Signer,
];

impl Stage {
    /// What the check is called in text.
    pub fn title(self) -> &'static str {
        match self {
            Self::Form => "bundle",
            Self::Time => "time",
            Self::Certificate => "certificate",
            Self::Log => "log",
            Self::Signature => "signature",
            Self::Revocation => "revocation",
            Self::Signer => "signer",
        }
    }

    /// The check that a rejection with this code failed.
    pub fn of(code: Code) -> Self {
        match code.0 {
            "TRUST-0013" | "TRUST-0014" | "TRUST-0017" | "TRUST-0018" | "TRUST-0019"
            | "TRUST-0023" | "TRUST-0600" => Self::Time,
            "TRUST-0010" | "TRUST-0011" | "TRUST-0012" | "TRUST-0015" => Self::Certificate,
            "TRUST-0020" | "TRUST-0021" | "TRUST-0022" | "TRUST-0024" | "TRUST-0025"
            | "TRUST-0026" | "TRUST-0027" | "TRUST-0601" => Self::Log,
            "TRUST-0030" | "TRUST-0031" | "TRUST-0032" => Self::Signature,
            "TRUST-0800" | "TRUST-0801" => Self::Revocation,
            "TRUST-0033" | "TRUST-0040" | "TRUST-0041" | "TRUST-0042" | "TRUST-0043"
            | "TRUST-0700" | "TRUST-0701" | "TRUST-0702" => Self::Signer,
            _ => Self::Form,
        }
    }
}

/// A proof that can say how it was made, and by whom.
pub trait Explained: Cited {
    /// The checks behind it.
    fn report(&self) -> Report;
    /// Who signed.
    fn signed_by(&self) -> SignedBy;
}

impl Explained for Proof {
    fn report(&self) -> Report {
        Report::accepted(self)
    }

    fn signed_by(&self) -> SignedBy {
        SignedBy::Identity(self.signer.clone())
    }
}

impl Explained for KeyProof {
    fn report(&self) -> Report {
        Report::accepted_with_key(self)
    }

    fn signed_by(&self) -> SignedBy {
        SignedBy::Key(self.key.clone())
    }
}

impl Check {
    fn new(stage: Stage, outcome: CheckOutcome, detail: impl Into<Option<String>>) -> Self {
        Self {
            stage,
            outcome,
            detail: detail.into(),
            code: None,
            hint: None,
            parts: Vec::new(),
        }
    }

    fn held(stage: Stage, detail: impl Into<String>, parts: Vec<String>) -> Self {
        Self {
            parts,
            ..Self::new(stage, CheckOutcome::Held, Some(detail.into()))
        }
    }

    fn skipped(stage: Stage, why: &str) -> Self {
        Self::new(stage, CheckOutcome::Skipped, Some(why.to_owned()))
    }

    fn times(times: &[jiff::Timestamp]) -> Self {
        if times.is_empty() {
            return Self::skipped(Stage::Time, "no time is proven, and none was demanded");
        }
        let shown = times.iter().map(ToString::to_string).collect();
        Self::held(Stage::Time, format!("{} proven", times.len()), shown)
    }

    /// Nothing, where the instance publishes no list.
    fn unrevoked(revocation: &Heeded) -> Option<Self> {
        if revocation.not_looked_at {
            let why = "not looked at: the root in a file says nothing of it; name a list with --revocations FILE";
            return Some(Self::skipped(Stage::Revocation, why));
        }
        let text = format!("not revoked by list number {}", revocation.list?);
        let taken_back = revocation.withdrawn.iter().map(|one| {
            let (target, at, reason) = (&one.target, one.at, &one.reason);
            format!("{target} was revoked until {at}: {reason}")
        });
        Some(Self::held(Stage::Revocation, text, taken_back.collect()))
    }

    fn log(log: Option<&LogProof>) -> Self {
        let Some(log) = log else {
            return Self::skipped(Stage::Log, "not logged, and no log was demanded");
        };
        let (index, size) = (log.index, log.tree_size);
        let text = match size {
            0 => format!("entry {index} of {}, promised", log.log),
            size => format!("entry {index} of {}, tree size {size}", log.log),
        };
        let witnesses = log.witnesses.iter();
        Self::held(
            Stage::Log,
            text,
            witnesses
                .map(|name| format!("witnessed by {name}"))
                .collect(),
        )
    }
}

impl Report {
    /// The checks behind a proof.
    pub fn accepted(proof: &Proof) -> Self {
        let logged = if proof.sct {
            "was logged itself"
        } else {
            "whether it was logged itself was not demanded"
        };
        let mut signer = vec![
            format!("issuer {}", proof.signer.issuer),
            format!("root {}", proof.signer.root.0),
        ];
        let claims = proof.claims.iter();
        signer.extend(claims.map(|(claim, value)| format!("{} {value}", claim.name())));
        Self::of(
            vec![
                Check::held(Stage::Form, proof.envelope.to_string(), Vec::new()),
                Check::times(&proof.times),
                Check::held(
                    Stage::Certificate,
                    proof.certificate.to_string(),
                    vec!["chains to the root".into(), logged.into()],
                ),
                Check::log(proof.log.as_ref()),
                Check::held(
                    Stage::Signature,
                    "fits the artifact, the certificate and the log entry",
                    Vec::new(),
                ),
                Check::held(Stage::Signer, proof.signer.subject.clone(), signer),
            ],
            &proof.revocation,
        )
    }

    /// All held, revocation as well as it is known.
    fn of(mut checks: Vec<Check>, revocation: &Heeded) -> Self {
        if let Some(check) = Check::unrevoked(revocation) {
            checks.insert(checks.len().saturating_sub(1), check);
        }
        Self {
            accepted: true,
            checks,
        }
    }

    /// The checks behind a proof by a key that the caller named.
    pub fn accepted_with_key(proof: &KeyProof) -> Self {
        Self::of(
            vec![
                Check::held(Stage::Form, proof.envelope.to_string(), Vec::new()),
                Check::times(&proof.times),
                Check::skipped(Stage::Certificate, "signed with a key, which has none"),
                Check::log(proof.log.as_ref()),
                Check::held(
                    Stage::Signature,
                    "fits the artifact and the key",
                    Vec::new(),
                ),
                Check::held(Stage::Signer, format!("key {}", proof.key), Vec::new()),
            ],
            &proof.revocation,
        )
    }

    /// The checks up to the one that failed.
    pub fn rejected(rejection: &Rejection) -> Self {
        let failed = Stage::of(rejection.code);
        let check = |stage: Stage| {
            let outcome = match stage.cmp(&failed) {
                std::cmp::Ordering::Less => CheckOutcome::Held,
                std::cmp::Ordering::Equal => CheckOutcome::Failed,
                std::cmp::Ordering::Greater => CheckOutcome::NotReached,
            };
            let mut check = Check::new(stage, outcome, None);
            if check.outcome == CheckOutcome::Failed {
                check.detail = Some(rejection.text.clone());
                check.code = Some(rejection.code);
                check.hint.clone_from(&rejection.hint);
            }
            check
        };
        Self {
            accepted: false,
            checks: STAGES
                .into_iter()
                .filter(|stage| *stage != Stage::Revocation || failed == Stage::Revocation)
                .map(check)
                .collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = match check.outcome {
                CheckOutcome::Held => "ok",
                CheckOutcome::Failed => "FAILED",
                CheckOutcome::NotReached => "-",
                CheckOutcome::Skipped => "skipped",
            };
            write!(f, "{:<12} {mark:<8}", check.stage.title())?;
            if let Some(detail) = &check.detail {
                write!(f, "{detail}")?;
            }
            if let Some(code) = check.code {
                write!(f, " [{code}]")?;
            }
            writeln!(f)?;
            for part in &check.parts {
                writeln!(f, "{:<21}{part}", "")?;
            }
            if let Some(hint) = &check.hint {
                writeln!(f, "{:<21}→ {hint}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
