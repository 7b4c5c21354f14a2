//! Merkle trees of RFC 6962: hashes, proofs, and tiles (C2SP tlog-tiles).
//!
//! Everything is computed from bytes that the caller holds; where stored tiles
//! are needed, the functions say which, and are given them.

mod frontier;
mod proof;
mod tile;

use sha2::{Digest as _, Sha256};

pub use frontier::{Frontier, WrittenTile};
pub use proof::{
    MerkleError, Node, Path, consistency_path, inclusion_path, verify_consistency, verify_inclusion,
};
pub use tile::{TILE_WIDTH, TileId, node_from_tile, parse_tile_path, tile_of};

/// A SHA-256 hash of the tree.
pub type NodeHash = [u8; 32];

/// `SHA-256(0x00 ‖ leaf)`
pub fn leaf_hash(leaf: &[u8]) -> NodeHash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`
pub fn node_hash(left: &NodeHash, right: &NodeHash) -> NodeHash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of the tree without leaves: `SHA-256("")`.
pub fn empty_root() -> NodeHash {
    Sha256::digest([]).into()
}

#[cfg(test)]
mod tests;
