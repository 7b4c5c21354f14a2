//! A directory of this machine as a tree. Links are recorded, never followed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{FileTree, Node, NodeKind, TreeError, TreeLimits, ingest::Ingest, path::readable};
use crate::cataloger;

/// What to take of a directory.
#[derive(Clone, Debug, Default)]
pub struct DirectoryOptions {
    /// Bounds.
    pub limits: TreeLimits,
    /// Names of directories that are left out wherever they are (`.git`).
    pub skip: Vec<String>,
    /// Take only the files that a cataloger reads.
    pub only_wanted: bool,
}

impl FileTree {
    /// Takes in everything below `root`.
    ///
    /// # Errors
    /// If something cannot be read, or breaks a bound.
    pub fn from_directory(root: &Path, options: &DirectoryOptions) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        let mut ingest = Ingest::new(options.limits.clone());
        let mut todo = vec![(root.to_path_buf(), String::new())];
        while let Some((folder, prefix)) = todo.pop() {
            for (path, name) in children(&folder)? {
                if tree.len() >= options.limits.entries {
                    return Err(TreeError::entries(&options.limits));
                }
                let inside = super::path::join(&prefix, &name);
                let failed = |source| TreeError::read(&path.to_string_lossy(), source);
                let metadata = fs::symlink_metadata(&path).map_err(failed)?;
                if metadata.is_dir() && options.skip.contains(&name) {
                    continue;
                }
                let kind = if metadata.is_dir() {
                    todo.push((path, inside.clone()));
                    NodeKind::Directory
                } else if metadata.is_symlink() {
                    let target = fs::read_link(&path).map_err(failed)?;
                    let target = readable(target.as_os_str().as_encoded_bytes());
                    NodeKind::Link { target }
                } else if !metadata.is_file() {
                    NodeKind::Special
                } else if options.only_wanted && !cataloger::wants(&inside) {
                    continue;
                } else {
                    let file = open_same(&path, &metadata).map_err(failed)?;
                    NodeKind::File(ingest.file(&inside, file)?)
                };
                let mode = mode_of(&metadata);
                tree.insert(&inside, Node { kind, mode });
            }
        }
        Ok(tree)
    }
}

fn children(folder: &Path) -> Result<Vec<(PathBuf, String)>, TreeError> {
    let failed = |source| TreeError::read(&folder.to_string_lossy(), source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        found.push((entry.path(), readable(entry.file_name().as_encoded_bytes())));
    }
    found.sort();
    Ok(found)
}

/// Opens a file, and makes sure that it is still the one that was looked at.
fn open_same(path: &Path, seen: &fs::Metadata) -> io::Result<fs::File> {
    let file = fs::File::open(path)?;
    let now = file.metadata()?;
    #[cfg(unix)]
    let same = {
        use std::os::unix::fs::MetadataExt as _;
        (seen.dev(), seen.ino()) == (now.dev(), now.ino())
    };
    #[cfg(not(unix))]
    let same = seen.len() == now.len();
    if !same || !now.is_file() {
        return Err(io::Error::other("it was replaced while it was read"));
    }
    Ok(file)
}

#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}
