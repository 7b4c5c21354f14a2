//! A handle to a log: add an entry, read what is published.

use bulla_core::Clock;
use bulla_crypto::{
    checkpoint::Checkpoint,
    merkle::{NodeHash, TileId},
    note::NoteError,
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};

use super::sequencer::{Published, Sequencer, Submission};
use crate::{error::AuthorityError, store::LogStore};

/// Submissions that may wait; more are held back.
const QUEUE: usize = 4096;

/// Signs a checkpoint at a time in milliseconds since 1970.
pub type SignCheckpoint = Box<dyn Fn(&Checkpoint, u64) -> Result<String, NoteError> + Send + Sync>;

/// What a log needs besides its store.
pub struct LogConfig {
    /// Its name in the store.
    pub name: &'static str,
    /// Its name in checkpoints.
    pub origin: String,
    /// Signs its checkpoints.
    pub sign: SignCheckpoint,
}

/// What becomes of a submission once its place is known.
pub struct Leaf {
    /// The bytes whose hash is in the tree.
    pub merkle: Vec<u8>,
    /// The bytes that entry bundles hold.
    pub stored: Vec<u8>,
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
        let mut sequencer = Sequencer::load(config, store.clone(), clock).await?;
        let published = Arc::new(RwLock::new(sequencer.published()?));
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

    /// The stored bytes of one entry, if the published tree has it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, AuthorityError> {
        if index >= self.size() {
            return Ok(None);
        }
        Ok(self
            .store
            .entries(self.name, index, 1)
            .await?
            .into_iter()
            .next())
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
