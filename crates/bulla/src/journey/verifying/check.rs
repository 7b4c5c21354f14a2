//! One seal: which of the verifications of `bulla-trust` it gets, by its kind
//! and by who is expected.

use bulla_crypto::PublicKey;
use bulla_trust::{Rejection, cosign::Layer, sigstore::Verification};

use super::{Candidate, Demand, Said, Seal, Signer, Subject};

pub(super) fn verify(
    verification: &Verification<'_>,
    candidate: &Candidate,
    subject: Subject<'_>,
    demand: &Demand,
) -> Result<Said, Rejection> {
    let keys: Vec<&PublicKey> = demand
        .signers
        .iter()
        .filter_map(|signer| match signer {
            Signer::Key(_, key) => Some(key),
            Signer::Identity(..) => None,
        })
        .collect();
    if keys.is_empty() || (candidate.is_certified && keys.len() < demand.signers.len()) {
        return by_certificate(verification, candidate, subject);
    }
    let mut nearest = None;
    for key in keys {
        match by_key(verification, candidate, subject, key) {
            Ok(said) => return Ok(said),
            Err(rejection) => nearest = nearest.or(Some(rejection)),
        }
    }
    match nearest {
        Some(rejection) => Err(rejection),
        None => by_certificate(verification, candidate, subject),
    }
}

fn by_certificate(
    verification: &Verification<'_>,
    candidate: &Candidate,
    subject: Subject<'_>,
) -> Result<Said, Rejection> {
    let digest = subject.digest();
    Ok(match &candidate.seal {
        Seal::Bundle(_, read) => {
            let bundle = read.as_ref().as_ref().map_err(Clone::clone)?;
            match candidate.is_signature.then_some(subject) {
                Some(Subject::File(artifact, _)) => {
                    Said::Blob(verification.signature(bundle, artifact)?)
                }
                Some(Subject::Image(digest)) => Said::Blob(verification.signature(bundle, digest)?),
                None => Said::Statement(verification.attestation(bundle, subject.artifact())?),
            }
        }
        Seal::OldSignature(payload, annotations) => {
            let layer = Layer {
                payload,
                annotations,
            };
            Said::Payload(verification.layer_signature(&layer, digest)?)
        }
        Seal::OldAttestation(payload, annotations) => {
            let layer = Layer {
                payload,
                annotations,
            };
            Said::Statement(verification.layer_attestation(&layer, subject.artifact())?)
        }
    })
}

fn by_key(
    verification: &Verification<'_>,
    candidate: &Candidate,
    subject: Subject<'_>,
    key: &PublicKey,
) -> Result<Said, Rejection> {
    let digest = subject.digest();
    Ok(match &candidate.seal {
        Seal::Bundle(_, read) => {
            let bundle = read.as_ref().as_ref().map_err(Clone::clone)?;
            match candidate.is_signature.then_some(subject) {
                Some(Subject::File(artifact, _)) => {
                    Said::KeyBlob(verification.signature_with_key(bundle, artifact, key)?)
                }
                Some(Subject::Image(digest)) => {
                    Said::KeyBlob(verification.signature_with_key(bundle, digest, key)?)
                }
                None => Said::KeyStatement(verification.attestation_with_key(
                    bundle,
                    subject.artifact(),
                    key,
                )?),
            }
        }
        Seal::OldSignature(payload, annotations) => {
            let layer = Layer {
                payload,
                annotations,
            };
            Said::KeyPayload(verification.layer_signature_with_key(&layer, digest, key)?)
        }
        Seal::OldAttestation(payload, annotations) => {
            let layer = Layer {
                payload,
                annotations,
            };
            Said::KeyStatement(verification.layer_attestation_with_key(
                &layer,
                subject.artifact(),
                key,
            )?)
        }
    })
}
