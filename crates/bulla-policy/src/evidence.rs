//! What a decision is about, and what it rests on.

use bulla_core::{Digest, Reason, Reference, Statement};
use bulla_trust::{Rejection, Verified};
use serde::Serialize;

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
    /// Bundles that were there and did not verify.
    pub rejections: Vec<Rejection>,
    /// What could not be had or looked at. A rule that would need it is
    /// undecided, never satisfied by its absence.
    pub gaps: Vec<Reason>,
}
