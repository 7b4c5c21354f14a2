//! One thread per led log that alone appends to it.
//!
//! What arrives while a commit is on its way to the disk forms the next one:
//! group commit without a timer. The thread is the log's own, because the tasks
//! that verify requests keep the runtime's threads busy. Proofs are made by whoever
//! waits, from the tree that the answer carries.

use bulla_crypto::merkle::{Frontier, leaf_hash};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Leaf,
    handle::{Core, Signed},
    role::Role,
};
use crate::{
    error::AuthorityError,
    store::{Commit, Head, NewEntry, StoreError},
};

/// Entries of one group commit.
const BATCH: usize = 1024;

pub(super) type BuildLeaf = Box<dyn FnOnce(u64, u64) -> Result<Leaf, AuthorityError> + Send>;
type Answer = oneshot::Sender<Result<Settled, AuthorityError>>;

/// An entry that wants a place.
pub(super) struct Submission {
    pub(super) identity: [u8; 32],
    pub(super) build: BuildLeaf,
    pub(super) answer: Answer,
}

/// An entry in its place, in a tree that is durable and signed.
pub(super) struct Settled {
    pub(super) index: u64,
    pub(super) duplicate: bool,
    /// The entry, if it is of this commit.
    pub(super) stored: Option<Bytes>,
    pub(super) signed: Arc<Signed>,
}

/// The only writer of a log.
pub(super) struct Sequencer {
    core: Arc<Core>,
    role: Weak<Role>,
    head: Head,
    frontier: Frontier,
    signed: Arc<Signed>,
    /// A commit whose outcome is not known.
    in_doubt: Option<(Head, Frontier)>,
}

/// A submission whose place is settled but not yet committed.
struct Placed {
    index: u64,
    new: Option<Bytes>,
    answer: Answer,
}

/// Why a batch was not committed.
enum Refused {
    /// Another writer took over.
    Deposed,
    /// The store failed.
    Failed(String),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Deposed { .. } => Self::Deposed,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Sequencer {
    /// A sequencer that goes on from `signed`.
    pub(super) fn new(core: Arc<Core>, role: Weak<Role>, signed: Arc<Signed>) -> Self {
        let mut frontier = signed.frontier.clone();
        frontier.settle();
        Self {
            core,
            role,
            head: signed.head,
            frontier,
            signed,
            in_doubt: None,
        }
    }

    /// Commits what comes until every handle is gone or another writer took over.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        let name = self.core.config.name;
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let (waiting, refused) = if self.leads() {
                self.commit(&mut batch).await
            } else {
                (Vec::new(), Some(Refused::Deposed))
            };
            let Some(refused) = refused else {
                continue;
            };
            let answers = batch.drain(..).map(|submission| submission.answer);
            let answers = answers.chain(waiting.into_iter().map(|placed| placed.answer));
            match refused {
                Refused::Failed(why) => {
                    tracing::error!(log = name, %why, "not committed");
                    let log = name.to_owned();
                    let failed = |why: &str| AuthorityError::LogUnavailable {
                        log: log.clone(),
                        why: why.into(),
                    };
                    answers.for_each(|answer| drop(answer.send(Err(failed(&why)))));
                }
                Refused::Deposed => {
                    if let Some(role) = self.role.upgrade() {
                        role.leave(&self.head);
                    }
                    tracing::warn!(log = name, "this process does not lead the log any more");
                    queue.close();
                    answers.for_each(|answer| not_leading(name, answer));
                    while let Some(submission) = queue.recv().await {
                        not_leading(name, submission.answer);
                    }
                    return;
                }
            }
        }
    }

    /// Commits one batch and answers it, or gives back who waits and why it was not.
    async fn commit(&mut self, batch: &mut Vec<Submission>) -> (Vec<Placed>, Option<Refused>) {
        if let Err(refused) = self.resolve_doubt().await {
            return (Vec::new(), Some(refused));
        }
        let name = self.core.config.name;
        let identities: Vec<_> = batch.iter().map(|submission| submission.identity).collect();
        let known = match self.core.store.find_all(name, &identities).await {
            Ok(known) => known,
            Err(error) => return (Vec::new(), Some(error.into())),
        };
        let (grown, entries, placed) = self.place(batch, known);
        if !entries.is_empty() {
            let to = Head {
                size: grown.size(),
                root: grown.root(),
                ..self.head
            };
            if let Err(refused) = self.write(to, entries, grown).await {
                return (placed, Some(refused));
            }
        }
        for Placed { index, new, answer } in placed {
            let settled = Settled {
                index,
                duplicate: new.is_none(),
                stored: new,
                signed: self.signed.clone(),
            };
            drop(answer.send(Ok(settled)));
        }
        (Vec::new(), None)
    }

    /// Gives each submission its place in the tree that is to be.
    fn place(
        &self,
        batch: &mut Vec<Submission>,
        known: Vec<Option<u64>>,
    ) -> (Frontier, Vec<NewEntry>, Vec<Placed>) {
        let now_ms = self.core.now_ms();
        let mut grown = self.frontier.clone();
        let mut entries: Vec<NewEntry> = Vec::with_capacity(batch.len());
        let mut placed = Vec::with_capacity(batch.len());
        let mut seen: HashMap<[u8; 32], u64> = HashMap::with_capacity(batch.len());
        for (submission, known) in batch.drain(..).zip(known) {
            let Submission {
                identity,
                build,
                answer,
            } = submission;
            if let Some(index) = known.or_else(|| seen.get(&identity).copied()) {
                let new = None;
                placed.push(Placed { index, new, answer });
                continue;
            }
            match build(grown.size(), now_ms) {
                Err(error) => drop(answer.send(Err(error))),
                Ok(leaf) => {
                    let index = grown.append(leaf_hash(&leaf.merkle));
                    let bytes = Bytes::from(leaf.stored);
                    let new = Some(bytes.clone());
                    entries.push(NewEntry { identity, bytes });
                    seen.insert(identity, index);
                    placed.push(Placed { index, new, answer });
                }
            }
        }
        (grown, entries, placed)
    }

    /// Makes a commit durable, then signs it.
    async fn write(
        &mut self,
        to: Head,
        entries: Vec<NewEntry>,
        grown: Frontier,
    ) -> Result<(), Refused> {
        let commit = Commit {
            log: self.core.config.name,
            from: self.head,
            to,
            entries,
            tiles: grown.full(),
            edge: grown.edge(),
        };
        let refused = match self.core.store.commit(commit).await {
            Ok(()) => return self.adopt(to, grown),
            Err(error) => Refused::from(error),
        };
        if matches!(refused, Refused::Deposed) {
            return Err(refused);
        }
        // It may have been committed all the same: then those who wait get what
        // they wait for.
        self.in_doubt = Some((to, grown));
        match self.resolve_doubt().await {
            Ok(()) if self.head == to => Ok(()),
            Ok(()) | Err(Refused::Failed(_)) => Err(refused),
            Err(Refused::Deposed) => Err(Refused::Deposed),
        }
    }

    /// Whether this process leads the log, for certain.
    fn leads(&self) -> bool {
        self.role.upgrade().is_some_and(|role| role.is(&self.head))
    }

    fn adopt(&mut self, head: Head, mut frontier: Frontier) -> Result<(), Refused> {
        // The store took it in time, but here it is too late: whoever leads now
        // answers for it.
        if !self.leads() {
            return Err(Refused::Deposed);
        }
        let signed = self.core.sign(head, frontier.clone());
        frontier.settle();
        self.head = head;
        self.frontier = frontier;
        self.signed = signed.map_err(|error| Refused::Failed(error.to_string()))?;
        self.core.signed.send_replace(self.signed.clone());
        Ok(())
    }

    /// Asks the store what became of a commit that failed in an unknown way.
    async fn resolve_doubt(&mut self) -> Result<(), Refused> {
        let Some((to, grown)) = &self.in_doubt else {
            return Ok(());
        };
        let tree = self.core.store.tree(self.core.config.name).await?;
        let head = tree.map(|tree| tree.head);
        if head == Some(*to) {
            let (to, grown) = (*to, grown.clone());
            self.in_doubt = None;
            return self.adopt(to, grown);
        }
        if head != Some(self.head) {
            return Err(Refused::Deposed);
        }
        self.in_doubt = None;
        Ok(())
    }
}

fn not_leading(log: &str, answer: Answer) {
    drop(answer.send(Err(AuthorityError::NotLeading { log: log.into() })));
}

#[cfg(test)]
mod tests;
