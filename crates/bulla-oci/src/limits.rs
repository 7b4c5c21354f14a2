//! How much of a registry's evidence is looked at, and for how long (rule R4).
//!
//! Whoever may push to a repository chooses how many seals hang on an image and
//! how large they are. These bounds are per client, so that a test or a careful
//! caller can make them small; bounds of single documents are in `bulla-core`.

use bulla_core::{Digest, limits};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::client::ClientError;

/// Bounds on what is read of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Referrers of one subject.
    pub referrers: usize,
    /// Layers of one manifest of cosign's old layout.
    pub layers: usize,
    /// Manifests below one index.
    pub children: usize,
    /// How deep indexes may hold indexes, and referrers have referrers.
    pub depth: usize,
    /// Bytes of all evidence that is read at once for one subject.
    pub evidence_bytes: u64,
    /// Requests at once.
    pub at_once: usize,
    /// How long one answer may take; blobs may take what 64 KiB/s needs on top.
    pub answer: Duration,
    /// How long gathering the evidence of one subject may take.
    pub total: Duration,
    /// How long the evidence of everything below one index may take.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            referrers: limits::REFERRERS,
            layers: 1_000,
            children: 1_000,
            depth: 4,
            evidence_bytes: 64 << 20,
            at_once: 8,
            answer: Duration::from_secs(60),
            total: Duration::from_mins(3),
            whole: Duration::from_mins(10),
        }
    }
}

impl Limits {
    /// Manifests of all kinds, images and seals, that are walked for one image.
    pub(crate) fn manifests(&self) -> usize {
        self.children.saturating_mul(8)
    }

    /// How long an answer of `size` bytes may take.
    pub(crate) fn patience(&self, size: u64) -> Duration {
        self.answer.saturating_add(Duration::from_secs(size >> 16))
    }

    /// What `future` gives, if it comes within the total time.
    pub(crate) async fn in_time<T>(
        &self,
        what: &'static str,
        future: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let late = |_| ClientError::Late {
            what,
            seconds: self.total.as_secs(),
        };
        tokio::time::timeout(self.total, future)
            .await
            .map_err(late)?
    }
}

/// What is left of the bytes that may be read for one subject.
pub(crate) struct Budget {
    left: AtomicU64,
    limit: u64,
    subject: Digest,
}

impl Budget {
    pub(crate) fn of(limits: &Limits, subject: &Digest) -> Self {
        Self {
            left: AtomicU64::new(limits.evidence_bytes),
            limit: limits.evidence_bytes,
            subject: subject.clone(),
        }
    }

    /// Takes `size` bytes, before they are asked for.
    pub(crate) fn take(&self, size: u64) -> Result<(), ClientError> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(size)
            });
        taken.map(drop).map_err(|_| ClientError::Budget {
            subject: self.subject.clone(),
            limit: self.limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_overdrawn() {
        let limits = Limits {
            evidence_bytes: 10,
            ..Limits::default()
        };
        let budget = Budget::of(&limits, &Digest::sha256(b"x"));
        budget.take(7).unwrap();
        assert!(matches!(
            budget.take(4),
            Err(ClientError::Budget { limit: 10, .. })
        ));
        budget.take(3).unwrap();
        assert!(budget.take(1).is_err() && budget.take(u64::MAX).is_err());
        budget.take(0).unwrap();
    }
}
