//! Writes a tree into a private directory, and knows what it wrote.
//!
//! The directory is new (or empty), mode 0700. Files are created, never
//! overwritten, with mode 0644 or 0755; symbolic links come last and only if
//! they stay inside. git attributes, checkout filters and hooks play no part:
//! a file holds the blob's bytes. On failure everything written is removed.

use bulla_core::Digest;
use gix::{ObjectId, objs::Kind};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::limits::{LINK_BYTES, TREE_BYTES};
use crate::path::{check_directory, check_link, check_path, lossy};
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

    /// The digest that [`Repository::export`] would have, writing nothing.
    ///
    /// # Errors
    /// As [`Repository::export`].
    pub fn tree_sha256(
        &self,
        commit: &Commit,
        directory: &str,
        limits: &Limits,
    ) -> Result<Digest, SourceError> {
        let tree = self.subtree(commit, &check_directory(directory)?)?;
        let mut digest = TreeDigest::new();
        for (path, node) in Walk::new(&self.inner, *limits, directory).all(tree)? {
            let bytes = object::load(&self.inner, node.id, Kind::Blob, limits.file_bytes)?;
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
            check_path(&path, mode == Some(Mode::Link))?;
            check_limit(
                path.len() as u64,
                self.limits.path_bytes as u64,
                "the length of a path",
            )?;
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

/// Writes files into a fresh directory, and removes them again unless finished.
pub(crate) struct Writer {
    root: PathBuf,
    created: bool,
    armed: bool,
    limits: Limits,
    directory: String,
    folders: BTreeSet<PathBuf>,
    links: BTreeMap<Vec<u8>, Vec<u8>>,
    files: BTreeMap<Vec<u8>, ExportedFile>,
    bytes: u64,
}

impl Writer {
    pub(crate) fn create(to: &Path, limits: Limits, directory: &str) -> Result<Self, SourceError> {
        let created = match private_dir(to) {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let in_use = || SourceError::DestinationInUse { path: to.into() };
                let metadata = fs::symlink_metadata(to).map_err(SourceError::io(to))?;
                let mut inside = fs::read_dir(to).map_err(|_| in_use())?;
                if !metadata.is_dir() || inside.next().is_some() {
                    return Err(in_use());
                }
                set_mode(to, 0o700)?;
                false
            }
            Err(error) => return Err(SourceError::io(to)(error)),
        };
        Ok(Self {
            root: to.to_path_buf(),
            created,
            armed: true,
            limits,
            directory: directory.to_owned(),
            folders: BTreeSet::new(),
            links: BTreeMap::new(),
            files: BTreeMap::new(),
            bytes: 0,
        })
    }

    /// Adds one file; a link is kept until [`Writer::finish`].
    pub(crate) fn put(&mut self, path: &[u8], mode: Mode, bytes: &[u8]) -> Result<(), SourceError> {
        let size = bytes.len() as u64;
        let shown = || from_root(&self.directory, path);
        if size > self.limits.file_bytes {
            let what = format!("the size of {}", shown());
            return Err(SourceError::Limit {
                what,
                limit: self.limits.file_bytes,
            });
        }
        self.bytes = self.bytes.saturating_add(size);
        check_limit(self.bytes, self.limits.total_bytes, "the size of all files")?;
        let relative = gix::path::from_byte_slice(path).map_err(|_| SourceError::UnsafePath {
            path: lossy(path),
            why: "this system cannot spell it",
        })?;
        if mode == Mode::Link {
            check_limit(
                self.links.len() as u64 + 1,
                self.limits.links,
                "the number of links",
            )?;
            self.links.insert(path.to_vec(), bytes.to_vec());
        } else {
            if is_lfs_pointer(bytes) {
                return Err(SourceError::LfsPointer { path: shown() });
            }
            let at = self.parent_of(relative)?;
            write_new(&at, bytes, mode)?;
        }
        let file = ExportedFile {
            path: relative.to_path_buf(),
            mode,
            size,
            sha256: Digest::sha256(bytes),
        };
        self.files.insert(path.to_vec(), file);
        Ok(())
    }

    /// Makes the links, and disarms the clean-up. With a commit, everything gets
    /// the commit's time.
    pub(crate) fn finish(
        mut self,
        origin: Option<(&Commit, ObjectId)>,
    ) -> Result<Export, SourceError> {
        for path in self.links.keys() {
            check_link(path, &self.links)?;
        }
        for (path, target) in std::mem::take(&mut self.links) {
            let unspeakable = |_| SourceError::LinkLeaves {
                path: lossy(&path),
                target: lossy(&target),
            };
            let relative = gix::path::from_byte_slice(&path).map_err(unspeakable)?;
            let to = gix::path::from_byte_slice(&target).map_err(unspeakable)?;
            let at = self.parent_of(relative)?;
            symlink(to, &at).map_err(SourceError::io(&at))?;
        }
        if let Some((commit, _)) = origin {
            self.set_times(commit.committed_at());
        }
        let mut digest = TreeDigest::new();
        for (path, file) in &self.files {
            digest.add(path, file.mode, &file.sha256);
        }
        self.armed = false;
        Ok(Export {
            root: self.root.clone(),
            directory: std::mem::take(&mut self.directory),
            commit: origin.map(|(commit, _)| commit.id()),
            git_tree: origin.map(|(_, tree)| tree.to_string()),
            tree_sha256: digest.finish(),
            files: std::mem::take(&mut self.files).into_values().collect(),
        })
    }

    /// Creates the folders above `relative`; answers its place on disk.
    fn parent_of(&mut self, relative: &Path) -> Result<PathBuf, SourceError> {
        let mut above: Vec<&Path> = relative.ancestors().skip(1).collect();
        above.reverse();
        for folder in above
            .into_iter()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            if !self.folders.contains(folder) {
                let at = self.root.join(folder);
                fs::create_dir(&at).map_err(SourceError::io(&at))?;
                set_mode(&at, 0o755)?;
                self.folders.insert(folder.to_path_buf());
            }
        }
        Ok(self.root.join(relative))
    }

    /// Best effort: a file system without times is no reason to fail.
    fn set_times(&self, time: Timestamp) {
        let time = std::time::SystemTime::from(time.max(Timestamp::UNIX_EPOCH));
        let files = self.files.values().filter(|file| file.mode != Mode::Link);
        let files = files.map(|file| file.path.as_path());
        for path in files.chain(self.folders.iter().rev().map(PathBuf::as_path)) {
            let _ = File::open(self.root.join(path)).and_then(|file| file.set_modified(time));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if self.created {
            let _ = fs::remove_dir_all(&self.root);
            return;
        }
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}

/// A path for people, relative to the repository.
pub(crate) fn from_root(directory: &str, path: &[u8]) -> String {
    match directory {
        "" => lossy(path),
        directory => format!("{directory}/{}", lossy(path)),
    }
}

pub(crate) fn check_limit(value: u64, limit: u64, what: &str) -> Result<(), SourceError> {
    if value > limit {
        let what = what.to_owned();
        return Err(SourceError::Limit { what, limit });
    }
    Ok(())
}

/// Git LFS specification, *The Pointer*: the version line comes first, and a
/// pointer is shorter than 1024 bytes.
fn is_lfs_pointer(bytes: &[u8]) -> bool {
    const VERSIONS: [&[u8]; 3] = [
        b"version https://git-lfs.github.com/spec/",
        b"version https://hawser.github.com/spec/",
        b"version http://git-media.io/v/",
    ];
    bytes.len() < 1024 && VERSIONS.iter().any(|version| bytes.starts_with(version))
}

fn write_new(at: &Path, bytes: &[u8], mode: Mode) -> Result<(), SourceError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(at)
        .map_err(SourceError::io(at))?;
    std::io::Write::write_all(&mut file, bytes).map_err(SourceError::io(at))?;
    set_mode(
        at,
        if mode == Mode::Executable {
            0o755
        } else {
            0o644
        },
    )
}

#[cfg(unix)]
fn private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_dir(path: &Path) -> std::io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> Result<(), SourceError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(SourceError::io(path))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> Result<(), SourceError> {
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
