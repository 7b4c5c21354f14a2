//! Exports a commit's tree, or a folder of it, from git objects.
//!
//! Refused by name are submodules, Git LFS pointers, paths that escape or could
//! be taken for `.git`, links that leave, and whatever is beyond the limits. git
//! attributes, checkout filters and hooks play no part: a file holds the blob's
//! bytes. The working tree is not looked at; `working.rs` exports that.

use bulla_core::Digest;
use gix::{ObjectId, objs::Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::{LINK_BYTES, TREE_BYTES};
use crate::path::{check_directory, check_path, lossy};
use crate::writer::{Writer, check_limit, from_root};
use crate::{Commit, Limits, Mode, Repository, SourceError, TreeDigest, object};

/// What was exported.
#[derive(Clone, Debug)]
pub struct Export {
    /// Where it lies.
    pub root: PathBuf,
    /// The sub-folder of the repository that it is, `""` for all of it.
    pub directory: String,
    /// The commit, unless working files were exported.
    pub commit: Option<String>,
    /// git's id of the exported (sub-)tree, unless working files were exported.
    pub git_tree: Option<String>,
    /// The digest of the files (see [`TreeDigest`]).
    pub tree_sha256: Digest,
    /// Every file and link, sorted by path.
    pub files: Vec<ExportedFile>,
}

/// One file or link of an [`Export`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Relative to [`Export::root`].
    pub path: PathBuf,
    /// File, program or link.
    pub mode: Mode,
    /// Bytes.
    pub size: u64,
    /// Of the contents; of a link's target.
    pub sha256: Digest,
}

/// A regular file as [`Export::contents`] yields it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to [`Export::root`].
    pub path: PathBuf,
    /// Its beginning, or all of it.
    pub bytes: Vec<u8>,
    /// Whether `bytes` is all of it.
    pub whole: bool,
}

impl Export {
    /// The sum of all sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Reads regular files one after the other, at most `limit` bytes of each.
    pub fn contents(&self, limit: u64) -> Contents<'_> {
        Contents {
            root: &self.root,
            files: self.files.iter(),
            limit,
        }
    }
}

/// The iterator of [`Export::contents`].
#[derive(Debug)]
pub struct Contents<'a> {
    root: &'a Path,
    files: std::slice::Iter<'a, ExportedFile>,
    limit: u64,
}

impl Iterator for Contents<'_> {
    type Item = Result<SourceFile, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.files.find(|file| file.mode != Mode::Link)?;
        let path = self.root.join(&file.path);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|f| f.take(self.limit).read_to_end(&mut bytes));
        Some(read.map_err(SourceError::io(path)).map(|_| SourceFile {
            path: file.path.clone(),
            whole: bytes.len() as u64 == file.size,
            bytes,
        }))
    }
}

impl Repository {
    /// Exports the `directory` of the commit's tree into `to`.
    ///
    /// # Errors
    /// Submodules, LFS pointers, unsafe paths, links that leave, limits and
    /// damaged objects, each by name; then nothing is left in `to`.
    pub fn export(
        &self,
        commit: &Commit,
        directory: &str,
        to: &Path,
        limits: &Limits,
    ) -> Result<Export, SourceError> {
        let directory = check_directory(directory)?;
        let tree = self.subtree(commit, &directory)?;
        let nodes = Walk::new(&self.inner, *limits, &directory).all(tree)?;
        let mut writer = Writer::create(to, *limits, &directory)?;
        for (path, node) in &nodes {
            let bound = match node.mode {
                Mode::Link => LINK_BYTES,
                _ => limits.file_bytes,
            };
            let bytes = object::load(&self.inner, node.id, Kind::Blob, bound)?;
            writer.put(path, node.mode, &bytes)?;
        }
        writer.finish(Some((commit, tree)))
    }

    /// The digest that [`Repository::export`] would have, writing nothing and
    /// judging neither links nor LFS pointers.
    ///
    /// # Errors
    /// Submodules, unsafe paths, limits and damaged objects.
    pub fn tree_sha256(
        &self,
        commit: &Commit,
        directory: &str,
        limits: &Limits,
    ) -> Result<Digest, SourceError> {
        let tree = self.subtree(commit, &check_directory(directory)?)?;
        let mut digest = TreeDigest::new();
        let mut total = 0u64;
        for (path, node) in Walk::new(&self.inner, *limits, directory).all(tree)? {
            let bytes = object::load(&self.inner, node.id, Kind::Blob, limits.file_bytes)?;
            total = total.saturating_add(bytes.len() as u64);
            check_limit(total, limits.total_bytes, "the size of all files")?;
            digest.add(&path, node.mode, &Digest::sha256(&bytes));
        }
        Ok(digest.finish())
    }

    /// The tree of a sub-folder.
    fn subtree(&self, commit: &Commit, directory: &str) -> Result<ObjectId, SourceError> {
        let absent = || SourceError::Directory {
            directory: directory.to_owned(),
            place: format!("commit {}", commit.short_id()),
        };
        let mut at = commit.tree;
        for name in directory.split('/').filter(|name| !name.is_empty()) {
            let bytes = object::load(&self.inner, at, Kind::Tree, TREE_BYTES)?;
            let tree = gix::objs::TreeRef::from_bytes(&bytes, at.kind());
            let tree = tree.map_err(SourceError::git("read a tree"))?;
            let entry = tree.entries.iter().find(|entry| entry.filename == name);
            let entry = entry
                .filter(|entry| entry.mode.is_tree())
                .ok_or_else(absent)?;
            at = entry.oid.to_owned();
        }
        Ok(at)
    }
}

/// A file or link found in a tree.
struct Node {
    mode: Mode,
    id: ObjectId,
}

/// Collects a tree's files, refusing what must not be written.
struct Walk<'a> {
    repo: &'a gix::Repository,
    limits: Limits,
    directory: &'a str,
    entries: u64,
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl<'a> Walk<'a> {
    fn new(repo: &'a gix::Repository, limits: Limits, directory: &'a str) -> Self {
        Self {
            repo,
            limits,
            directory,
            entries: 0,
            nodes: BTreeMap::new(),
        }
    }

    fn all(mut self, tree: ObjectId) -> Result<BTreeMap<Vec<u8>, Node>, SourceError> {
        self.tree(tree, &[], 0)?;
        Ok(self.nodes)
    }

    fn tree(&mut self, id: ObjectId, prefix: &[u8], depth: usize) -> Result<(), SourceError> {
        check_limit(
            depth as u64,
            self.limits.depth as u64,
            "the depth of folders",
        )?;
        let bytes = object::load(self.repo, id, Kind::Tree, TREE_BYTES)?;
        let tree = gix::objs::TreeRef::from_bytes(&bytes, id.kind());
        let tree = tree.map_err(SourceError::git("read a tree"))?;
        let mut names = BTreeSet::new();
        for entry in &tree.entries {
            self.entries += 1;
            check_limit(self.entries, self.limits.entries, "the number of files")?;
            let path = [prefix, entry.filename].concat();
            let mode = match entry.mode.kind() {
                gix::objs::tree::EntryKind::Tree => None,
                gix::objs::tree::EntryKind::Blob => Some(Mode::File),
                gix::objs::tree::EntryKind::BlobExecutable => Some(Mode::Executable),
                gix::objs::tree::EntryKind::Link => Some(Mode::Link),
                gix::objs::tree::EntryKind::Commit => {
                    let path = from_root(self.directory, &path);
                    return Err(SourceError::Submodule { path });
                }
            };
            check_path(&path, mode == Some(Mode::Link))
                .map_err(|error| error.below(self.directory))?;
            check_limit(
                path.len() as u64,
                self.limits.path_bytes as u64,
                "the length of a path",
            )?;
            if entry.filename.contains(&b'/') {
                return Err(SourceError::UnsafePath {
                    path: lossy(&path),
                    why: "a name holds a slash",
                });
            }
            if !names.insert(entry.filename) {
                return Err(SourceError::UnsafePath {
                    path: lossy(&path),
                    why: "its tree names it twice",
                });
            }
            let id = entry.oid.to_owned();
            match mode {
                Some(mode) => drop(self.nodes.insert(path, Node { mode, id })),
                None => self.tree(id, &[&path[..], b"/"].concat(), depth + 1)?,
            }
        }
        Ok(())
    }
}
