//! Whether this process leads a log, in which epoch, and as long as what holds.
//!
//! A sequencer leaves its role when another writer took over, and whoever leads
//! takes it away to stop it. One that is gone while the role is still there has
//! fallen: nobody meant it to end.

use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, watch};

use super::sequencer::Submission;
use crate::store::Head;

/// Whether the right to lead certainly still holds: asked before anything is signed.
pub type Fence = Arc<dyn Fn() -> bool + Send + Sync>;

/// Whether this process leads the log: then where submissions go.
#[derive(Default)]
pub(super) struct Role(RwLock<Option<Leading>>);

pub(super) struct Leading {
    pub(super) epoch: u64,
    pub(super) fence: Option<Fence>,
    pub(super) submissions: mpsc::Sender<Submission>,
    /// Closed once the sequencer's thread has ended, however.
    pub(super) ended: watch::Receiver<()>,
}

impl Role {
    /// Whether the log is led from this head on, and certainly so.
    pub(super) fn is(&self, head: &Head) -> bool {
        let leading = self.0.read().unwrap_or_else(PoisonError::into_inner);
        leading.as_ref().is_some_and(|leading| {
            let fence = leading.fence.as_ref();
            leading.epoch == head.epoch && fence.is_none_or(|holds| holds())
        })
    }

    /// Leads no more, unless it already leads in a later epoch.
    pub(super) fn leave(&self, head: &Head) {
        let mut leading = self.0.write().unwrap_or_else(PoisonError::into_inner);
        leading.take_if(|leading| leading.epoch <= head.epoch);
    }

    pub(super) fn set(&self, leading: Option<Leading>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = leading;
    }

    /// The epoch that is led, and what tells of its end.
    pub(super) fn ending(&self) -> Option<(u64, watch::Receiver<()>)> {
        let leading = self.0.read().unwrap_or_else(PoisonError::into_inner);
        leading
            .as_ref()
            .map(|leading| (leading.epoch, leading.ended.clone()))
    }

    /// Whether the sequencer of this epoch is gone, although nobody told it to
    /// stop and nobody else took over.
    pub(super) fn has_fallen(&self, epoch: u64) -> bool {
        let leading = self.0.read().unwrap_or_else(PoisonError::into_inner);
        leading
            .as_ref()
            .is_some_and(|leading| leading.epoch == epoch && leading.submissions.is_closed())
    }

    /// Puts the next reign in the place of one that has fallen; `false` if that is
    /// not there any more.
    pub(super) fn succeed(&self, fallen: u64, next: Leading) -> bool {
        let mut leading = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let there = leading.take_if(|leading| leading.epoch == fallen).is_some();
        if there {
            *leading = Some(next);
        }
        there
    }

    pub(super) fn submissions(&self) -> Option<mpsc::Sender<Submission>> {
        let leading = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let submissions = leading.as_ref().map(|leading| leading.submissions.clone());
        // A sequencer that is gone, whyever, does not lead.
        submissions.filter(|submissions| !submissions.is_closed())
    }
}
