//! A log entry's proofs: that this log, and no other, includes this entry.
//!
//! RFC 6962 inclusion under a checkpoint (C2SP tlog-checkpoint), and the promise
//! (SET) of Rekor v1. The entry's own log must be in the root, must have signed
//! the checkpoint itself, under its own origin, with a key valid at each proven
//! time. The unsigned copies of root hash and tree size beside the checkpoint
//! are compared with it: other clients read them.

use bulla_crypto::merkle;
use jiff::Timestamp;
use serde::Serialize;
use sigstore_types::{Checkpoint, SignatureBytes};

use super::{
    Failure,
    evidence::{Entry, InclusionProof},
    witness::WitnessQuorum,
};
use crate::{
    root::{TrustRoot, material::Log},
    verified::LogProof,
};

/// The log that an entry names.
///
/// # Errors
/// [`Failure::UnknownLog`] if it is not in the root.
pub(super) fn of<'r>(root: &'r TrustRoot, entry: &Entry<'_>) -> Result<&'r Log, Failure> {
    root.material()
        .log(entry.log_id)
        .ok_or_else(|| Failure::UnknownLog {
            log: hex::encode(entry.log_id),
            root: root.id().clone(),
        })
}

/// Checks one entry's proofs.
///
/// # Errors
/// [`Failure::InclusionProof`], [`Failure::Checkpoint`],
/// [`Failure::InclusionPromise`] or [`Failure::Incomplete`].
pub(super) fn check(root: &TrustRoot, log: &Log, entry: &Entry<'_>) -> Result<(), Failure> {
    if let Some(proof) = &entry.proof {
        let checkpoint = proof.checkpoint.ok_or_else(|| Failure::Incomplete {
            detail: "an inclusion proof without checkpoint".into(),
        })?;
        check_copies(entry, proof, checkpoint)?;
        check_inclusion(entry, proof, checkpoint)?;
        check_checkpoint(root, log, checkpoint)?;
    } else if entry.promise.is_none() {
        return Err(Failure::Incomplete {
            detail: "a log entry with neither inclusion proof nor promise".into(),
        });
    }
    if entry.promise.is_some() {
        check_promise(log, entry)?;
    }
    Ok(())
}

/// Checks that the log's key was valid at each proven time.
///
/// # Errors
/// [`Failure::LogKeyValidity`].
pub(super) fn check_times(
    log: &Log,
    entry: &Entry<'_>,
    times: &[Timestamp],
) -> Result<(), Failure> {
    // A log of version 1 signs its own time, which its promise was checked at.
    if !entry.kind.is_version_2() && entry.signed_time().is_some() {
        return Ok(());
    }
    match times.iter().find(|time| !log.trusted_at(**time)) {
        Some(time) => Err(Failure::LogKeyValidity {
            log: log.url.clone(),
            time: *time,
        }),
        None => Ok(()),
    }
}

/// Where an entry is logged, and which witnesses saw that.
///
/// # Errors
/// [`Failure::Witnesses`] if a quorum is demanded and not there.
pub(super) fn proof(
    log: &Log,
    entry: &Entry<'_>,
    quorum: Option<&WitnessQuorum>,
    latest: Timestamp,
) -> Result<LogProof, Failure> {
    let checkpoint = entry.proof.as_ref().and_then(|proof| proof.checkpoint);
    let witnesses = match (quorum, checkpoint) {
        (Some(quorum), Some(checkpoint)) => quorum.check(checkpoint, latest)?,
        (Some(quorum), None) => return Err(quorum.missing()),
        (None, _) => Vec::new(),
    };
    Ok(LogProof {
        log: match checkpoint {
            Some(checkpoint) => checkpoint.origin().to_owned(),
            None => log.url.clone(),
        },
        index: entry.index,
        tree_size: checkpoint.map(|c| c.tree_size()).unwrap_or_default(),
        witnesses,
    })
}

fn check_copies(
    entry: &Entry<'_>,
    proof: &InclusionProof<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    let differs = |what: &str| Failure::Checkpoint {
        detail: format!("the {what} beside it differs from the signed one"),
    };
    if proof.root != *checkpoint.root_hash().as_bytes() {
        return Err(differs("root hash"));
    }
    if proof.tree_size != checkpoint.tree_size() {
        return Err(differs("tree size"));
    }
    // Version 1 counts over several trees, and proves the index in the last one.
    if entry.kind.is_version_2() && proof.index != entry.index {
        return Err(Failure::InclusionProof {
            detail: format!(
                "the entry says index {}, the proof index {}",
                entry.index, proof.index
            ),
        });
    }
    Ok(())
}

fn check_inclusion(
    entry: &Entry<'_>,
    proof: &InclusionProof<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    merkle::verify_inclusion(
        &merkle::leaf_hash(entry.body),
        proof.index,
        checkpoint.tree_size(),
        &proof.hashes,
        checkpoint.root_hash().as_bytes(),
    )
    .map_err(|error| Failure::InclusionProof {
        detail: error.to_string(),
    })
}

/// The hint in a signature line only chooses what is tried.
fn check_checkpoint(root: &TrustRoot, log: &Log, checkpoint: &Checkpoint) -> Result<(), Failure> {
    let fails = |detail: String| Err(Failure::Checkpoint { detail });
    if !log.is_origin(checkpoint.origin()) {
        return fails(format!(
            "it is of {}, not of {}, which the entry names",
            checkpoint.origin(),
            log.url
        ));
    }
    let Some(key) = log.key() else {
        return fails(format!("the key of {} is of no known kind", log.url));
    };
    let signed = checkpoint.signed_data();
    let by_this_log = checkpoint
        .signatures()
        .iter()
        .filter(|line| log.id.starts_with(line.key_id.as_bytes()))
        .any(|line| {
            let facts = [
                b"checkpoint",
                log.spki.as_slice(),
                signed,
                line.signature.as_bytes(),
            ];
            let verify = || key.verify(signed, &line.signature);
            root.memo().once(&facts, verify).is_ok()
        });
    if by_this_log {
        Ok(())
    } else {
        fails(format!(
            "it is not signed by {}, which the entry names",
            log.url
        ))
    }
}

/// What a log of version 1 signs as its promise, in canonical JSON: the fields
/// in the order of their names, and no text in them that needs an escape.
#[derive(Serialize)]
struct Promise<'a> {
    body: &'a str,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: &'a str,
    #[serde(rename = "logIndex")]
    log_index: u64,
}

/// Checks the promise, at the time it names.
///
/// # Errors
/// [`Failure::InclusionPromise`].
pub(super) fn check_promise(log: &Log, entry: &Entry<'_>) -> Result<(), Failure> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let fails = |detail: String| Failure::InclusionPromise { detail };
    let signature = entry.promise.ok_or_else(|| fails("there is none".into()))?;
    if let Some(time) = entry.integrated
        && !log.trusted_at(time)
    {
        return Err(fails(format!(
            "the key of {} was not valid at {time}, which it names",
            log.url
        )));
    }
    let promise = Promise {
        body: &STANDARD.encode(entry.body),
        // Absent is zero on the wire.
        integrated_time: entry.integrated.map_or(0, |time| time.as_second()),
        log_id: &hex::encode(entry.log_id),
        log_index: entry.index,
    };
    let signed = serde_json::to_vec(&promise).map_err(|error| fails(error.to_string()))?;
    let key = log
        .key()
        .ok_or_else(|| fails(format!("the key of {} is of no known kind", log.url)))?;
    key.verify(&signed, &SignatureBytes::new(signature.to_vec()))
        .map_err(|_| fails(format!("it is not signed by {}", log.url)))
}
