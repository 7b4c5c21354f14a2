//! The whole tree: one artifact, every envelope that was looked at, every check.
//!
//! The JSON form is frozen under `version`: fields are added, never changed. The
//! outcome is computed, so that it cannot disagree with what hangs below it, and
//! absence never makes it an acceptance.

use bulla_core::Digest;
use serde::Serialize;
use std::fmt;

use super::{Check, Explained, Report};
use crate::{
    threshold::{SignedBy, Tally, TallyOutcome},
    verified::{Rejection, Verified},
};

/// Envelopes that are listed; the rest is counted.
const LISTED: usize = 1_000;

/// The checks of everything that was found about one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactReport {
    /// The version of this form.
    pub version: u32,
    /// The artifact.
    pub artifact: Digest,
    /// How it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What came of it.
    pub outcome: ReportOutcome,
    /// Every envelope, in the order in which they were looked at.
    pub envelopes: Vec<EnvelopeReport>,
    /// Envelopes beyond those that are listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
    /// Who counted, where several were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Tally>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
}

/// What came of an artifact or an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportOutcome {
    /// All that was demanded is proven.
    Accepted,
    /// Nothing of the kind that was asked for is there.
    NoEvidence,
    /// What is there does not prove it.
    Rejected,
    /// Not everything could be looked at, and what could does not suffice.
    Undecided,
}

/// The checks of one envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvelopeReport {
    /// SHA-256 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Digest>,
    /// Where it was found.
    #[serde(flatten)]
    pub label: Label,
    /// What came of it; `no-evidence` where it is of a type that was not asked for.
    pub outcome: ReportOutcome,
    /// Who signed, where that is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignedBy>,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Where an envelope was found, and what it says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// In which layout.
    pub layout: Layout,
    /// Its file, tag or descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The predicate type, claimed where the envelope was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
}

/// How an envelope is attached to its artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// A file beside it.
    #[default]
    File,
    /// A manifest that refers to it.
    Referrer,
    /// A layer under a tag named after it: the old layout.
    Tag,
}

impl ArtifactReport {
    /// A report about an artifact, of which nothing is known yet.
    pub fn new(artifact: &Digest) -> Self {
        Self {
            version: 1,
            artifact: artifact.clone(),
            reference: None,
            outcome: ReportOutcome::NoEvidence,
            envelopes: Vec::new(),
            more: 0,
            threshold: None,
            gaps: Vec::new(),
        }
    }

    /// How the artifact was asked for.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// An envelope that proves what was asked.
    pub fn accepted<T, P: Explained>(&mut self, verified: &Verified<T, P>, label: Label) {
        let mut envelope = proven(verified, label);
        envelope.outcome = ReportOutcome::Accepted;
        self.push(envelope);
    }

    /// An envelope that is proven, but of a type that was not asked for.
    pub fn not_asked_for<T, P: Explained>(&mut self, verified: &Verified<T, P>, label: Label) {
        self.push(proven(verified, label));
    }

    /// An envelope that was not accepted.
    pub fn rejected(&mut self, rejection: &Rejection, label: Label) {
        self.push(EnvelopeReport {
            envelope: rejection.envelope.clone(),
            label,
            outcome: match rejection.is_undecidable() {
                true => ReportOutcome::Undecided,
                false => ReportOutcome::Rejected,
            },
            signer: None,
            checks: Report::rejected(rejection).checks,
        });
    }

    /// Something that could not be looked at.
    pub fn gap(&mut self, what: impl Into<String>) {
        self.gaps.push(what.into());
        self.decide();
    }

    /// Who counted: from here on the tally decides, not the single envelope.
    pub fn threshold(&mut self, tally: Tally) {
        self.threshold = Some(tally);
        self.decide();
    }

    fn push(&mut self, envelope: EnvelopeReport) {
        if self.envelopes.len() < LISTED || envelope.outcome == ReportOutcome::Accepted {
            self.envelopes.push(envelope);
        } else {
            self.more += 1;
        }
        self.decide();
    }

    fn decide(&mut self) {
        let any = |wanted| self.envelopes.iter().any(|one| one.outcome == wanted);
        let alone = match &self.threshold {
            Some(tally) => match tally.outcome {
                TallyOutcome::Met => ReportOutcome::Accepted,
                TallyOutcome::Short => ReportOutcome::Rejected,
                TallyOutcome::NoEvidence => ReportOutcome::NoEvidence,
            },
            None if any(ReportOutcome::Accepted) => ReportOutcome::Accepted,
            None if any(ReportOutcome::Rejected) => ReportOutcome::Rejected,
            None => ReportOutcome::NoEvidence,
        };
        self.outcome = match alone {
            ReportOutcome::Accepted => alone,
            _ if !self.gaps.is_empty() || any(ReportOutcome::Undecided) => ReportOutcome::Undecided,
            _ => alone,
        };
    }
}

fn proven<T, P: Explained>(verified: &Verified<T, P>, label: Label) -> EnvelopeReport {
    let proof = verified.proof();
    EnvelopeReport {
        envelope: Some(proof.envelope().clone()),
        label,
        outcome: ReportOutcome::NoEvidence,
        signer: Some(proof.signed_by()),
        checks: proof.report().checks,
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Referrer => "referrer",
            Self::Tag => "tag",
        }
    }
}

impl ReportOutcome {
    /// A mark and a word.
    fn shown(self) -> &'static str {
        match self {
            Self::Accepted => "✓ accepted",
            Self::NoEvidence => "· no evidence",
            Self::Rejected => "✗ rejected",
            Self::Undecided => "! undecided",
        }
    }
}

impl fmt::Display for ArtifactReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.reference.as_deref().unwrap_or_default();
        writeln!(f, "{} {} {reference}", self.outcome.shown(), self.artifact)?;
        for envelope in &self.envelopes {
            envelope.fmt(f)?;
        }
        if self.more > 0 {
            writeln!(f, "  · {} more envelopes, none accepted", self.more)?;
        }
        if let Some(tally) = &self.threshold {
            show_tally(f, tally)?;
        }
        for gap in &self.gaps {
            writeln!(f, "  ! not looked at: {gap}")?;
        }
        Ok(())
    }
}

impl fmt::Display for EnvelopeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match (self.outcome, &self.signer) {
            (ReportOutcome::NoEvidence, Some(_)) => "· not asked for",
            (outcome, _) => outcome.shown(),
        };
        let kind = self.label.predicate_type.as_deref().unwrap_or("signature");
        let name = self.label.name.as_deref().unwrap_or_default();
        let place = self.label.layout.name();
        writeln!(f, "  {outcome}: {kind}, {place} {name}")?;
        let report = Report {
            accepted: self.outcome != ReportOutcome::Rejected,
            checks: self.checks.clone(),
        };
        for line in report.to_string().lines() {
            writeln!(f, "      {line}")?;
        }
        Ok(())
    }
}

fn show_tally(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    let (have, needed) = (tally.counted.len(), tally.needed);
    writeln!(f, "  {have} of {needed} distinct signers")?;
    for counted in &tally.counted {
        writeln!(f, "      ✓ {}: {}", counted.authority, counted.signer)?;
    }
    for missing in &tally.missing {
        write!(f, "      ✗ {}", missing.authorities.join(" or "))?;
        match &missing.nearest {
            Some(near) => writeln!(f, ": {} [{}]", near.text, near.code)?,
            None => writeln!(f, ": has not signed")?,
        }
    }
    for repeated in &tally.repeated {
        let names: Vec<String> = repeated.signers.iter().map(ToString::to_string).collect();
        let (names, times) = (names.join(" = "), repeated.signatures);
        writeln!(f, "      · {names} signed {times} times and counts once")?;
    }
    Ok(())
}
