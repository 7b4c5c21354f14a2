//! Reading a log, led or followed: entries, tiles and proofs of its present tree.
//!
//! The edge of the tree is at hand, with what was just appended; everything else
//! is read from stored tiles, which are full and never change.

use bulla_crypto::merkle::{
    Frontier, MerkleError, NodeHash, Path, TileId, consistency_path, inclusion_path,
    node_from_tile, tile_of,
};
use bytes::Bytes;
use std::collections::HashMap;

use super::{Log, Sequenced, sequencer::Settled};
use crate::error::AuthorityError;

impl Log {
    /// Removes what failed or deposed writers left in the store, if that is due.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn collect(&self) -> Result<(), AuthorityError> {
        let removed = self.core.store.collect(self.core.config.name).await?;
        if removed > 0 {
            tracing::info!(
                log = self.core.config.name,
                removed,
                "garbage was collected"
            );
        }
        Ok(())
    }

    pub(super) async fn show_settled(&self, settled: Settled) -> Result<Sequenced, AuthorityError> {
        let Settled {
            index,
            duplicate,
            stored,
            signed,
        } = settled;
        let path = inclusion_path(index, signed.head.size)?;
        let proof = self.resolve(&path, &signed.frontier).await?;
        let stored = match stored {
            Some(stored) => stored,
            None => {
                let name = self.core.config.name;
                let found = self.core.store.entries(name, index, 1).await?;
                let missing = || MerkleError::MissingTile(format!("entry {index}"));
                found.into_iter().next().ok_or_else(missing)?
            }
        };
        Ok(Sequenced {
            index,
            size: signed.head.size,
            root: signed.head.root,
            proof,
            checkpoint: signed.checkpoint.clone(),
            stored,
            duplicate,
        })
    }

    /// The hashes of a path: from the edge, and from stored tiles where that does
    /// not reach.
    async fn resolve(
        &self,
        path: &Path,
        frontier: &Frontier,
    ) -> Result<Vec<NodeHash>, AuthorityError> {
        let mut tiles: HashMap<(u8, u64), Vec<u8>> = HashMap::new();
        for node in path.nodes().filter(|node| frontier.node(*node).is_none()) {
            let (level, index, ..) = tile_of(node);
            if let std::collections::hash_map::Entry::Vacant(e) = tiles.entry((level, index)) {
                let name = self.core.config.name;
                let bytes = self.core.store.tile(name, level, index).await?;
                e.insert(bytes.unwrap_or_default());
            }
        }
        Ok(path.resolve(|node| {
            let (level, index, ..) = tile_of(node);
            match (frontier.node(node), tiles.get(&(level, index))) {
                (Some(hash), _) => Ok(hash),
                (None, bytes) => node_from_tile(node, bytes.map_or(&[][..], Vec::as_slice)),
            }
        })?)
    }

    /// The entry with this identity, proven in the present tree.
    ///
    /// # Errors
    /// If the store fails or is damaged.
    pub async fn find(&self, identity: [u8; 32]) -> Result<Option<Sequenced>, AuthorityError> {
        let name = self.core.config.name;
        let found = self.core.store.find_all(name, &[identity]).await?;
        match found.first() {
            Some(Some(index)) => self.prove(*index).await,
            _ => Ok(None),
        }
    }

    /// The entry at `index`, proven in the present tree.
    ///
    /// # Errors
    /// If the store fails or is damaged.
    pub async fn prove(&self, index: u64) -> Result<Option<Sequenced>, AuthorityError> {
        let signed = self.core.signed.borrow().clone();
        if index >= signed.head.size {
            return Ok(None);
        }
        let settled = Settled {
            index,
            duplicate: true,
            stored: None,
            signed,
        };
        self.show_settled(settled).await.map(Some)
    }

    /// The proof that the tree of `new` leaves extends that of `old`.
    ///
    /// # Errors
    /// [`MerkleError::Index`] unless `old <= new` and the log has `new` leaves; or
    /// the store fails.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<NodeHash>, AuthorityError> {
        let signed = self.core.signed.borrow().clone();
        let size = signed.head.size;
        if new > size {
            return Err(MerkleError::Index { index: new, size }.into());
        }
        self.resolve(&consistency_path(old, new)?, &signed.frontier)
            .await
    }

    /// Waits until the log has more than `size` leaves, and tells how many.
    pub async fn grown(&self, size: u64) -> u64 {
        let mut news = self.core.signed.subscribe();
        let grown = news.wait_for(|signed| signed.head.size > size).await;
        // The sender is ours: it is not gone.
        grown.map_or(size, |signed| signed.head.size)
    }

    /// The bytes of a hash tile of exactly this width, if the tree has it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tile(&self, tile: TileId) -> Result<Option<Vec<u8>>, AuthorityError> {
        let signed = self.core.signed.borrow().clone();
        if !covers(signed.head.size, tile) {
            return Ok(None);
        }
        let bytes = match signed.frontier.tile(tile.level, tile.index) {
            Some(bytes) => Some(bytes),
            None => {
                let name = self.core.config.name;
                self.core.store.tile(name, tile.level, tile.index).await?
            }
        };
        let wanted = usize::from(tile.width) * 32;
        Ok(bytes.and_then(|bytes| bytes.get(..wanted).map(<[u8]>::to_vec)))
    }

    /// The entries below a level-0 tile of exactly this width, if the tree has them.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entries(
        &self,
        index: u64,
        width: u16,
    ) -> Result<Option<Vec<Bytes>>, AuthorityError> {
        let level = 0;
        let tile = TileId {
            level,
            index,
            width,
        };
        if !covers(self.size(), tile) {
            return Ok(None);
        }
        let (name, first) = (self.core.config.name, index.saturating_mul(256));
        let entries = self.core.store.entries(name, first, width).await?;
        Ok((entries.len() == usize::from(width)).then_some(entries))
    }

    /// The stored bytes of one entry, if the tree has it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn entry(&self, index: u64) -> Result<Option<Bytes>, AuthorityError> {
        if index >= self.size() {
            return Ok(None);
        }
        let name = self.core.config.name;
        let entries = self.core.store.entries(name, index, 1).await?;
        Ok(entries.into_iter().next())
    }
}

fn covers(size: u64, tile: TileId) -> bool {
    let hashes = size.checked_shr(8 * u32::from(tile.level)).unwrap_or(0);
    let needed = tile
        .index
        .checked_mul(256)
        .and_then(|n| n.checked_add(tile.width.into()));
    needed.is_some_and(|needed| needed <= hashes)
}
