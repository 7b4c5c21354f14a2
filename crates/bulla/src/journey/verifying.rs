//! Collect, verify, judge, for whoever names the signers: both layouts, files,
//! keys and identities.
//!
//! What a policy decides goes through `evidence.rs`; here a person or a script
//! said whose signature counts. Filters come first: where one leaves nothing
//! there is nothing to verify, and that is never success.

use bulla_core::{Digest, Outcome, Reason};
use bulla_crypto::PublicKey;
use bulla_trust::{
    Rejection,
    predicate::PredicateType,
    report::ArtifactReport,
    sigstore::{Artifact, IdentityExpectation, Requirements, Verification},
    threshold::{Authority, Signature, Tally, TallyOutcome, Threshold},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

use super::place::Trusted;
use crate::failure::{Exit, Failure, OrFail};

mod candidate;
mod check;
mod collect;
mod file;
mod image;
mod said;
mod which;

pub use candidate::{Candidate, Seal};
pub use collect::{Collected, collect};
pub use file::{FileAnswer, FileQuestion, file};
pub use image::{Answer, Question, image};
pub use said::{NOT_LOOKED_AT, Said};
pub use which::{Member, Which, within};

/// Somebody whose signature counts, by the name that the person gave them.
#[derive(Clone, Debug)]
pub enum Signer {
    /// A key.
    Key(String, PublicKey),
    /// Somebody whom the root vouches for.
    Identity(String, IdentityExpectation),
}

impl Signer {
    fn authority(&self) -> Authority {
        match self {
            Self::Key(name, key) => Authority::key(name, key.id()),
            Self::Identity(name, expected) => Authority::identity(name, expected.clone()),
        }
    }
}

/// What a seal must say to be counted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// That the artifact is signed.
    Signature,
    /// Anything, or a statement of this type.
    Statement(Option<PredicateType>),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signature => f.write_str("signature"),
            Self::Statement(None) => f.write_str("attestation"),
            Self::Statement(Some(kind)) => write!(f, "attestation of type {}", kind.uri()),
        }
    }
}

/// What must hold.
pub struct Demand {
    signers: Vec<Signer>,
    threshold: usize,
    trusted: Trusted,
    requirements: Requirements,
    wanted: Wanted,
    annotations: BTreeMap<String, String>,
    as_of: Timestamp,
}

impl Demand {
    /// Signatures by so many of these.
    pub fn new(
        signers: Vec<Signer>,
        threshold: usize,
        trusted: Trusted,
        requirements: Requirements,
    ) -> Self {
        // A name means nothing without the root that vouches for it.
        let root = trusted.root().id();
        let under = |signer| match signer {
            Signer::Identity(name, expected) => {
                Signer::Identity(name, expected.under(root.clone()))
            }
            key => key,
        };
        Self {
            signers: signers.into_iter().map(under).collect(),
            threshold,
            trusted,
            requirements,
            wanted: Wanted::Signature,
            annotations: BTreeMap::new(),
            as_of: Timestamp::now(),
        }
    }

    /// Judged as of then.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.as_of = time;
        self
    }

    /// Counts only what says this.
    #[must_use]
    pub fn wanting(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Counts only signatures with these annotations.
    #[must_use]
    pub fn annotated(mut self, annotations: BTreeMap<String, String>) -> Self {
        self.annotations = annotations;
        self
    }

    /// What is wanted.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

/// What came out.
pub struct Judged {
    /// What counts.
    pub accepted: Vec<Said>,
    /// What does not, and why.
    pub rejections: Vec<Rejection>,
    /// Who signed, and who is missing.
    pub tally: Tally,
    /// Every check of every seal.
    pub report: ArtifactReport,
    /// What was wanted, for a person.
    wanted: String,
    /// What is there, and was not wanted.
    passed_over: BTreeSet<String>,
}

impl Judged {
    /// Allow, deny, or nothing to verify; what could not be read makes the
    /// last one undecided.
    pub fn outcome(&self, gaps: &[Reason]) -> Outcome {
        match self.tally.outcome {
            TallyOutcome::Met => Outcome::Allow,
            // A signature that may or may not be revoked could make it enough.
            TallyOutcome::Short if self.rejections.iter().any(Rejection::is_undecidable) => {
                Outcome::Undecided
            }
            TallyOutcome::Short => Outcome::Deny,
            TallyOutcome::NoEvidence if gaps.is_empty() => Outcome::NoEvidence,
            TallyOutcome::NoEvidence => Outcome::Undecided,
        }
    }

    /// Why it is not accepted: of one signer the nearest miss, of several who is
    /// missing.
    pub fn failure(&self, on: String, gaps: &[Reason]) -> Option<Failure> {
        let exit = Exit::from(self.outcome(gaps));
        if exit == Exit::Allowed {
            return None;
        }
        let mut misses: Vec<_> = self.rejections.iter().collect();
        misses.sort_by_key(|one| one.distance());
        let mut misses = misses.into_iter();
        let first = match self.tally.needed {
            0 | 1 => misses.next().cloned(),
            _ => None,
        };
        let mut failure = match first.or_else(|| self.tally.rejection()) {
            Some(first) if self.tally.outcome != TallyOutcome::NoEvidence => {
                Failure::from_error(exit, &first)
            }
            _ => self.nothing(exit),
        };
        for other in misses.take(3) {
            failure = failure.line(format!("{}   [{}]", other.text, other.code));
        }
        for gap in gaps.iter().take(3) {
            failure = failure.line(format!("{}   [{}]", gap.text, gap.code));
        }
        Some(failure.on(on))
    }
}

impl Judged {
    /// Why there is nothing to verify: what was wanted, and what is there instead.
    fn nothing(&self, exit: Exit) -> Failure {
        let wanted = &self.wanted;
        let failure = Failure::new(exit, "CLI-0070", format!("there is no {wanted}"));
        let there: Vec<&str> = self.passed_over.iter().map(String::as_str).collect();
        match there.as_slice() {
            [] => failure.hint("bulla sign REF signs it, bulla attest REF says something about it"),
            there => failure
                .line(format!("what is there: {}", there.join(", ")))
                .hint("bulla verify-attestation REF --type TYPE verifies what is there"),
        }
    }
}

/// What the seals are about.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// An image, by the digest of its manifest.
    Image(&'a Digest),
    /// A file, and its digest.
    File(Artifact<'a>, &'a Digest),
}

impl Subject<'_> {
    fn digest(&self) -> &Digest {
        match self {
            Self::Image(digest) | Self::File(_, digest) => digest,
        }
    }

    /// What a statement has to be about: of a file its bytes, where they are
    /// known, since a statement may name it by other digests than ours.
    fn artifact(&self) -> Artifact<'_> {
        match self {
            Self::Image(digest) => Artifact::Digest(digest),
            Self::File(artifact, _) => *artifact,
        }
    }

    fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }
}

/// Verifies every candidate, and judges them together.
///
/// # Errors
/// If the demand cannot be met by anybody.
pub fn judge(
    collected: &Collected,
    subject: Subject<'_>,
    demand: &Demand,
) -> Result<Judged, Failure> {
    let authorities = demand.signers.iter().map(Signer::authority).collect();
    let threshold = Threshold::at_least(demand.threshold, authorities).or_usage()?;
    let verification = Verification::new(demand.trusted.root(), demand.as_of)
        .requiring(demand.requirements.clone());
    let mut report = ArtifactReport::new(subject.digest());
    let (mut accepted, mut rejections) = (Vec::new(), Vec::new());
    let mut passed_over = BTreeSet::new();
    for candidate in &collected.candidates {
        if !candidate.claims(&demand.wanted, subject.is_file()) {
            passed_over.insert(candidate.kind().to_owned());
            continue;
        }
        let verified = check::verify(&verification, candidate, subject, demand)
            .and_then(|said| said.says(&demand.wanted, subject.is_file()).map(|()| said))
            .and_then(|said| said.is_by_one_of(&demand.signers).map(|()| said))
            .and_then(|said| said.has(&demand.annotations).map(|()| said));
        match verified {
            Ok(said) => {
                said.tell(&mut report, &candidate.label);
                accepted.push(said);
            }
            Err(rejection) => {
                report.rejected(&rejection, candidate.label.clone());
                rejections.push(rejection);
            }
        }
    }
    let signatures: Vec<Signature> = accepted.iter().map(Said::signature).collect();
    let tally = threshold.judge(&signatures, &rejections);
    for gap in &collected.gaps {
        report.gap(format!("{}   [{}]", gap.text, gap.code));
    }
    report.threshold(tally.clone());
    Ok(Judged {
        accepted,
        rejections,
        tally,
        report,
        wanted: demand.wanted.to_string(),
        passed_over,
    })
}
