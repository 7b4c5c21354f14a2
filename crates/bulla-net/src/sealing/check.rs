//! Verifying what was sealed, with the same functions that will verify it later.
//!
//! What a bundle lacks cannot be verified: without a log there is no proof of
//! publication, and an envelope that is no statement has no subject. There the
//! check of the signature by its key, which every bundle passed, is all.

use bulla_core::{Digest, Identity, Statement, descriptor::media_type};
use bulla_trust::{
    KeyProof, LogProof, Proof, Rejection, Verified,
    sigstore::{
        Artifact, verify_attestation, verify_attestation_with_key, verify_blob_with_key,
        verify_signature,
    },
};
use jiff::Timestamp;

use super::{SealError, Sealer, Signed, sealer::Check};

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
    if sealer.logs().is_empty() {
        return Ok(Proven::default());
    }
    let case = Case {
        check,
        bundle,
        now: check.clock.now(),
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

struct Case<'a> {
    check: &'a Check,
    bundle: &'a [u8],
    now: Timestamp,
}

impl Case<'_> {
    fn blob(&self, sealer: &Sealer, bytes: &[u8]) -> Result<Proven, SealError> {
        let (root, artifact) = (&self.check.root, Artifact::Bytes(bytes));
        if sealer.certificate().is_some() {
            let verified = verify_signature(root, self.bundle, artifact, self.now)?;
            return by_certificate(sealer, &verified);
        }
        let key = sealer.public_key().spki_der();
        let verified = verify_blob_with_key(root, self.bundle, artifact, key, self.now)?;
        Ok(by_key(verified.proof()))
    }

    fn attestation(&self, sealer: &Sealer, subject: &Digest) -> Result<Proven, SealError> {
        let root = &self.check.root;
        if sealer.certificate().is_some() {
            let verified = verify_attestation(root, self.bundle, subject, self.now)?;
            return by_certificate(sealer, &verified);
        }
        let key = sealer.public_key().spki_der();
        let verified = verify_attestation_with_key(root, self.bundle, subject, key, self.now)?;
        Ok(by_key(verified.proof()))
    }
}

fn by_certificate<T>(sealer: &Sealer, verified: &Verified<T>) -> Result<Proven, SealError> {
    if let Some(promised) = sealer.promised() {
        let outcome: Result<(), Rejection> = verified.require_identity(promised);
        outcome?;
    }
    let proof: &Proof = verified.proof();
    let time = proof.times.iter().min();
    if proof.log.is_none() || time.is_none() {
        return Err(SealError::Unwitnessed);
    }
    Ok(Proven {
        signer: Some(proof.signer.clone()),
        log: proof.log.clone(),
        time: time.copied(),
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
