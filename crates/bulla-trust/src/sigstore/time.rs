//! Proven times: of timestamp authorities (RFC 3161) and of logs that sign them.
//!
//! Every timestamp that is there must hold, by an authority of the root within
//! its own time, over this signature; each is checked against one authority as
//! a whole, so that none lends its time to another. A log's time counts only
//! with its promise.

use jiff::Timestamp;

use super::{Failure, evidence::Evidence, log, stamp};
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
        times.stamped.push(stamp::check(root, token, signature)?);
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
