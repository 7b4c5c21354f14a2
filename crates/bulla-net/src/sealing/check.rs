//! Verifying what was sealed, with the same functions that will verify it later.
//!
//! Demanded is what the sealer was given witnesses for: a log entry where there
//! is a log, a proven time where a log or an authority tells one. An envelope
//! that is no statement has no subject; there the check of the signature by its
//! key, which every bundle passed, is all.

use bulla_core::{Digest, Identity, Statement, descriptor::media_type};
use bulla_trust::{
    KeyProof, LogProof, Proof, Rejection, Verified,
    root::LogApi,
    sigstore::{Artifact, Requirements, Verification},
};
use jiff::Timestamp;

use super::{SealError, Sealer, Signed};

/// What was proven of a bundle.
#[derive(Default)]
pub(super) struct Proven {
    pub(super) signer: Option<Identity>,
    pub(super) log: Option<LogProof>,
    pub(super) time: Option<Timestamp>,
}

pub(super) fn check(sealer: &Sealer, signed: &Signed, bundle: &[u8]) -> Result<Proven, SealError> {
    let Some(check) = &sealer.check else {
        return Ok(Proven::default());
    };
    let case = Case {
        verification: Verification::new(&check.root, check.clock.now())
            .requiring(demanded(sealer))
            .without_revocations(),
        bundle,
    };
    let statement = match signed {
        Signed::Blob(bytes) => return case.blob(sealer, bytes),
        Signed::Envelope(envelope) if envelope.payload_type == media_type::IN_TOTO => {
            Statement::parse(&envelope.payload).ok()
        }
        Signed::Envelope(_) => None,
    };
    match statement.as_ref().and_then(subject) {
        Some(subject) => case.attestation(sealer, &subject),
        None => Ok(Proven::default()),
    }
}

/// What the witnesses can prove.
fn demanded(sealer: &Sealer) -> Requirements {
    let mut demanded = Requirements::default();
    if sealer.logs().is_empty() {
        demanded = demanded.without_log();
    }
    let log_tells_time = sealer.logs().iter().any(|log| log.api == LogApi::V1);
    if !log_tells_time && !sealer.is_stamped() {
        demanded = demanded.untimed();
    }
    demanded
}

struct Case<'a> {
    verification: Verification<'a>,
    bundle: &'a [u8],
}

impl Case<'_> {
    fn blob(&self, sealer: &Sealer, bytes: &[u8]) -> Result<Proven, SealError> {
        let artifact = Artifact::Bytes(bytes);
        if sealer.certificate().is_some() {
            let verified = self.verification.signature(self.bundle, artifact)?;
            return by_certificate(sealer, &verified);
        }
        let key = sealer.public_key();
        let verified = self
            .verification
            .signature_with_key(self.bundle, artifact, key)?;
        Ok(by_key(verified.proof()))
    }

    fn attestation(&self, sealer: &Sealer, subject: &Digest) -> Result<Proven, SealError> {
        if sealer.certificate().is_some() {
            let verified = self.verification.attestation(self.bundle, subject)?;
            return by_certificate(sealer, &verified);
        }
        let key = sealer.public_key();
        let verified = self
            .verification
            .attestation_with_key(self.bundle, subject, key)?;
        Ok(by_key(verified.proof()))
    }
}

fn by_certificate<T>(sealer: &Sealer, verified: &Verified<T>) -> Result<Proven, SealError> {
    if let Some(promised) = sealer.promised() {
        let outcome: Result<(), Rejection> = verified.require_identity(promised);
        outcome?;
    }
    let proof: &Proof = verified.proof();
    Ok(Proven {
        signer: Some(proof.signer.clone()),
        log: proof.log.clone(),
        time: proof.times.iter().min().copied(),
    })
}

fn by_key(proof: &KeyProof) -> Proven {
    Proven {
        signer: None,
        log: proof.log.clone(),
        time: proof.times.iter().min().copied(),
    }
}

/// The first SHA-256 digest among the subjects: what the bundle is about.
pub(super) fn subject(statement: &Statement) -> Option<Digest> {
    statement
        .subject
        .iter()
        .filter_map(|subject| subject.digest.get("sha256"))
        .find_map(|hex| format!("sha256:{hex}").parse().ok())
}
