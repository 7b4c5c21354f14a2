//! Tiles of 256 hashes and their paths (C2SP tlog-tiles v0.1).

use super::{MerkleError, Node, NodeHash, node_hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
const TILE_HEIGHT: u8 = 8;
const MAX_LEVEL: u8 = 7;

/// One tile: 256 hashes, or as many as there are (`width`) at the right edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileId {
    /// Tile level; each covers eight levels of the tree.
    pub level: u8,
    /// Its place in its level.
    pub index: u64,
    /// Hashes, 1 to 256.
    pub width: u16,
}

impl TileId {
    /// `LEVEL/x001/x234/067`, with `.p/WIDTH` when it is not full.
    pub fn path(&self) -> String {
        format!("{}/{}", self.level, index_path(self.index, self.width))
    }
}

fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if u64::from(width) < TILE_WIDTH {
        path = format!("{path}.p/{width}");
    }
    path
}

/// Reads `x001/x234/067` with or without `.p/WIDTH` into index and width.
///
/// # Errors
/// [`MerkleError::Path`] for anything that is not exactly the path of one tile.
pub fn parse_tile_path(path: &[u8]) -> Result<(u64, u16), MerkleError> {
    let refused = || MerkleError::Path(String::from_utf8_lossy(path).chars().take(100).collect());
    let path = std::str::from_utf8(path).map_err(|_| refused())?;
    let (index_text, width) = match path.split_once(".p/") {
        None => (path, 256),
        Some((index, width)) => {
            let width = width.parse().ok().filter(|width| (1..256).contains(width));
            (index, width.ok_or_else(refused)?)
        }
    };
    let mut index: u64 = 0;
    for part in index_text.split('/') {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let three = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = digits
            .parse::<u64>()
            .ok()
            .filter(|_| three)
            .ok_or_else(refused)?;
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(value))
            .ok_or_else(refused)?;
    }
    if index_path(index, width) == path {
        Ok((index, width))
    } else {
        Err(refused())
    }
}

/// The tile level and index that hold `node`, its first hash there and how many it covers.
pub fn tile_of(node: Node) -> (u8, u64, usize, usize) {
    let level = node.level / TILE_HEIGHT;
    let height = node.level % TILE_HEIGHT;
    let first = node.index << height;
    let offset = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
    (level, first / TILE_WIDTH, offset, 1 << height)
}

/// The hash of `node`, from the bytes of the tile that [`tile_of`] names.
///
/// # Errors
/// [`MerkleError::MissingTile`] if the tile is too short.
pub fn node_from_tile(node: Node, tile: &[u8]) -> Result<NodeHash, MerkleError> {
    let (level, index, offset, count) = tile_of(node);
    let missing = || {
        let width = u16::try_from(offset + count).unwrap_or(256);
        MerkleError::MissingTile(
            TileId {
                level,
                index,
                width,
            }
            .path(),
        )
    };
    if level > MAX_LEVEL {
        return Err(missing());
    }
    let hashes = tile.as_chunks::<32>().0;
    let mut row = hashes
        .get(offset..offset + count)
        .ok_or_else(missing)?
        .to_vec();
    while row.len() > 1 {
        row = row
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    row.first().copied().ok_or_else(missing)
}
