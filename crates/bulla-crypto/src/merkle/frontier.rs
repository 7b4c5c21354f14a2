//! The right edge of a growing tree: all that is needed to append, to know the
//! root and to prove what was just appended. A clone of it is the tentative
//! tree of a batch.
//!
//! Each edge tile keeps the complete subtrees above its hashes, so that an
//! append costs one hash in the mean and a node of a proof is looked up, not
//! folded again.

use super::{MerkleError, Node, NodeHash, TILE_WIDTH, TileId, empty_root, node_hash, tile_of};

/// A tile as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTile {
    /// Which, with its width.
    pub id: TileId,
    /// Its hashes, `32 · width` bytes.
    pub bytes: Vec<u8>,
}

/// The partial tiles at the right edge, and the tiles that became full since
/// [`Frontier::settle`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Per tile level, its last, not yet full tile.
    edge: Vec<Tile>,
    full: Vec<(u8, u64, Tile)>,
}

/// The hashes of a tile (row 0) and the complete subtrees above them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tile {
    rows: [Vec<NodeHash>; 9],
}

impl Tile {
    fn new(hashes: &[NodeHash]) -> Self {
        let mut tile = Self::default();
        for hash in hashes {
            tile.push(*hash);
        }
        tile
    }

    /// Adds a hash; gives the hash over the whole tile when it is full.
    fn push(&mut self, hash: NodeHash) -> Option<NodeHash> {
        let mut carry = hash;
        for row in &mut self.rows {
            row.push(carry);
            let [.., left, right] = row.as_slice() else {
                return None;
            };
            if row.len() % 2 == 1 {
                return None;
            }
            carry = node_hash(left, right);
        }
        // The topmost row has one node only, so it returned above.
        None
    }

    fn hashes(&self) -> &[NodeHash] {
        let [hashes, ..] = &self.rows;
        hashes
    }

    fn whole(&self) -> Option<NodeHash> {
        let [.., top] = &self.rows;
        top.first().copied()
    }

    fn node(&self, height: u8, place: usize) -> Option<NodeHash> {
        self.rows.get(usize::from(height))?.get(place).copied()
    }

    fn written(&self, level: u8, index: u64) -> WrittenTile {
        let hashes = self.hashes();
        WrittenTile {
            id: TileId {
                level,
                index,
                width: u16::try_from(hashes.len()).unwrap_or(0),
            },
            bytes: hashes.concat(),
        }
    }
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
        let mut edge: Vec<Tile> = Vec::new();
        for tile in Self::edge_tiles(size) {
            let level = usize::from(tile.level);
            edge.resize(level, Tile::default());
            let bytes = lookup(tile).unwrap_or_default();
            let hashes = bytes.as_chunks::<32>().0.get(..usize::from(tile.width));
            let hashes = hashes.ok_or_else(|| MerkleError::MissingTile(tile.path()))?;
            edge.push(Tile::new(hashes));
        }
        Ok(Self {
            size,
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
                self.edge.push(Tile::default());
            }
            let Some(tile) = self.edge.get_mut(level) else {
                break;
            };
            tile.push(hash);
            carry = tile.whole();
            if carry.is_some() {
                let index = (self.size >> (8 * (level + 1))) - 1;
                let level = u8::try_from(level).unwrap_or(u8::MAX);
                self.full.push((level, index, std::mem::take(tile)));
            }
            level += 1;
        }
        index
    }

    /// The root.
    pub fn root(&self) -> NodeHash {
        let mut right: Option<NodeHash> = None;
        for tile in &self.edge {
            let width = tile.hashes().len();
            // The complete subtrees of the tile, smallest (rightmost) first.
            for height in (0..9).filter(|height| width >> height & 1 == 1) {
                let Some(left) = tile.node(height, (width >> height) - 1) else {
                    continue;
                };
                right = Some(match right {
                    None => left,
                    Some(right) => node_hash(&left, &right),
                });
            }
        }
        right.unwrap_or_else(empty_root)
    }

    /// The tiles that became full since [`Self::settle`].
    pub fn full(&self) -> Vec<WrittenTile> {
        let full = self.full.iter();
        full.map(|(level, index, tile)| tile.written(*level, *index))
            .collect()
    }

    /// All partial tiles: what [`Self::load`] wants of this tree.
    pub fn edge(&self) -> Vec<WrittenTile> {
        let partial = self
            .edge
            .iter()
            .zip(0u8..)
            .filter(|(tile, _)| !tile.hashes().is_empty());
        partial
            .map(|(tile, level)| tile.written(level, self.current(level)))
            .collect()
    }

    /// Forgets the full tiles, which are stored now.
    pub fn settle(&mut self) {
        self.full.clear();
    }

    /// The bytes of a tile that is at hand, whatever its width.
    pub fn tile(&self, level: u8, index: u64) -> Option<Vec<u8>> {
        Some(self.at(level, index)?.hashes().concat())
    }

    /// The hash of a complete subtree, if its tile is at hand.
    pub fn node(&self, node: Node) -> Option<NodeHash> {
        let (level, index, offset, _) = tile_of(node);
        let height = node.level % 8;
        self.at(level, index)?.node(height, offset >> height)
    }

    fn at(&self, level: u8, index: u64) -> Option<&Tile> {
        if index == self.current(level) {
            return self.edge.get(usize::from(level));
        }
        let mut full = self.full.iter();
        let found = full.find(|(at, place, _)| (*at, *place) == (level, index));
        found.map(|(_, _, tile)| tile)
    }

    /// The index of the edge tile of `level`.
    fn current(&self, level: u8) -> u64 {
        let shift = 8 * (u32::from(level) + 1);
        self.size.checked_shr(shift).unwrap_or(0)
    }
}
