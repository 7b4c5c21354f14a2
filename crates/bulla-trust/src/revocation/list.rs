//! The list: a statement about a trust root, and who may make it.
//!
//! Predicate version 1. The subject is the root (the SHA-256 of its first TUF
//! `root.json`), so that a list of one instance says nothing about another. The
//! signer is the instance's own revoker, `ISSUER/revoker`, a name that no login
//! and no token call can mint.

use bulla_core::{Code, Diagnose, Digest, Identity, RootId, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

use super::Rests;
use crate::{
    root::TrustRoot,
    sigstore::{AsBundle, Failure, UnverifiedBundle, Verification},
    verified::{Rejection, Verified},
};

/// The predicate type.
pub const PREDICATE_TYPE: &str = "https://bulla.dev/revocations/v1";
/// The last part of the signer's name.
const SIGNER: &str = "/revoker";
/// Entries of one list.
const ENTRIES: usize = 20_000;
/// Withdrawals of one list; the oldest go first.
const WITHDRAWN: usize = 1_000;
/// Longest reason, in bytes.
const REASON_BYTES: usize = 1_000;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Target {
    /// A signer: exactly this subject of exactly this issuer, under this root.
    Identity {
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
    },
    /// A key, by the SHA-256 of its DER SubjectPublicKeyInfo: of a certificate or bare.
    Key(Digest),
    /// An artifact, an envelope or bundle, or a certificate, by its digest.
    Digest(Digest),
}

impl Target {
    /// Whether a signature of that artifact rests on it.
    fn is_under(&self, artifact: &Digest, rests: &Rests<'_>) -> bool {
        match self {
            Self::Identity { issuer, subject } => {
                let is = |signer: &Identity| signer.issuer == *issuer && signer.subject == *subject;
                rests.signer.is_some_and(is)
            }
            Self::Key(key) => rests.key == key,
            Self::Digest(digest) => artifact == digest || rests.cited.contains(&digest),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { issuer, subject } => write!(f, "the signer {subject} ({issuer})"),
            Self::Key(digest) => write!(f, "the key {digest}"),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revoked {
    /// What.
    pub target: Target,
    /// The cut-off: what is proven to be older still counts. A digest does not
    /// count from then on, however old it is.
    pub from: Timestamp,
    /// When it was put on the list.
    pub listed: Timestamp,
    /// Why, for a person.
    pub reason: String,
}

/// What was on the list once, and counts again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawn {
    /// What.
    pub target: Target,
    /// When it was taken off.
    pub at: Timestamp,
    /// Why, for a person.
    pub reason: String,
}

/// A list of revocations: verified, or about to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationList {
    version: u32,
    number: u64,
    issued: Timestamp,
    next_update: Timestamp,
    entries: Vec<Revoked>,
    /// Lists of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<Withdrawn>,
}

impl RevocationList {
    /// A list to be signed. `number` must be larger than that of every earlier
    /// list of the instance; by `next_update` there has to be another one.
    ///
    /// # Errors
    /// [`RevocationError`] if no verifier would take it.
    pub fn new(
        number: u64,
        issued: Timestamp,
        next_update: Timestamp,
        entries: Vec<Revoked>,
    ) -> Result<Self, RevocationError> {
        let list = Self {
            version: 1,
            number,
            issued,
            next_update,
            entries,
            withdrawn: Vec::new(),
        };
        list.checked()
    }

    /// The same list, which also says what was taken off: the youngest of these,
    /// but for what is revoked again.
    ///
    /// # Errors
    /// [`RevocationError`] if no verifier would take it.
    pub fn withdrawing(mut self, mut withdrawn: Vec<Withdrawn>) -> Result<Self, RevocationError> {
        withdrawn.retain(|one| self.entries.iter().all(|entry| entry.target != one.target));
        withdrawn.sort_by_key(|one| one.at);
        let surplus = withdrawn.len().saturating_sub(WITHDRAWN);
        withdrawn.drain(..surplus);
        self.withdrawn = withdrawn;
        self.checked()
    }

    /// The statement that the instance with this root signs.
    ///
    /// # Errors
    /// [`RevocationError::Malformed`] if it cannot be written.
    pub fn statement(&self, root: &RootId) -> Result<Statement, RevocationError> {
        let predicate = serde_json::to_value(self).map_err(RevocationError::Malformed)?;
        let subject = Subject::new("root.json", &root.0);
        Ok(Statement::new(vec![subject], PREDICATE_TYPE, predicate))
    }

    /// The list in a bundle, if the instance of `root` made it: signed by its
    /// revoker, logged, stamped, and about this root.
    ///
    /// # Errors
    /// A [`Rejection`]: of the bundle, or TRUST-0810 … 0812 for the list.
    pub fn verify(
        bundle: &(impl AsBundle + ?Sized),
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        Self::verify_signed(bundle, root, now).map(|(list, _)| list)
    }

    /// The same, and who made it: for the instance itself, which knows its issuer.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_signed(
        bundle: &(impl AsBundle + ?Sized),
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<(Self, Identity), Rejection> {
        Self::verify_about(bundle, root, &root.id().0, now)
    }

    /// The list in a bundle that was given beside a root in a file: its first
    /// `root.json` is not known then, so signer and log alone tell whose it is.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_beside(
        bundle: &[u8],
        root: &TrustRoot,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let bundle = UnverifiedBundle::read(bundle)?;
        let about = bundle.judge(|bundle| {
            let statement = bundle.statement()?;
            let subject = statement.subject.first();
            let digest = subject.and_then(|subject| subject.digest.get("sha256"));
            let digest = digest.and_then(|hex| format!("sha256:{hex}").parse().ok());
            digest.ok_or_else(|| Failure::NotAStatement {
                detail: "it names no root".into(),
            })
        })?;
        Self::verify_about(&bundle, root, &about, now).map(|(list, _)| list)
    }

    fn verify_about(
        bundle: &(impl AsBundle + ?Sized),
        root: &TrustRoot,
        about: &Digest,
        now: Timestamp,
    ) -> Result<(Self, Identity), Rejection> {
        let verified = Verification::new(root, now)
            .without_revocations()
            .attestation(bundle, about)?;
        verified.require_predicate_type(PREDICATE_TYPE)?;
        let reject =
            |error: RevocationError| Rejection::because(&error).of(&verified.proof().envelope);
        let list = Self::of(&verified).map_err(reject)?;
        Ok((list, verified.proof().signer.clone()))
    }

    /// A list that was verified before, from its bundle.
    ///
    /// # Errors
    /// A [`Rejection`] if it cannot be read.
    pub fn in_bundle(bundle: &[u8]) -> Result<Self, Rejection> {
        let read = UnverifiedBundle::read(bundle)?;
        read.judge(|bundle| {
            let predicate = bundle.statement()?.predicate;
            serde_json::from_value(predicate).map_err(|error| Failure::NotAStatement {
                detail: error.to_string(),
            })
        })
    }

    fn of(verified: &Verified<Statement>) -> Result<Self, RevocationError> {
        let signer = &verified.proof().signer;
        if signer.subject.strip_suffix(SIGNER) != Some(signer.issuer.as_str()) {
            return Err(RevocationError::Signer {
                found: signer.subject.clone(),
            });
        }
        let predicate = verified.claim().predicate.clone();
        let list: Self = serde_json::from_value(predicate).map_err(RevocationError::Malformed)?;
        list.checked()
    }

    fn checked(self) -> Result<Self, RevocationError> {
        let long = |reason: &str| reason.len() > REASON_BYTES;
        let mut reasons = self.entries.iter().map(|entry| &entry.reason);
        let mut others = self.withdrawn.iter().map(|one| &one.reason);
        let what = match self {
            _ if self.version != 1 => "its version is not 1",
            _ if self.next_update <= self.issued => "it ends before it begins",
            _ if self.entries.len() > ENTRIES => "it has more than 20000 entries",
            _ if self.withdrawn.len() > WITHDRAWN => "it has more than 1000 withdrawals",
            _ if reasons.any(|reason| long(reason)) || others.any(|reason| long(reason)) => {
                "a reason has more than 1000 bytes"
            }
            _ => return Ok(self),
        };
        Err(RevocationError::Invalid { what })
    }

    /// Who signs the lists of the instance with this issuer of services.
    pub fn revoker(issuer: &str) -> Target {
        Target::Identity {
            issuer: issuer.to_owned(),
            subject: format!("{issuer}{SIGNER}"),
        }
    }

    /// The entry that revokes one of these already: for whoever is asked to
    /// certify them now.
    pub fn in_force(&self, targets: &[Target], now: Timestamp) -> Option<&Revoked> {
        let mut begun = self.entries.iter().filter(|entry| entry.from <= now);
        begun.find(|entry| targets.contains(&entry.target))
    }

    /// The entry that this signature falls under.
    pub(super) fn hit(
        &self,
        artifact: &Digest,
        rests: &Rests<'_>,
        now: Timestamp,
    ) -> Option<&Revoked> {
        // As of an earlier time, only what was known then.
        let mut listed = self.entries.iter().filter(|entry| entry.listed <= now);
        listed.find(|entry| {
            let counts = match &entry.target {
                Target::Digest(_) => now < entry.from,
                _ => rests.times.iter().any(|time| *time < entry.from),
            };
            !counts && entry.target.is_under(artifact, rests)
        })
    }

    /// What this signature rests on that was taken off the list.
    pub(super) fn taken_back<'a>(
        &'a self,
        artifact: &Digest,
        rests: &Rests<'_>,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Withdrawn> {
        let known = self.withdrawn.iter().filter(move |one| one.at <= now);
        known.filter(|one| one.target.is_under(artifact, rests))
    }

    /// The same list, which counts until `end` at most: where what carried it
    /// ends earlier.
    #[must_use]
    pub fn ending(mut self, end: Timestamp) -> Self {
        self.next_update = self.next_update.min(end);
        self
    }

    /// Counts the instance's lists.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was made.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// By when there has to be another one.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// What was revoked and counts again, the oldest first.
    pub fn withdrawn(&self) -> &[Withdrawn] {
        &self.withdrawn
    }

    /// What is revoked.
    pub fn entries(&self) -> &[Revoked] {
        &self.entries
    }
}

/// Why a list does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// It breaks a rule of its form.
    #[error("the revocation list cannot be used: {what}")]
    Invalid {
        /// Which.
        what: &'static str,
    },
    /// It is not a list.
    #[error("the revocation list cannot be read: {0}")]
    Malformed(serde_json::Error),
    /// Somebody else made it.
    #[error("the revocation list is signed by {found}, not by the instance's revoker")]
    Signer {
        /// Who.
        found: String,
    },
}

impl Diagnose for RevocationError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Invalid { .. } => "TRUST-0810",
            Self::Malformed(_) => "TRUST-0811",
            Self::Signer { .. } => "TRUST-0812",
        })
    }

    fn hint(&self) -> Option<String> {
        Some("fetch it again: bulla trust update".into())
    }
}
