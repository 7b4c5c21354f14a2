//! The private directory that an export is written into.
//!
//! It is new (or empty), mode 0700. Files are created, never overwritten, with
//! mode 0644 or 0755; symbolic links come last, so that nothing is ever written
//! through one. Unless the export is finished, everything is removed again.

use bulla_core::Digest;
use gix::ObjectId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::path::{check_link, lossy};
use crate::{Commit, Export, ExportedFile, Limits, Mode, SourceError, TreeDigest};

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
            check_link(path, &self.links).map_err(|error| error.below(&self.directory))?;
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
