//! The layers of an image, one over the other, as the OCI image specification
//! says: whiteouts (`.wh.NAME`) and opaque directories hide what lies below,
//! never what the same layer brings.
//!
//! Paths are taken relative to the root; `..`, links that leave the root and
//! entries written through a link of their own layer are refused.

use bulla_core::Digest;
use std::{collections::BTreeMap, io::Read};
use tar::{Archive, Entry, EntryType};

use super::{
    FileTree, Node, NodeKind, TreeError, TreeLimits, decode::Layer, extension::Extension,
    ingest::Ingest, path,
};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Puts layers over each other, the lowest first.
pub struct LayerStack {
    tree: FileTree,
    ingest: Ingest,
    entries: usize,
}

/// What was seen of one layer while it passed. Compare it with the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Of the bytes as they came.
    pub digest: Digest,
    /// How many bytes came.
    pub size: u64,
    /// Of the tar archive (the diff id of the image configuration).
    pub diff_id: Digest,
    /// Bytes of the tar archive.
    pub plain_size: u64,
    /// Entries, whiteouts included.
    pub entries: usize,
}

/// One layer before it is laid over the others.
#[derive(Default)]
struct Sheet {
    nodes: BTreeMap<String, Node>,
    hidden: Vec<String>,
    opaque: Vec<String>,
}

impl LayerStack {
    /// No layers yet.
    pub fn new(limits: TreeLimits) -> Self {
        Self {
            tree: FileTree::default(),
            ingest: Ingest::new(limits),
            entries: 0,
        }
    }

    /// Reads one layer (tar; plain, gzip or zstd) to its end and lays it on top.
    ///
    /// # Errors
    /// If it cannot be read, breaks a bound or tries to leave the tree. The tree
    /// is then as it was before.
    pub fn push(&mut self, reader: impl Read) -> Result<LayerSummary, TreeError> {
        let broken = |source| TreeError::read("layer", source);
        let before = self.entries;
        let limits = self.ingest.limits().clone();
        let mut archive = Archive::new(Layer::new(reader, limits).map_err(broken)?);
        let mut sheet = Sheet::default();
        let mut extension = Extension::default();
        // Raw: extension headers are read here, within bounds.
        for entry in archive.entries().map_err(broken)?.raw(true) {
            self.entries += 1;
            if self.entries > self.ingest.limits().entries {
                return Err(TreeError::entries(self.ingest.limits()));
            }
            let mut entry = entry.map_err(broken)?;
            if !extension.read(&mut entry)? {
                self.take(entry, std::mem::take(&mut extension), &mut sheet)?;
            }
        }
        let ((digest, size), (diff_id, plain_size)) =
            archive.into_inner().finish().map_err(broken)?;
        if plain_size == 0 {
            return Err(broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        self.lay(sheet);
        Ok(LayerSummary {
            digest,
            size,
            diff_id,
            plain_size,
            entries: self.entries - before,
        })
    }

    /// The tree as a container would see it.
    pub fn finish(self) -> FileTree {
        self.tree
    }

    fn take<R: Read>(
        &mut self,
        entry: Entry<'_, R>,
        extension: Extension,
        sheet: &mut Sheet,
    ) -> Result<(), TreeError> {
        let kind = entry.header().entry_type();
        let at = match &extension.path {
            Some(path) => path::clean(path)?,
            None => path::clean(&entry.path_bytes())?,
        };
        let (parent, name) = at.rsplit_once('/').unwrap_or(("", &at));
        if name == OPAQUE {
            sheet.opaque.push(parent.to_owned());
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            // Other names with this prefix are bookkeeping of old drivers.
            if !hidden.starts_with(WHITEOUT) && !hidden.is_empty() {
                sheet.hidden.push(path::join(parent, hidden));
            }
            return Ok(());
        }
        if at.is_empty() {
            return Ok(());
        }
        sheet.refuse_beneath_link(&at)?;
        let mode = entry.header().mode().unwrap_or(0o644) & 0o7777;
        let kind = match kind {
            EntryType::Block | EntryType::Char | EntryType::Fifo => NodeKind::Special,
            EntryType::Continuous | EntryType::Regular => {
                NodeKind::File(self.ingest.file(&at, entry)?)
            }
            EntryType::Directory => NodeKind::Directory,
            EntryType::GNUSparse => {
                return Err(TreeError::Unsupported {
                    path: at,
                    feature: "a sparse file",
                });
            }
            EntryType::Link => self.hard_link(&at, extension.target(&at, &entry)?, sheet)?,
            EntryType::Symlink => {
                let target = extension.target(&at, &entry)?;
                path::refuse_escape(&at, &target)?;
                NodeKind::Link { target }
            }
            _ => {
                return Err(TreeError::Unsupported {
                    path: at,
                    feature: "an unknown kind of entry",
                });
            }
        };
        sheet.insert(at, Node { kind, mode });
        Ok(())
    }

    fn hard_link(&self, at: &str, target: String, sheet: &Sheet) -> Result<NodeKind, TreeError> {
        let clean = path::clean(target.as_bytes()).map_err(|_| TreeError::Escape {
            path: at.to_owned(),
            target: target.clone(),
        })?;
        let found = sheet.nodes.get(&clean).or_else(|| self.tree.get(&clean));
        match found.map(|node| &node.kind) {
            Some(kind @ (NodeKind::File(_) | NodeKind::Link { .. } | NodeKind::Special)) => {
                Ok(kind.clone())
            }
            _ => Err(TreeError::HardLink {
                path: at.to_owned(),
                target,
            }),
        }
    }

    /// First what the layer hides, then what it brings.
    fn lay(&mut self, sheet: Sheet) {
        for path in &sheet.opaque {
            self.tree.remove_below(path);
        }
        for path in &sheet.hidden {
            self.tree.remove(path);
        }
        for (path, node) in sheet.nodes {
            self.tree.insert(&path, node);
        }
    }
}

impl Sheet {
    /// The last entry of a name wins; a non-directory takes what was below with it.
    fn insert(&mut self, path: String, node: Node) {
        if !matches!(node.kind, NodeKind::Directory) {
            super::remove_below(&mut self.nodes, &path);
        }
        self.nodes.insert(path, node);
    }

    fn refuse_beneath_link(&self, path: &str) -> Result<(), TreeError> {
        let beneath = path.match_indices('/').any(|(at, _)| {
            let parent = path.get(..at).and_then(|parent| self.nodes.get(parent));
            matches!(parent, Some(node) if matches!(node.kind, NodeKind::Link { .. }))
        });
        if beneath {
            return Err(TreeError::BeneathLink {
                path: path.to_owned(),
            });
        }
        Ok(())
    }
}
