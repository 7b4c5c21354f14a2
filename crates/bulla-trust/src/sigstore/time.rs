//! Proven times: of timestamp authorities (RFC 3161) and of logs that sign them.
//!
//! Every timestamp that is there must hold, by an authority of the root within
//! its own time, over this signature; each is checked against one authority as
//! a whole, so that none lends its time to another. A log's time counts only
//! with its promise.

use jiff::Timestamp;
use sigstore_types::{SignatureBytes, TimestampToken};
use sigstore_verify::tsa;

use super::{Failure, evidence::Evidence, log};
use crate::root::TrustRoot;

/// All proven times, by whom.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// By timestamp authorities.
    pub(super) stamped: Vec<Timestamp>,
    /// By logs.
    pub(super) logged: Vec<Timestamp>,
}

impl Times {
    pub(super) fn all(&self) -> Vec<Timestamp> {
        self.stamped.iter().chain(&self.logged).copied().collect()
    }
}

/// Proves every time that the evidence gives. Entries of logs that the root does
/// not know give none.
///
/// # Errors
/// [`Failure::Timestamp`], [`Failure::TimestampAuthorityValidity`] or
/// [`Failure::InclusionPromise`].
pub(super) fn prove(root: &TrustRoot, evidence: &Evidence<'_>) -> Result<Times, Failure> {
    let mut times = Times::default();
    for token in &evidence.timestamps {
        let signature = evidence.content.signature();
        times.stamped.push(stamped(root, token, signature)?);
    }
    for entry in &evidence.entries {
        let (Some(time), Ok(log)) = (entry.signed_time(), log::of(root, entry)) else {
            continue;
        };
        log::check_promise(log, entry)?;
        times.logged.push(time);
    }
    Ok(times)
}

fn stamped(root: &TrustRoot, token: &[u8], signature: &[u8]) -> Result<Timestamp, Failure> {
    let (token, signature) = (
        TimestampToken::from_bytes(token),
        SignatureBytes::from_bytes(signature),
    );
    let mut outside = None;
    let mut last = "the root names no timestamp authority".to_owned();
    for authority in &root.material().tsas {
        match tsa::verify_timestamp_for_authority(&token, &signature, authority) {
            Ok(time) => return Ok(time),
            Err(tsa::Error::TimestampOutsideValidity { time }) => outside = Some(time),
            Err(error) => last = error.to_string(),
        }
    }
    Err(match outside {
        Some(time) => Failure::TimestampAuthorityValidity { time },
        None => Failure::Timestamp { detail: last },
    })
}
