//! Verdicts of the last moments, by what they were about.
//!
//! The key is repository, digest, policy digest and trust roots, never a tag: a
//! tag that moves is another digest, a policy that changes another key. The
//! repository belongs to it because rules speak about registries and because
//! what refers to a digest differs from one repository to the next (rule R9).
//! Each key is worked on once at a time; what is undecided is never kept.

use bulla_core::{Decision, Digest, Outcome};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Verdicts that are kept.
const VERDICTS: usize = 2_048;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) policy: Digest,
    pub(crate) roots: Digest,
}

type Slot = Arc<tokio::sync::Mutex<Option<(Decision, Instant)>>>;

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    slots: Mutex<HashMap<Key, Slot>>,
    life: Life,
}

/// How long a verdict is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) allowed: Duration,
    pub(crate) refused: Duration,
}

impl Cache {
    pub(crate) fn new(life: Life) -> Self {
        Self {
            slots: Mutex::new(HashMap::new()),
            life,
        }
    }

    /// The verdict for `key` and whether it was there already; else what `judge`
    /// comes to.
    pub(crate) async fn get_or_judge(
        &self,
        key: Key,
        judge: impl Future<Output = Decision>,
    ) -> (Decision, bool) {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if let Some((decision, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return (decision.clone(), true);
        }
        *held = None;
        let decision = judge.await;
        let life = match decision.outcome {
            Outcome::Allow | Outcome::Warn => self.life.allowed,
            Outcome::Deny | Outcome::NoEvidence => self.life.refused,
            Outcome::Undecided => Duration::ZERO,
        };
        if !life.is_zero() {
            *held = Some((decision.clone(), Instant::now() + life));
        }
        (decision, false)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= VERDICTS && !slots.contains_key(&key) {
            let now = Instant::now();
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(held) => held.as_ref().is_some_and(|(_, until)| now < *until),
                Err(_) => true,
            });
            if slots.len() >= VERDICTS {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
        }
        Arc::clone(slots.entry(key).or_default())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.lock().unwrap().len()
    }
}

#[cfg(test)]
mod tests;
