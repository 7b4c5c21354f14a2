//! The checks of one signature, in their order, for every way it is carried.
//!
//! Proven times; certificate at each of them, and its SCT; log entries; the
//! signature itself; each entry against signature and signer; then that no time
//! lies ahead of `now`, that each log's key was valid, and witnesses. What may
//! be absent, [`Requirements`] say; nothing else is skipped.

use bulla_core::{Digest, Identity};
use bulla_crypto::{Hash, PublicKey};
use jiff::{SignedDuration, Timestamp};

use super::{
    Failure,
    binding::{self, By},
    bundle::Leaf,
    chain,
    evidence::{Content, Entry, Evidence},
    key, log,
    requirements::{Demand, Requirements, TimeDemand},
    sct::DetachedSct,
    time::{self, Times},
    verify::{Artifact, subject_differs},
};
use crate::{
    revocation::{Heeded, Rests, Revocations},
    root::{TrustRoot, material::Log},
    verified::{KeyProof, LogProof, Proof},
};

/// How far a timestamp authority's clock may be ahead of the caller's.
const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

/// An entry and its log.
type Known<'e, 'a, 'r> = (&'e Entry<'a>, &'r Log);

/// Under what a signature is judged.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'r> {
    pub(crate) root: &'r TrustRoot,
    pub(crate) now: Timestamp,
    pub(crate) requirements: &'r Requirements,
    pub(crate) revocations: &'r Revocations,
    /// The proof of logging that lies beside the certificate.
    pub(crate) sct: Option<&'r DetachedSct>,
    /// What the signed message is about, where that is not the message itself.
    pub(crate) about: Option<&'r Digest>,
}

impl<'r> Judge<'r> {
    /// The signed message is a claim about this artifact.
    pub(crate) fn about(self, artifact: &'r Digest) -> Self {
        Self {
            about: Some(artifact),
            ..self
        }
    }

    /// What says that nothing of what a signature rests on is revoked. Nothing
    /// is hashed for an instance that publishes none.
    fn unrevoked(&self, artifact: &Artifact<'_>, rests: &Rests<'_>) -> Result<Heeded, Failure> {
        if matches!(self.revocations, Revocations::NotPublished) {
            return Ok(Heeded::default());
        }
        let artifact = self.about.cloned().unwrap_or_else(|| artifact.digest());
        self.revocations.check(&artifact, rests, self.now)
    }

    /// Proves a signature by the holder of a certificate.
    ///
    /// # Errors
    /// A [`Failure`]: TRUST-0010 … 0043, 0600 ….
    pub(crate) fn certificate(
        &self,
        evidence: &Evidence<'_>,
        artifact: &Artifact<'_>,
    ) -> Result<Proof, Failure> {
        let leaf = evidence.leaf.ok_or(Failure::CertificateRequired)?;
        let (times, log, sct) = self
            .certified(evidence, leaf, artifact)
            .map_err(|failure| self.behind(failure, evidence))?;
        let mut proof = Proof {
            signer: Identity {
                root: self.root.id().clone(),
                issuer: self.issuer(leaf)?,
                subject: leaf.subject()?,
            },
            envelope: evidence.cited.clone(),
            certificate: leaf.digest.clone(),
            key: leaf.key()?,
            claims: leaf.claims()?,
            sct,
            log,
            times,
            revocation: Box::default(),
        };
        let revocation = self.unrevoked(
            artifact,
            &Rests {
                signer: Some(&proof.signer),
                key: &proof.key,
                cited: &[evidence.cited, &leaf.digest],
                times: &proof.times,
            },
        )?;
        proof.revocation = Box::new(revocation);
        Ok(proof)
    }

    /// Proves a signature by `key`.
    ///
    /// # Errors
    /// A [`Failure`]: TRUST-0010 … 0043, 0600 ….
    pub(crate) fn key(
        &self,
        evidence: &Evidence<'_>,
        artifact: &Artifact<'_>,
        key: &PublicKey,
    ) -> Result<KeyProof, Failure> {
        if evidence.leaf.is_some() {
            return Err(Failure::KeyRequired);
        }
        let entries = self.known_entries(evidence)?;
        let times = time::prove(self.root, evidence)?;
        if self.requirements.time == TimeDemand::Timestamp && times.stamped.is_empty() {
            return Err(Failure::NoTimestamp);
        }
        self.logged(&entries)?;
        signed(evidence, artifact, key, By::Key(key))?;
        let times = self.timely(&entries, times)?;
        let mut proof = KeyProof {
            key: key.id(),
            envelope: evidence.cited.clone(),
            log: self.log_proof(&entries)?,
            times,
            revocation: Box::default(),
        };
        let revocation = self.unrevoked(
            artifact,
            &Rests {
                signer: None,
                key: &proof.key,
                cited: &[evidence.cited],
                times: &proof.times,
            },
        )?;
        proof.revocation = Box::new(revocation);
        Ok(proof)
    }

    fn certified(
        &self,
        evidence: &Evidence<'_>,
        leaf: &Leaf,
        artifact: &Artifact<'_>,
    ) -> Result<(Vec<Timestamp>, Option<LogProof>, bool), Failure> {
        let public = leaf.public_key()?;
        // The demand for an entry is met or not before anything is computed.
        let entries = self.known_entries(evidence)?;
        let times = time::prove(self.root, evidence)?;
        let at = self.certificate_times(&times, leaf, || {
            key::check(&public, &evidence.content, artifact).is_ok()
        })?;
        let issuer = chain::check(self.root, evidence, leaf, &at)?;
        let sct = match chain::check_sct(self.root, leaf, &issuer, self.sct)? {
            Some(absent) if self.requirements.sct == Demand::Required => {
                return Err(Failure::Sct {
                    detail: absent.into(),
                });
            }
            absent => absent.is_none(),
        };
        self.logged(&entries)?;
        signed(evidence, artifact, &public, By::Certificate(leaf))?;
        let times = self.timely(&entries, times)?;
        Ok((times, self.log_proof(&entries)?, sct))
    }

    /// The entries of logs that the root knows.
    fn known_entries<'e, 'a>(
        &self,
        evidence: &'e Evidence<'a>,
    ) -> Result<Vec<Known<'e, 'a, 'r>>, Failure> {
        let mut known = Vec::new();
        for entry in &evidence.entries {
            match log::of(self.root, entry) {
                Ok(log) => known.push((entry, log)),
                Err(_) if self.requirements.log == Demand::NotRequired => {}
                Err(failure) => return Err(failure),
            }
        }
        if known.is_empty() && self.requirements.log == Demand::Required {
            return Err(Failure::Incomplete {
                detail: "no log entry".into(),
            });
        }
        Ok(known)
    }

    /// The times at which the certificate must hold.
    fn certificate_times(
        &self,
        times: &Times,
        leaf: &Leaf,
        signature_is_good: impl FnOnce() -> bool,
    ) -> Result<Vec<Timestamp>, Failure> {
        let all = times.all();
        match self.requirements.time {
            TimeDemand::Timestamp if times.stamped.is_empty() => Err(Failure::NoTimestamp),
            TimeDemand::NotRequired if all.is_empty() => Ok(vec![self.now]),
            _ if !all.is_empty() => Ok(all),
            _ if leaf.not_after < self.now => Err(Failure::ExpiredWithoutTime {
                not_after: leaf.not_after,
                signature_good: signature_is_good(),
            }),
            _ => Err(Failure::NoTrustedTime),
        }
    }

    fn logged(&self, entries: &[Known<'_, '_, '_>]) -> Result<(), Failure> {
        entries
            .iter()
            .try_for_each(|(entry, log)| log::check(self.root, log, entry))
    }

    /// All times, if none lies ahead and each log's key was valid at them.
    fn timely(
        &self,
        entries: &[Known<'_, '_, '_>],
        times: Times,
    ) -> Result<Vec<Timestamp>, Failure> {
        let times = times.all();
        let latest = self.latest();
        if let Some(time) = times.iter().find(|time| **time > latest) {
            return Err(Failure::FutureTime {
                time: *time,
                now: self.now,
            });
        }
        for (entry, log) in entries {
            log::check_times(log, entry, &times)?;
        }
        Ok(times)
    }

    fn latest(&self) -> Timestamp {
        let latest = self.now.checked_add(CLOCK_DIFFERENCE);
        latest.unwrap_or(self.now)
    }

    fn log_proof(&self, entries: &[Known<'_, '_, '_>]) -> Result<Option<LogProof>, Failure> {
        let quorum = self.requirements.witnesses.as_ref();
        let proven = entries.iter().find(|(entry, _)| entry.proof.is_some());
        match (proven.or(entries.first()), quorum) {
            (Some((entry, log)), _) => log::proof(log, entry, quorum, self.latest()).map(Some),
            (None, Some(quorum)) => Err(quorum.missing()),
            (None, None) => Ok(None),
        }
    }

    /// Who authenticated the holder of the certificate.
    fn issuer(&self, leaf: &Leaf) -> Result<String, Failure> {
        match leaf.issuer()? {
            Some(issuer) => Ok(issuer),
            None if self.requirements.sct == Demand::NotRequired => {
                let authority = &leaf.certificate.tbs_certificate.issuer;
                Ok(format!("x509:{authority}"))
            }
            None => Err(Failure::NoIdentity {
                detail: "it does not say which issuer authenticated its holder".into(),
            }),
        }
    }

    /// What is behind a failure: a bundle of another instance fails first at its
    /// timestamp or log, and that is not what to say.
    fn behind(&self, failure: Failure, evidence: &Evidence<'_>) -> Failure {
        let shadow = matches!(
            failure,
            Failure::Timestamp { .. }
                | Failure::UnknownLog { .. }
                | Failure::Checkpoint { .. }
                | Failure::InclusionPromise { .. }
                | Failure::Chain { .. }
        );
        match chain::unknown_issuer(self.root, evidence).filter(|_| shadow) {
            Some(other) => other,
            None => failure,
        }
    }
}

/// Checks the signature, what it says it is about, and every entry against both:
/// those of unknown logs too, which have no business with another signature.
fn signed(
    evidence: &Evidence<'_>,
    artifact: &Artifact<'_>,
    public: &PublicKey,
    by: By<'_>,
) -> Result<(), Failure> {
    if let Content::Message {
        declared: Some((hash, declared)),
        ..
    } = evidence.content
        && key::digest(artifact, hash)? != declared
    {
        let found = format!("{}:{}", hash_name(hash), hex::encode(declared));
        return Err(subject_differs(&artifact.digest(), &[found]));
    }
    key::check(public, &evidence.content, artifact)?;
    evidence
        .entries
        .iter()
        .try_for_each(|entry| binding::check(entry, &evidence.content, artifact, by))
}

fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}
