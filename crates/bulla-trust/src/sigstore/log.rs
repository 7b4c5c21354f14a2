//! Whose log an entry is in, and whether that log's key was valid then.
//!
//! The core accepts a checkpoint by any key of the root whose four-byte hint
//! fits, and compares a key's time with proven times for version 1 only. So a
//! retired log's key could sign for an entry that names another log. Here the
//! entry's own log must be in the root, must have signed the checkpoint itself,
//! and its key must have been valid at each proven time.

use jiff::Timestamp;
use sigstore_trust_root::TransparencyLog;
use sigstore_types::{Checkpoint, KeyHint, KindVersion, TransparencyLogEntry};
use sigstore_verify::crypto::VerificationKey;

use super::{Failure, bundle::UnverifiedBundle};
use crate::{root::TrustRoot, verified::LogProof};

/// Checks every entry of a bundle that the core accepted.
///
/// # Errors
/// [`Failure::UnknownLog`], [`Failure::Checkpoint`], [`Failure::LogKeyValidity`],
/// or [`Failure::Incomplete`] if there is no entry at all.
pub(super) fn check(
    root: &TrustRoot,
    bundle: &UnverifiedBundle,
    times: &[Timestamp],
) -> Result<(), Failure> {
    let entries = &bundle.inner().verification_material.tlog_entries;
    if entries.is_empty() {
        return Err(Failure::Incomplete {
            detail: "no log entry".into(),
        });
    }
    let logs = &root.document().tlogs;
    for entry in entries {
        let id = &entry.log_id.key_id;
        let log = logs
            .iter()
            .find(|log| log.log_id.key_id == *id)
            .ok_or_else(|| Failure::UnknownLog {
                log: id.to_string(),
                root: root.id().clone(),
            })?;
        if let Some(checkpoint) = checkpoint_of(entry) {
            check_signer(log, logs, checkpoint)?;
        }
        check_window(log, entry, times)?;
    }
    Ok(())
}

/// Where the first entry of a bundle is logged.
pub(super) fn proof(bundle: &UnverifiedBundle) -> Option<LogProof> {
    let entry = bundle.inner().verification_material.tlog_entries.first()?;
    let checkpoint = checkpoint_of(entry);
    Some(LogProof {
        log: match checkpoint {
            Some(checkpoint) => checkpoint.origin().to_owned(),
            None => entry.log_id.key_id.to_string(),
        },
        index: entry.log_index.get(),
        tree_size: checkpoint.map(|c| c.tree_size()).unwrap_or_default(),
    })
}

fn checkpoint_of(entry: &TransparencyLogEntry) -> Option<&Checkpoint> {
    entry.inclusion_proof.as_ref()?.checkpoint.checkpoint()
}

/// The core found a signature by some key whose hint fits. If only this log's
/// does, it was this log's; otherwise the signature is looked for again.
fn check_signer(
    log: &TransparencyLog,
    logs: &[TransparencyLog],
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    let hinted = |other: &&TransparencyLog| {
        let mut signatures = checkpoint.signatures().iter();
        signatures.any(|signature| fits(other, &signature.key_id))
    };
    let mut candidates = logs.iter().filter(hinted);
    let only = candidates.next();
    let alone = candidates.next().is_none();
    if alone && only.is_some_and(|other| std::ptr::eq(other, log)) {
        return Ok(());
    }
    let by_this_log = VerificationKey::from_spki(&log.public_key.raw_bytes).is_ok_and(|key| {
        checkpoint
            .signatures()
            .iter()
            .filter(|signature| fits(log, &signature.key_id))
            .any(|signature| {
                key.verify(checkpoint.signed_data(), &signature.signature)
                    .is_ok()
            })
    });
    if by_this_log {
        Ok(())
    } else {
        Err(Failure::Checkpoint {
            detail: format!(
                "it is not signed by {}, which the entry names",
                log.base_url
            ),
        })
    }
}

fn fits(log: &TransparencyLog, hint: &KeyHint) -> bool {
    log.log_id.key_id.as_bytes().starts_with(hint.as_bytes())
}

fn check_window(
    log: &TransparencyLog,
    entry: &TransparencyLogEntry,
    times: &[Timestamp],
) -> Result<(), Failure> {
    let version_2 = entry.kind_version == KindVersion::HashedRekordV002;
    let Some(window) = log.public_key.valid_for.filter(|_| version_2) else {
        return Ok(());
    };
    match times.iter().find(|time| !window.contains(**time)) {
        Some(time) => Err(Failure::LogKeyValidity {
            log: log.base_url.clone(),
            time: *time,
        }),
        None => Ok(()),
    }
}
