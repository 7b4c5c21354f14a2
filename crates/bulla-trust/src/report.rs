//! The typed tree of checks behind `--explain` and `-o json`.
//!
//! One verification is a fixed sequence of checks; the tree names all of them,
//! in order, and says of each whether it held, failed, or was not reached. It is
//! computed from the outcome (a proof or a rejection), so that verifying itself
//! pays nothing for it.

use bulla_core::Code;
use serde::Serialize;
use std::fmt;

use crate::verified::{Proof, Rejection};

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
}

const STAGES: [Stage; 6] = [
    Stage::Form,
    Stage::Time,
    Stage::Certificate,
    Stage::Log,
    Stage::Signature,
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
            Self::Signer => "signer",
        }
    }

    /// The check that a rejection with this code failed.
    pub fn of(code: Code) -> Self {
        match code.0 {
            "TRUST-0013" | "TRUST-0014" | "TRUST-0017" | "TRUST-0018" | "TRUST-0019"
            | "TRUST-0023" => Self::Time,
            "TRUST-0010" | "TRUST-0011" | "TRUST-0012" | "TRUST-0015" => Self::Certificate,
            "TRUST-0020" | "TRUST-0021" | "TRUST-0022" | "TRUST-0024" | "TRUST-0025"
            | "TRUST-0026" | "TRUST-0027" => Self::Log,
            "TRUST-0030" | "TRUST-0031" | "TRUST-0032" => Self::Signature,
            "TRUST-0033" | "TRUST-0040" | "TRUST-0041" | "TRUST-0042" | "TRUST-0043"
            | "TRUST-0700" | "TRUST-0701" | "TRUST-0702" => Self::Signer,
            _ => Self::Form,
        }
    }
}

impl Report {
    /// The checks behind a proof.
    pub fn accepted(proof: &Proof) -> Self {
        let held = |stage, detail: String, parts| Check {
            stage,
            outcome: CheckOutcome::Held,
            detail: Some(detail),
            code: None,
            hint: None,
            parts,
        };
        let times = proof.times.iter().map(ToString::to_string).collect();
        let log = match &proof.log {
            Some(log) => format!(
                "entry {} of {}, tree size {}",
                log.index, log.log, log.tree_size
            ),
            None => "not logged".into(),
        };
        let signer = vec![
            format!("issuer {}", proof.signer.issuer),
            format!("root {}", proof.signer.root.0),
        ];
        Self {
            accepted: true,
            checks: vec![
                held(Stage::Form, proof.envelope.to_string(), Vec::new()),
                held(Stage::Time, format!("{} proven", proof.times.len()), times),
                held(
                    Stage::Certificate,
                    proof.certificate.to_string(),
                    vec!["chains to the root".into(), "was logged itself".into()],
                ),
                held(Stage::Log, log, Vec::new()),
                held(
                    Stage::Signature,
                    "fits the artifact, the certificate and the log entry".into(),
                    Vec::new(),
                ),
                held(Stage::Signer, proof.signer.subject.clone(), signer),
            ],
        }
    }

    /// The checks up to the one that failed.
    pub fn rejected(rejection: &Rejection) -> Self {
        let failed = Stage::of(rejection.code);
        let check = |stage: Stage| {
            let mut check = Check {
                stage,
                outcome: match stage.cmp(&failed) {
                    std::cmp::Ordering::Less => CheckOutcome::Held,
                    std::cmp::Ordering::Equal => CheckOutcome::Failed,
                    std::cmp::Ordering::Greater => CheckOutcome::NotReached,
                },
                detail: None,
                code: None,
                hint: None,
                parts: Vec::new(),
            };
            if check.outcome == CheckOutcome::Failed {
                check.detail = Some(rejection.text.clone());
                check.code = Some(rejection.code);
                check.hint.clone_from(&rejection.hint);
            }
            check
        };
        Self {
            accepted: false,
            checks: STAGES.into_iter().map(check).collect(),
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
            };
            write!(f, "{:<12} {mark:<7}", check.stage.title())?;
            if let Some(detail) = &check.detail {
                write!(f, "{detail}")?;
            }
            if let Some(code) = check.code {
                write!(f, " [{code}]")?;
            }
            writeln!(f)?;
            for part in &check.parts {
                writeln!(f, "{:<20}{part}", "")?;
            }
            if let Some(hint) = &check.hint {
                writeln!(f, "{:<20}→ {hint}", "")?;
            }
        }
        Ok(())
    }
}
