//! A file system in memory, without its bytes: what is where, how large, with
//! which SHA-256.
//!
//! Built from the layers of an image ([`LayerStack`]) or from a directory
//! ([`FileTree::from_directory`]); nothing is ever extracted to disk. Bytes are
//! kept only of the files that a cataloger asks for, and of a program only
//! the facts that were built into it ([`crate::binary`]). Paths are relative to
//! the root, with `/` between their parts and no `.` or `..` in them.

use bulla_core::Digest;
use std::{collections::BTreeMap, sync::Arc};

use crate::binary::Binary;

mod decode;
mod directory;
mod error;
mod extension;
mod ingest;
mod layer;
mod path;

pub use directory::DirectoryOptions;
pub use error::TreeError;
pub use layer::{LayerStack, LayerSummary};

/// Bounds on what is taken into a tree.
#[derive(Clone, Debug)]
pub struct TreeLimits {
    /// Entries of the whole tree.
    pub entries: usize,
    /// Bytes of one regular file.
    pub file_bytes: u64,
    /// Bytes of all regular files, and of each layer when decompressed.
    pub total_bytes: u64,
    /// Bytes of one file that is kept for a cataloger.
    pub kept_file_bytes: u64,
    /// Bytes of all files that are kept.
    pub kept_bytes: u64,
    /// Bytes of the largest program that is looked into; larger ones are hashed only.
    pub program_bytes: u64,
    /// How many times larger a layer may be than its archive, once it is beyond
    /// [`TreeLimits::ratio_floor`].
    pub ratio: u64,
    /// Bytes below which the ratio does not count.
    pub ratio_floor: u64,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self {
            entries: bulla_core::limits::LAYER_ENTRIES,
            file_bytes: 32 << 30,
            total_bytes: bulla_core::limits::LAYER_BYTES,
            kept_file_bytes: 64 << 20,
            kept_bytes: 512 << 20,
            program_bytes: 256 << 20,
            ratio: 200,
            ratio_floor: 256 << 20,
        }
    }
}

/// A regular file.
#[derive(Clone, Debug)]
pub struct FileNode {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content, raw.
    pub sha256: [u8; 32],
    /// The content, if a cataloger asked for it.
    pub content: Option<Arc<[u8]>>,
    /// What was found in it, if it is a program.
    pub binary: Option<Arc<Binary>>,
}

impl FileNode {
    /// The digest of the content.
    pub fn digest(&self) -> Digest {
        Digest::from_sha256(self.sha256)
    }
}

/// What stands at a path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeKind {
    /// A directory.
    Directory,
    /// A regular file; hard links are files of their own.
    File(FileNode),
    /// A symbolic link, as written.
    Link {
        /// Where it points.
        target: String,
    },
    /// A device, pipe or socket.
    Special,
}

/// One entry of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
}

/// A file system in memory.
#[derive(Clone, Debug, Default)]
pub struct FileTree {
    nodes: BTreeMap<String, Node>,
}

/// Links followed before a path counts as a loop.
const MAX_LINKS: usize = 40;

impl FileTree {
    /// Every entry in the order of paths.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Every regular file in the order of paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &FileNode)> {
        self.nodes().filter_map(|(path, node)| match &node.kind {
            NodeKind::File(file) => Some((path, file)),
            _ => None,
        })
    }

    /// The entry at exactly that path; links are not followed.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The regular file at `path`, links followed inside the tree.
    pub fn file(&self, path: &str) -> Option<&FileNode> {
        match &self.get(&self.resolve(path)?)?.kind {
            NodeKind::File(file) => Some(file),
            _ => None,
        }
    }

    /// The kept content of the file at `path`, links followed inside the tree.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.file(path)?.content.as_deref()
    }

    /// Where `path` leads when every link in it is followed as if this tree were
    /// the root. `None` if nothing is there, or if the links go in a circle.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut todo: Vec<String> = parts_reversed(path);
        let mut done = String::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                done.truncate(done.rfind('/').unwrap_or(0));
                continue;
            }
            let before = done.len();
            if !done.is_empty() {
                done.push('/');
            }
            done.push_str(&part);
            if let NodeKind::Link { target } = &self.get(&done)?.kind {
                links += 1;
                if links > MAX_LINKS {
                    return None;
                }
                done.truncate(if target.starts_with('/') { 0 } else { before });
                todo.extend(parts_reversed(target));
            }
        }
        Some(done)
    }

    /// Where the entry named `path` really stands: links in its folders are
    /// followed, the entry itself is not. `None` if nothing is there.
    pub fn locate(&self, path: &str) -> Option<String> {
        let path = path.trim_matches('/');
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let found = self::path::join(&self.resolve(folder)?, name);
        self.nodes.contains_key(&found).then_some(found)
    }

    /// Puts an entry, with directories above it. What stood there and below goes,
    /// unless both are directories.
    fn insert(&mut self, path: &str, node: Node) {
        let mut at = 0;
        while let Some(slash) = path.get(at..).and_then(|rest| rest.find('/')) {
            let parent = path.get(..at + slash).unwrap_or_default();
            at += slash + 1;
            let is_directory =
                matches!(self.nodes.get(parent), Some(n) if matches!(n.kind, NodeKind::Directory));
            if !is_directory {
                let kind = NodeKind::Directory;
                self.nodes
                    .insert(parent.to_owned(), Node { kind, mode: 0o755 });
            }
        }
        if !matches!(node.kind, NodeKind::Directory) {
            self.remove_below(path);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Removes the entry and everything below it.
    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.remove_below(path);
    }

    /// Removes everything below `path`; the empty path is the root.
    fn remove_below(&mut self, path: &str) {
        if path.is_empty() {
            self.nodes.clear();
            return;
        }
        remove_below(&mut self.nodes, path);
    }
}

/// Removes what stands below `path`, not what stands there.
fn remove_below(nodes: &mut BTreeMap<String, Node>, path: &str) {
    // `0` follows `/`, so this range is what begins with `path/`.
    let range = format!("{path}/")..format!("{path}0");
    let doomed: Vec<String> = nodes.range(range).map(|(p, _)| p.clone()).collect();
    for path in doomed {
        nodes.remove(&path);
    }
}

fn parts_reversed(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
