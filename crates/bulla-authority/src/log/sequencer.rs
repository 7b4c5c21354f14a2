//! One task per log that alone appends to it.

use bulla_core::Clock;
use bulla_crypto::{
    checkpoint::Checkpoint,
    merkle::{Frontier, MerkleError, Path, inclusion_path, leaf_hash, node_from_tile, tile_of},
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{mpsc, oneshot};

use super::{Leaf, LogConfig, Sequenced};
use crate::{
    error::AuthorityError,
    store::{Commit, Head, LogStore, NewEntry, StoreError},
};

/// Entries of one group commit.
const BATCH: usize = 256;

pub(super) type BuildLeaf = Box<dyn FnOnce(u64, u64) -> Result<Leaf, AuthorityError> + Send>;

/// An entry that wants a place.
pub(super) struct Submission {
    pub(super) identity: [u8; 32],
    pub(super) build: BuildLeaf,
    pub(super) answer: oneshot::Sender<Result<Sequenced, AuthorityError>>,
}

/// What readers see of a log.
#[derive(Clone)]
pub(super) struct Published {
    pub(super) size: u64,
    pub(super) checkpoint: Arc<str>,
}

/// The only writer of a log.
pub(super) struct Sequencer {
    config: LogConfig,
    store: Arc<dyn LogStore>,
    clock: Arc<dyn Clock>,
    head: Head,
    frontier: Frontier,
}

/// A submission whose place is settled but not yet committed.
struct Placed {
    index: u64,
    duplicate: bool,
    answer: oneshot::Sender<Result<Sequenced, AuthorityError>>,
}

impl Sequencer {
    /// Takes the log over and checks its edge against its root.
    pub(super) async fn load(
        config: LogConfig,
        store: Arc<dyn LogStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthorityError> {
        let name = config.name;
        let head = store.take_over(name).await?;
        let mut edge = HashMap::new();
        for tile in Frontier::edge_tiles(head.size) {
            let bytes = store.tile(name, tile.level, tile.index).await?;
            edge.insert((tile.level, tile.index), bytes.unwrap_or_default());
        }
        let frontier = Frontier::load(head.size, |tile| edge.remove(&(tile.level, tile.index)))?;
        if frontier.root() != head.root {
            return Err(AuthorityError::Damaged {
                what: format!("{name} log"),
            });
        }
        Ok(Self {
            config,
            store,
            clock,
            head,
            frontier,
        })
    }

    /// Signs the present head.
    pub(super) fn published(&self) -> Result<Published, AuthorityError> {
        self.sign(&self.head)
    }

    /// Commits what comes until every handle is gone.
    pub(super) async fn run(
        &mut self,
        mut queue: mpsc::Receiver<Submission>,
        publish: &RwLock<Published>,
    ) {
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            match self.commit(std::mem::take(&mut batch), publish).await {
                Ok(()) => {}
                Err(error @ AuthorityError::Store(StoreError::Deposed { .. })) => {
                    tracing::error!(log = self.config.name, %error, "the log stops");
                    return;
                }
                // The head stays as it was; should the store have committed after
                // all, the next compare-and-swap fails and the log stops.
                Err(error) => tracing::error!(log = self.config.name, %error, "not committed"),
            }
        }
    }

    /// Commits one batch. After an error whoever waits sees the channel close.
    async fn commit(
        &mut self,
        batch: Vec<Submission>,
        publish: &RwLock<Published>,
    ) -> Result<(), AuthorityError> {
        let now_ms = milliseconds(&*self.clock);
        let mut grown = self.frontier.clone();
        let mut entries: Vec<NewEntry> = Vec::new();
        let mut placed = Vec::new();
        let mut seen: HashMap<[u8; 32], u64> = HashMap::new();
        for Submission {
            identity,
            build,
            answer,
        } in batch
        {
            let known = match seen.get(&identity) {
                Some(index) => Some(*index),
                None => self.store.find(self.config.name, identity).await?,
            };
            if let Some(index) = known {
                placed.push(Placed {
                    index,
                    duplicate: true,
                    answer,
                });
                continue;
            }
            match build(grown.size(), now_ms) {
                Err(error) => drop(answer.send(Err(error))),
                Ok(leaf) => {
                    let index = grown.append(leaf_hash(&leaf.merkle));
                    entries.push(NewEntry {
                        index,
                        identity,
                        bytes: leaf.stored,
                    });
                    seen.insert(identity, index);
                    placed.push(Placed {
                        index,
                        duplicate: false,
                        answer,
                    });
                }
            }
        }
        let written = grown.take_written();
        let to = Head {
            size: grown.size(),
            root: grown.root(),
            ..self.head
        };
        if !entries.is_empty() {
            let commit = Commit {
                log: self.config.name,
                from: self.head,
                to,
                entries: entries.clone(),
                tiles: written.clone(),
            };
            self.store.commit(commit).await?;
        }
        self.head = to;
        self.frontier = grown;
        let signed = self.sign(&to)?;
        *publish.write().unwrap_or_else(PoisonError::into_inner) = signed.clone();
        let mut tiles: HashMap<(u8, u64), Vec<u8>> = written
            .into_iter()
            .map(|tile| ((tile.id.level, tile.id.index), tile.bytes))
            .collect();
        let entries: HashMap<u64, Vec<u8>> = entries
            .into_iter()
            .map(|entry| (entry.index, entry.bytes))
            .collect();
        for Placed {
            index,
            duplicate,
            answer,
        } in placed
        {
            let sequenced = self
                .prove(index, duplicate, &signed, &mut tiles, &entries)
                .await;
            drop(answer.send(sequenced));
        }
        Ok(())
    }

    async fn prove(
        &self,
        index: u64,
        duplicate: bool,
        signed: &Published,
        tiles: &mut HashMap<(u8, u64), Vec<u8>>,
        entries: &HashMap<u64, Vec<u8>>,
    ) -> Result<Sequenced, AuthorityError> {
        let path = inclusion_path(index, self.head.size)?;
        self.load_tiles(&path, tiles).await?;
        let proof = path.resolve(|node| {
            let (level, index, ..) = tile_of(node);
            let bytes = tiles.get(&(level, index)).map_or(&[][..], Vec::as_slice);
            node_from_tile(node, bytes)
        })?;
        let stored = match entries.get(&index) {
            Some(bytes) => bytes.clone(),
            None => {
                let stored = self.store.entries(self.config.name, index, 1).await?;
                let missing = || MerkleError::MissingTile(format!("entry {index}"));
                stored.into_iter().next().ok_or_else(missing)?
            }
        };
        Ok(Sequenced {
            index,
            size: self.head.size,
            root: self.head.root,
            proof,
            checkpoint: signed.checkpoint.clone(),
            stored,
            duplicate,
        })
    }

    async fn load_tiles(
        &self,
        path: &Path,
        tiles: &mut HashMap<(u8, u64), Vec<u8>>,
    ) -> Result<(), AuthorityError> {
        for node in path.nodes() {
            let (level, index, ..) = tile_of(node);
            if tiles.contains_key(&(level, index)) {
                continue;
            }
            let bytes = match self.frontier.edge_tile(level, index) {
                Some(bytes) => Some(bytes),
                None => self.store.tile(self.config.name, level, index).await?,
            };
            tiles.insert((level, index), bytes.unwrap_or_default());
        }
        Ok(())
    }

    fn sign(&self, head: &Head) -> Result<Published, AuthorityError> {
        let checkpoint = Checkpoint {
            origin: self.config.origin.clone(),
            size: head.size,
            root: head.root,
        };
        let signed = (self.config.sign)(&checkpoint, milliseconds(&*self.clock))?;
        Ok(Published {
            size: head.size,
            checkpoint: signed.into(),
        })
    }
}

fn milliseconds(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.now().as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
