//! The right edge of a growing tree: all that is needed to append and to know
//! the root. A clone of it is the tentative tree of a batch.

use super::{MerkleError, NodeHash, TILE_WIDTH, TileId, empty_root, node_hash};

/// A tile that an append touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTile {
    /// Which, with its width.
    pub id: TileId,
    /// Its hashes, `32 · width` bytes.
    pub bytes: Vec<u8>,
}

/// The partial tiles at the right edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Per tile level, the hashes of its last, not yet full tile.
    edge: Vec<Vec<NodeHash>>,
    touched: Vec<bool>,
    full: Vec<WrittenTile>,
}

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The partial tiles that [`Self::load`] needs for a tree of `size` leaves.
    pub fn edge_tiles(size: u64) -> Vec<TileId> {
        let mut tiles = Vec::new();
        let (mut level, mut hashes) = (0, size);
        while hashes > 0 {
            let width = hashes % TILE_WIDTH;
            if width > 0 {
                tiles.push(TileId {
                    level,
                    index: hashes / TILE_WIDTH,
                    width: u16::try_from(width).unwrap_or(0),
                });
            }
            hashes /= TILE_WIDTH;
            level += 1;
        }
        tiles
    }

    /// Takes up a tree of `size` leaves from its stored partial tiles.
    ///
    /// # Errors
    /// [`MerkleError::MissingTile`] if `lookup` has none, or a shorter one.
    pub fn load(
        size: u64,
        mut lookup: impl FnMut(TileId) -> Option<Vec<u8>>,
    ) -> Result<Self, MerkleError> {
        let mut edge = Vec::new();
        for tile in Self::edge_tiles(size) {
            let level = usize::from(tile.level);
            edge.resize(edge.len().max(level + 1), Vec::new());
            let bytes = lookup(tile).unwrap_or_default();
            let hashes = bytes.as_chunks::<32>().0.get(..usize::from(tile.width));
            let hashes = hashes.ok_or_else(|| MerkleError::MissingTile(tile.path()))?;
            if let Some(slot) = edge.get_mut(level) {
                *slot = hashes.to_vec();
            }
        }
        Ok(Self {
            size,
            touched: vec![false; edge.len()],
            edge,
            full: Vec::new(),
        })
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf and tells its index.
    pub fn append(&mut self, leaf: NodeHash) -> u64 {
        let index = self.size;
        self.size += 1;
        let mut carry = Some(leaf);
        let mut level = 0;
        while let Some(hash) = carry.take() {
            if self.edge.len() == level {
                self.edge.push(Vec::new());
                self.touched.push(false);
            }
            let (Some(row), Some(touched)) =
                (self.edge.get_mut(level), self.touched.get_mut(level))
            else {
                break;
            };
            row.push(hash);
            *touched = true;
            if row.len() as u64 == TILE_WIDTH {
                carry = fold(row);
                self.full.push(WrittenTile {
                    id: TileId {
                        level: u8::try_from(level).unwrap_or(u8::MAX),
                        index: (self.size >> (8 * (level + 1))) - 1,
                        width: 256,
                    },
                    bytes: row.concat(),
                });
                row.clear();
                *touched = false;
            }
            level += 1;
        }
        index
    }

    /// The root.
    pub fn root(&self) -> NodeHash {
        let mut right: Option<NodeHash> = None;
        for row in &self.edge {
            let mut rest = row.as_slice();
            let mut folded = Vec::new();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(1 << rest.len().ilog2());
                folded.extend(fold(head));
                rest = tail;
            }
            for hash in folded.iter().rev() {
                right = Some(match right {
                    None => *hash,
                    Some(right) => node_hash(hash, &right),
                });
            }
        }
        right.unwrap_or_else(empty_root)
    }

    /// The tiles that were touched since the last call, full ones first.
    pub fn take_written(&mut self) -> Vec<WrittenTile> {
        let mut written = std::mem::take(&mut self.full);
        for (level, (row, touched)) in self.edge.iter().zip(&mut self.touched).enumerate() {
            if std::mem::take(touched) && !row.is_empty() {
                written.push(WrittenTile {
                    id: TileId {
                        level: u8::try_from(level).unwrap_or(u8::MAX),
                        index: self.size >> (8 * (level + 1)),
                        width: u16::try_from(row.len()).unwrap_or(0),
                    },
                    bytes: row.concat(),
                });
            }
        }
        written
    }

    /// The bytes of a tile of the right edge, if it is one.
    pub fn edge_tile(&self, level: u8, index: u64) -> Option<Vec<u8>> {
        let shift = 8 * (u32::from(level) + 1);
        let current = self.size.checked_shr(shift).unwrap_or(0);
        let row = self
            .edge
            .get(usize::from(level))
            .filter(|row| !row.is_empty())?;
        (current == index).then(|| row.concat())
    }
}

/// The hash over a power of two of hashes.
fn fold(hashes: &[NodeHash]) -> Option<NodeHash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    row.first().copied()
}
