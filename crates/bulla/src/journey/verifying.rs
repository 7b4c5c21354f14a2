//! Collect, verify, judge, for whoever names the signers: both layouts, files,
//! keys and identities.
//!
//! What a policy decides goes through `evidence.rs`; here a person or a script
//! said whose signature counts. Filters come first: where one leaves nothing
//! there is nothing to verify, and that is never success.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, Outcome, Reason, statement::predicate_type::COSIGN_SIGN_V1};
use bulla_crypto::PublicKey;
use bulla_trust::{
    Rejection,
    predicate::PredicateType,
    report::{ArtifactReport, Label, Layout},
    sigstore::{Artifact, IdentityExpectation, Requirements, UnverifiedBundle, Verification},
    threshold::{Authority, Signature, Tally, TallyOutcome, Threshold},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::place::Trusted;
use crate::failure::{Exit, Failure, OrFail};

mod check;
mod collect;
mod file;
mod image;
mod said;

pub use collect::{Collected, collect};
pub use file::{FileAnswer, FileQuestion, file};
pub use image::{Answer, Question, image};
pub use said::Said;

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

/// What must hold.
pub struct Demand {
    signers: Vec<Signer>,
    threshold: usize,
    trusted: Trusted,
    requirements: Requirements,
    wanted: Wanted,
    annotations: BTreeMap<String, String>,
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
        }
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

/// A seal, not verified.
#[derive(Clone, Debug)]
pub enum Seal {
    /// A Sigstore bundle.
    Bundle(Vec<u8>),
    /// A layer of a `.sig` manifest.
    OldSignature(Vec<u8>, BTreeMap<String, String>),
    /// A layer of an `.att` manifest.
    OldAttestation(Vec<u8>, BTreeMap<String, String>),
}

/// A seal, and where it was found.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where.
    pub label: Label,
    /// The seal.
    pub seal: Seal,
}

impl Candidate {
    /// A candidate that was found there under that name.
    pub fn new(layout: Layout, name: String, seal: Seal) -> Self {
        let name = Some(name);
        let predicate_type = claimed_type(&seal);
        let label = Label {
            layout,
            name,
            predicate_type,
        };
        Self { label, seal }
    }

    /// Whether it says of itself that it is of that kind.
    pub fn claims(&self, wanted: &Wanted) -> bool {
        claims_to_be_wanted(self, false, wanted)
    }

    /// It as one JSON document, not verified.
    pub fn document(&self) -> Value {
        let text = |bytes: &[u8]| match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        };
        match &self.seal {
            Seal::Bundle(bytes) => text(bytes),
            Seal::OldSignature(payload, annotations) => json!({
                "payload": STANDARD.encode(payload), "annotations": annotations,
            }),
            Seal::OldAttestation(envelope, annotations) => json!({
                "envelope": text(envelope), "annotations": annotations,
            }),
        }
    }
}

/// One seal that counts.
pub struct Accepted {
    /// Where it was found, by index into the candidates.
    pub candidate: usize,
    /// What it says.
    pub said: Said,
}

/// What came out.
pub struct Judged {
    /// What counts.
    pub accepted: Vec<Accepted>,
    /// What does not, and why.
    pub rejections: Vec<Rejection>,
    /// Who signed, and who is missing.
    pub tally: Tally,
    /// Every check of every seal.
    pub report: ArtifactReport,
}

impl Judged {
    /// Allow, deny, or nothing to verify; what could not be read makes the
    /// last one undecided.
    pub fn outcome(&self, gaps: &[Reason]) -> Outcome {
        match self.tally.outcome {
            TallyOutcome::Met => Outcome::Allow,
            TallyOutcome::Short => Outcome::Deny,
            TallyOutcome::NoEvidence if gaps.is_empty() => Outcome::NoEvidence,
            TallyOutcome::NoEvidence => Outcome::Undecided,
        }
    }

    /// Why it is not accepted, the nearest miss first.
    pub fn failure(&self, on: String, gaps: &[Reason]) -> Option<Failure> {
        let exit = Exit::from(self.outcome(gaps));
        if exit == Exit::Allowed {
            return None;
        }
        let mut misses: Vec<_> = self.rejections.iter().collect();
        misses.sort_by_key(|one| one.distance());
        let mut failure = match (self.tally.rejection(), misses.first()) {
            (Some(short), _) if exit != Exit::Denied || misses.is_empty() => {
                Failure::from_error(exit, &short)
            }
            (_, Some(first)) => Failure::from_error(exit, *first),
            (short, None) => {
                let text = short.map_or_else(|| "nothing counts".into(), |one| one.text);
                Failure::new(exit, "CLI-0070", text)
            }
        };
        for other in misses.iter().skip(1).take(3) {
            failure = failure.line(format!("{}   [{}]", other.text, other.code));
        }
        for gap in gaps.iter().take(3) {
            failure = failure.line(format!("{}   [{}]", gap.text, gap.code));
        }
        Some(failure.on(on))
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
    now: Timestamp,
) -> Result<Judged, Failure> {
    let authorities = demand.signers.iter().map(Signer::authority).collect();
    let threshold = Threshold::at_least(demand.threshold, authorities).or_usage()?;
    let verification =
        Verification::new(demand.trusted.root(), now).requiring(demand.requirements.clone());
    let mut report = ArtifactReport::new(subject.digest());
    let (mut accepted, mut rejections) = (Vec::new(), Vec::new());
    for (index, candidate) in collected.candidates.iter().enumerate() {
        if !claims_to_be_wanted(candidate, subject.is_file(), &demand.wanted) {
            continue;
        }
        let verified = check::verify(&verification, candidate, subject, demand)
            .and_then(|said| said.is_by_one_of(&demand.signers).map(|()| said))
            .and_then(|said| said.has(&demand.annotations).map(|()| said));
        match verified {
            Ok(said) => {
                said.tell(&mut report, &candidate.label);
                let candidate = index;
                accepted.push(Accepted { candidate, said });
            }
            Err(rejection) => {
                report.rejected(&rejection, candidate.label.clone());
                rejections.push(rejection);
            }
        }
    }
    let signatures: Vec<Signature> = accepted.iter().map(|one| one.said.signature()).collect();
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
    })
}

/// The predicate type that a seal claims, where it says something at all.
fn claimed_type(seal: &Seal) -> Option<String> {
    match seal {
        Seal::OldSignature(..) => None,
        Seal::OldAttestation(_, annotations) => annotations.get("predicateType").cloned(),
        Seal::Bundle(bytes) => {
            let statement = UnverifiedBundle::parse(bytes).and_then(|bundle| bundle.statement());
            statement.ok().map(|statement| statement.predicate_type)
        }
    }
}

/// Whether a seal says of itself that it is of the wanted kind. What cannot be
/// read is kept, so that it is rejected and told (rule R3).
fn claims_to_be_wanted(candidate: &Candidate, is_file: bool, wanted: &Wanted) -> bool {
    let is_signature = match &candidate.seal {
        Seal::OldSignature(..) => true,
        Seal::OldAttestation(..) => false,
        Seal::Bundle(bytes) => check::is_signature(bytes),
    };
    if is_signature {
        return matches!(wanted, Wanted::Signature);
    }
    match (wanted, &candidate.label.predicate_type) {
        (_, None) => true,
        // A statement about a file speaks for it as a signature does.
        (Wanted::Signature, Some(kind)) => is_file || kind == COSIGN_SIGN_V1,
        (Wanted::Statement(None), Some(kind)) => kind != COSIGN_SIGN_V1,
        (Wanted::Statement(Some(wanted)), Some(kind)) => wanted.accepts(kind),
    }
}
