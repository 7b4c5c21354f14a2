//! Inclusion and consistency proofs (RFC 6962 §2.1, checked as in RFC 9162 §2.1).

use bulla_core::{Code, Diagnose};

use super::{NodeHash, empty_root, node_hash};

/// A complete subtree: the hash over `2^level` leaves from `index · 2^level` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its height; leaves have 0.
    pub level: u8,
    /// Its place among the nodes of its level.
    pub index: u64,
}

/// The hashes of a proof, each over a range of leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Subtrees>);

impl Path {
    /// Every node that must be looked up.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// The hashes of the proof.
    ///
    /// # Errors
    /// Whatever `lookup` fails with.
    pub fn resolve<E>(
        &self,
        mut lookup: impl FnMut(Node) -> Result<NodeHash, E>,
    ) -> Result<Vec<NodeHash>, E> {
        let mut hashes = Vec::with_capacity(self.0.len());
        for range in &self.0 {
            let mut folded: Option<NodeHash> = None;
            for node in range.clone().rev() {
                let hash = lookup(node)?;
                folded = Some(match folded {
                    None => hash,
                    Some(right) => node_hash(&hash, &right),
                });
            }
            hashes.extend(folded);
        }
        Ok(hashes)
    }
}

/// Which hashes prove that leaf `index` is in the tree of `size` leaves.
///
/// # Errors
/// [`MerkleError::Index`] unless `index < size`.
pub fn inclusion_path(index: u64, size: u64) -> Result<Path, MerkleError> {
    if index >= size {
        return Err(MerkleError::Index { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut groups = Vec::with_capacity(height(size));
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            groups.push(subtrees(middle, high));
            high = middle;
        } else {
            groups.push(subtrees(low, middle));
            low = middle;
        }
    }
    groups.reverse();
    Ok(Path(groups))
}

/// Which hashes prove that the tree of `new` leaves extends the one of `old`.
///
/// # Errors
/// [`MerkleError::Index`] unless `old <= new`.
pub fn consistency_path(old: u64, new: u64) -> Result<Path, MerkleError> {
    if old > new {
        return Err(MerkleError::Index {
            index: old,
            size: new,
        });
    }
    let mut groups = Vec::with_capacity(height(new));
    if old == 0 || old == new {
        return Ok(Path(groups));
    }
    // SUBPROOF of RFC 6962 §2.1.2, walked down instead of recursed.
    let (mut low, mut high, mut whole) = (0, new, true);
    while high > old {
        let middle = low + split(high - low);
        if old <= middle {
            groups.push(subtrees(middle, high));
            high = middle;
        } else {
            groups.push(subtrees(low, middle));
            low = middle;
            whole = false;
        }
    }
    if !whole {
        groups.push(subtrees(low, high));
    }
    groups.reverse();
    Ok(Path(groups))
}

/// The largest power of two below `size` (at least 2).
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// No path is longer, in hashes.
fn height(size: u64) -> usize {
    (u64::BITS - size.leading_zeros()) as usize + 1
}

/// The complete subtrees that cover `low..high`, left to right: the largest first,
/// as `low` is a multiple of it.
fn subtrees(low: u64, high: u64) -> Subtrees {
    Subtrees { low, high }
}

/// See [`subtrees`].
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subtrees {
    low: u64,
    high: u64,
}

impl Subtrees {
    fn node(level: u32, low: u64) -> Node {
        Node {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            index: low >> level,
        }
    }
}

impl Iterator for Subtrees {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        let level = (self.high - self.low).checked_ilog2()?;
        let low = self.low;
        self.low += 1 << level;
        Some(Self::node(level, low))
    }
}

impl DoubleEndedIterator for Subtrees {
    fn next_back(&mut self) -> Option<Node> {
        let left = self.high - self.low;
        if left == 0 {
            return None;
        }
        let level = left.trailing_zeros();
        self.high -= 1 << level;
        Some(Self::node(level, self.high))
    }
}

/// Checks that `leaf` is at `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// [`MerkleError::Index`] or [`MerkleError::Proof`].
pub fn verify_inclusion(
    leaf: &NodeHash,
    index: u64,
    size: u64,
    proof: &[NodeHash],
    root: &NodeHash,
) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::Index { index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(MerkleError::Proof);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last == 0 && &hash == root {
        Ok(())
    } else {
        Err(MerkleError::Proof)
    }
}

/// Checks that the tree of `new_size` leaves only added to the one of `old_size`.
///
/// # Errors
/// [`MerkleError::Index`] or [`MerkleError::Proof`].
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    proof: &[NodeHash],
    old_root: &NodeHash,
    new_root: &NodeHash,
) -> Result<(), MerkleError> {
    if old_size > new_size {
        return Err(MerkleError::Index {
            index: old_size,
            size: new_size,
        });
    }
    if old_size == 0 || old_size == new_size {
        let empty = old_size != 0 || old_root == &empty_root();
        let same = old_size == 0 || old_root == new_root;
        return if proof.is_empty() && empty && same {
            Ok(())
        } else {
            Err(MerkleError::Proof)
        };
    }
    let mut hashes = proof.iter();
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let first = if old_size.is_power_of_two() {
        old_root
    } else {
        hashes.next().ok_or(MerkleError::Proof)?
    };
    let (mut old, mut new) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return Err(MerkleError::Proof);
        }
        if place & 1 == 1 || place == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last == 0 && &old == old_root && &new == new_root {
        Ok(())
    } else {
        Err(MerkleError::Proof)
    }
}

/// What can go wrong with a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// Beyond the tree.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    Index {
        /// The leaf.
        index: u64,
        /// The size.
        size: u64,
    },
    /// A hash is missing.
    #[error("a tile of the log is missing or too short: {0}")]
    MissingTile(String),
    /// Not a tile's path.
    #[error("{0:?} is not the path of a tile")]
    Path(String),
    /// The proof does not lead to the root.
    #[error("the Merkle proof does not lead to the root")]
    Proof,
}

impl Diagnose for MerkleError {
    fn code(&self) -> Code {
        match self {
            Self::Index { .. } => Code("CRYPTO-0040"),
            Self::MissingTile(_) => Code("CRYPTO-0041"),
            Self::Path(_) => Code("CRYPTO-0042"),
            Self::Proof => Code("CRYPTO-0043"),
        }
    }
}
