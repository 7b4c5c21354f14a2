//! One task per log that alone appends to it.

use bulla_core::Clock;
use bulla_crypto::{
    checkpoint::Checkpoint,
    merkle::{
        Frontier, MerkleError, NodeHash, Path, TileId, inclusion_path, leaf_hash, node_from_tile,
        tile_of,
    },
    note::NoteError,
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::AuthorityError,
    store::{Commit, Head, LogStore, NewEntry, StoreError},
};

/// Submissions that may wait; more are turned away by back-pressure.
const QUEUE: usize = 4096;
/// Entries of one group commit.
const BATCH: usize = 256;

/// What a log needs besides its store.
pub struct LogConfig {
    /// Its name in the store.
    pub name: &'static str,
    /// Its name in checkpoints.
    pub origin: String,
    /// Signs a checkpoint, given the milliseconds since 1970.
    pub sign: Box<dyn Fn(&Checkpoint, u64) -> Result<String, NoteError> + Send + Sync>,
}

/// What becomes of a submission once its place is known.
pub struct Leaf {
    /// The bytes whose hash is in the tree.
    pub merkle: Vec<u8>,
    /// The bytes that entry bundles hold.
    pub stored: Vec<u8>,
}

type BuildLeaf = Box<dyn FnOnce(u64, u64) -> Result<Leaf, AuthorityError> + Send>;

struct Submission {
    identity: [u8; 32],
    build: BuildLeaf,
    answer: oneshot::Sender<Result<Sequenced, AuthorityError>>,
}

/// An entry in the log, with the proof.
#[derive(Clone, Debug)]
pub struct Sequenced {
    /// Its place.
    pub index: u64,
    /// The size of the tree that the proof is for.
    pub size: u64,
    /// Its root.
    pub root: NodeHash,
    /// The inclusion proof.
    pub proof: Vec<NodeHash>,
    /// The signed checkpoint of that tree.
    pub checkpoint: Arc<str>,
    /// The bytes that entry bundles hold.
    pub stored: Vec<u8>,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// A handle to a log.
#[derive(Clone)]
pub struct Log {
    name: &'static str,
    store: Arc<dyn LogStore>,
    submissions: mpsc::Sender<Submission>,
    published: Arc<RwLock<Published>>,
}

#[derive(Clone)]
struct Published {
    size: u64,
    checkpoint: Arc<str>,
}

impl Log {
    /// Takes the log over, checks its edge against its root and starts its sequencer.
    ///
    /// # Errors
    /// [`AuthorityError::Damaged`] if tiles and head disagree, or the store fails.
    pub async fn open(
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
        let mut sequencer = Sequencer {
            config,
            store: store.clone(),
            clock,
            head,
            frontier,
        };
        let published = Arc::new(RwLock::new(sequencer.sign(&head)?));
        let (submissions, queue) = mpsc::channel(QUEUE);
        let publish = published.clone();
        tokio::spawn(async move { sequencer.run(queue, &publish).await });
        Ok(Self {
            name,
            store,
            submissions,
            published,
        })
    }

    /// Leaves in the published tree.
    pub fn size(&self) -> u64 {
        self.published().size
    }

    /// The last signed checkpoint.
    pub fn checkpoint(&self) -> Arc<str> {
        self.published().checkpoint
    }

    /// Adds an entry and waits until a signed checkpoint covers it. `build` gets
    /// its index and the milliseconds since 1970; of two submissions with the
    /// same `identity` only the first is built.
    ///
    /// # Errors
    /// Whatever `build` or the store fails with; [`AuthorityError::LogClosed`].
    pub async fn add(
        &self,
        identity: [u8; 32],
        build: impl FnOnce(u64, u64) -> Result<Leaf, AuthorityError> + Send + 'static,
    ) -> Result<Sequenced, AuthorityError> {
        let closed = |why| AuthorityError::LogClosed {
            log: self.name.into(),
            why,
        };
        let (answer, answered) = oneshot::channel();
        let submission = Submission {
            identity,
            build: Box::new(build),
            answer,
        };
        let sent = self.submissions.send(submission).await;
        sent.map_err(|_| closed("its sequencer has stopped"))?;
        answered
            .await
            .map_err(|_| closed("the entry was not committed"))?
    }

    /// The bytes of a hash tile of exactly this width, if the published tree has it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tile(&self, tile: TileId) -> Result<Option<Vec<u8>>, AuthorityError> {
        if !self.covers(tile) {
            return Ok(None);
        }
        let bytes = self.store.tile(self.name, tile.level, tile.index).await?;
        let wanted = usize::from(tile.width) * 32;
        Ok(bytes.and_then(|bytes| bytes.get(..wanted).map(<[u8]>::to_vec)))
    }

    /// The entries below a level-0 tile of exactly this width, if the published tree has them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entries(
        &self,
        index: u64,
        width: u16,
    ) -> Result<Option<Vec<Vec<u8>>>, AuthorityError> {
        if !self.covers(TileId {
            level: 0,
            index,
            width,
        }) {
            return Ok(None);
        }
        let entries = self
            .store
            .entries(self.name, index.saturating_mul(256), width)
            .await?;
        Ok((entries.len() == usize::from(width)).then_some(entries))
    }

    fn covers(&self, tile: TileId) -> bool {
        let hashes = self
            .size()
            .checked_shr(8 * u32::from(tile.level))
            .unwrap_or(0);
        let needed = tile
            .index
            .checked_mul(256)
            .and_then(|n| n.checked_add(tile.width.into()));
        needed.is_some_and(|needed| needed <= hashes)
    }

    fn published(&self) -> Published {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Sequencer {
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
    async fn run(&mut self, mut queue: mpsc::Receiver<Submission>, publish: &RwLock<Published>) {
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
