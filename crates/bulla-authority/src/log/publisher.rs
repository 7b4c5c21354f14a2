//! The published checkpoint: the one at `/checkpoint`, witnessed.
//!
//! Answers carry the checkpoint of their own commit at once. The published one
//! follows at most a second later, with the cosignatures of witnesses, and is kept
//! in the store: no restart and no other replica shows an older one.

use bulla_crypto::{
    checkpoint::{Checkpoint, parse_checkpoint},
    note::{NoteError, parse_note},
};
use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::watch;

use super::{
    Log,
    handle::{Core, PATIENCE, Signed},
    role::Role,
};
use crate::{
    error::AuthorityError,
    store::{StoreError, Tree},
};

/// The least time between two published checkpoints.
const INTERVAL: Duration = Duration::from_secs(1);
/// A log that does not grow is signed anew so often: its signatures carry times.
const RENEWAL_MS: u64 = 3_600_000;

/// Asks witnesses for their cosignatures.
pub trait Cosigner: Send + Sync {
    /// Lines (`— NAME BASE64` and a newline each) for the signed note of the tree of
    /// `size` leaves; [`Log::consistency`] gives the proofs that witnesses want.
    ///
    /// # Errors
    /// If the quorum was not met.
    fn cosign<'a>(
        &'a self,
        log: &'a Log,
        note: &'a str,
        size: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, AuthorityError>> + Send + 'a>>;

    /// How long the log waits for them.
    fn limit(&self) -> Duration;

    /// Whether nothing is published without them.
    fn required(&self) -> bool;
}

/// What readers are shown.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) size: u64,
    pub(super) note: Arc<str>,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            size: 0,
            note: "".into(),
        }
    }
}

impl Core {
    /// Shows the published checkpoint of a stored tree, unless it is an older one.
    pub(super) fn show(&self, tree: &Tree) -> Result<(), AuthorityError> {
        if let Some(note) = &tree.checkpoint {
            let size = checkpoint_of(note)?.size;
            self.show_note(size, note.clone());
        }
        Ok(())
    }

    fn show_note(&self, size: u64, note: Arc<str>) {
        self.published.send_if_modified(|published| {
            let newer = size >= published.size;
            if newer {
                *published = Published { size, note };
            }
            newer
        });
    }
}

fn checkpoint_of(note: &str) -> Result<Checkpoint, NoteError> {
    parse_checkpoint(parse_note(note.as_bytes())?.text.as_bytes())
}

/// Publishes the checkpoints of a log that this process leads.
pub(super) struct Publisher {
    core: Arc<Core>,
    role: Weak<Role>,
    epoch: u64,
    /// Size and time of the last one that was published here.
    last: Option<(u64, u64)>,
}

impl Publisher {
    pub(super) fn new(core: Arc<Core>, role: Weak<Role>, epoch: u64) -> Self {
        Self {
            core,
            role,
            epoch,
            last: None,
        }
    }

    /// Publishes until the sequencer ends.
    pub(super) async fn run(mut self, mut sequencer: watch::Receiver<()>) {
        let mut news = self.core.signed.subscribe();
        let work = async {
            // Nobody has a use for the checkpoint of the empty tree.
            if news.wait_for(|signed| signed.head.size > 0).await.is_err() {
                return;
            }
            loop {
                match self.publish().await {
                    Ok(()) => {}
                    Err(AuthorityError::Store(StoreError::Deposed { .. })) => return,
                    Err(error) => {
                        let log = self.core.config.name;
                        tracing::warn!(log, %error, "the checkpoint is not published");
                    }
                }
                tokio::time::sleep(INTERVAL).await;
            }
        };
        tokio::select! {
            () = work => {}
            _ = sequencer.changed() => {}
        }
    }

    async fn publish(&mut self) -> Result<(), AuthorityError> {
        let signed = self.core.signed.borrow().clone();
        let now = self.core.now_ms();
        let fresh = |(size, at): (u64, u64)| {
            size == signed.head.size && now.saturating_sub(at) < RENEWAL_MS
        };
        if self.last.is_some_and(fresh) {
            return Ok(());
        }
        let role = self.role.upgrade();
        if !role.is_some_and(|role| role.is(&signed.head)) {
            let log = self.core.config.name;
            return Err(StoreError::Deposed { log }.into());
        }
        // Signed anew: a checkpoint may carry its time.
        let signed = self.core.sign(signed.head, signed.frontier.clone())?;
        let lines = self.cosignatures(&signed).await?;
        let note: String = [&*signed.checkpoint, &lines].concat();
        let (name, size) = (self.core.config.name, signed.head.size);
        let store = &self.core.store;
        store.publish(name, self.epoch, size, &note).await?;
        self.core.show_note(size, note.into());
        self.last = Some((size, now));
        Ok(())
    }

    async fn cosignatures(&self, signed: &Signed) -> Result<String, AuthorityError> {
        let (Some(cosigner), Some(role)) = (&self.core.config.cosigner, self.role.upgrade()) else {
            return Ok(String::new());
        };
        let log = Log {
            core: self.core.clone(),
            role,
            patience: PATIENCE,
        };
        let asked = cosigner.cosign(&log, &signed.checkpoint, signed.head.size);
        let late = || AuthorityError::LogUnavailable {
            log: self.core.config.name.into(),
            why: "its witnesses do not answer in time".into(),
        };
        let answered = tokio::time::timeout(cosigner.limit(), asked).await;
        match answered.map_err(|_| late()).flatten() {
            Ok(lines) => Ok(lines.concat()),
            Err(error) if cosigner.required() => Err(error),
            Err(error) => {
                tracing::warn!(log = self.core.config.name, %error, "published without witnesses");
                Ok(String::new())
            }
        }
    }
}

#[cfg(test)]
mod tests;
