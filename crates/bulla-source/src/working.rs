//! The working tree: what differs from `HEAD`, and the export of what lies there.
//!
//! Differs means: staged, changed, deleted, or untracked and not ignored.
//! Filters named in git's configuration are never run. An export of working
//! files names no commit; the default policy denies what is built from it.

use gix::bstr::{BString, ByteSlice};
use gix::index::entry::Mode as IndexMode;
use gix::status::{Item, UntrackedFiles, index_worktree, tree_index::TrackRenames};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::Path;

use crate::path::{check_directory, check_path, lossy};
use crate::writer::{Writer, check_limit, from_root};
use crate::{Export, Limits, Mode, Repository, SourceError};

/// One path that differs from `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Relative to the repository's root.
    pub path: String,
    /// In which way.
    pub kind: ChangeKind,
}

/// How a path differs from `HEAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Changed or deleted since it was staged.
    Modified,
    /// Staged and not committed.
    Staged,
    /// Neither known to git nor ignored.
    Untracked,
}

impl Repository {
    /// What differs from `HEAD` in `directory`, sorted; empty if it is clean.
    ///
    /// # Errors
    /// [`SourceError::Bare`] without a working tree; [`SourceError::Git`].
    pub fn dirty(&self, directory: &str) -> Result<Vec<Change>, SourceError> {
        let mut changes = BTreeSet::new();
        self.status(&check_directory(directory)?, |path, kind| {
            let path = lossy(path);
            changes.insert(Change { path, kind });
        })?;
        Ok(changes.into_iter().collect())
    }

    /// Exports the working files of `directory`: tracked ones as they lie there,
    /// and untracked ones that are not ignored.
    ///
    /// # Errors
    /// As [`Repository::export`]; [`SourceError::Bare`], and
    /// [`SourceError::Special`] for devices, sockets and pipes.
    pub fn export_dirty(
        &self,
        directory: &str,
        to: &Path,
        limits: &Limits,
    ) -> Result<Export, SourceError> {
        let directory = check_directory(directory)?;
        let root = self.work_dir()?;
        let mut paths: BTreeMap<BString, ()> = BTreeMap::new();
        self.status(&directory, |path, kind| {
            if kind == ChangeKind::Untracked {
                paths.insert(path.into(), ());
            }
        })?;
        let index = self
            .inner
            .index_or_empty()
            .map_err(SourceError::git("read the index"))?;
        let prefix = match directory.as_str() {
            "" => String::new(),
            directory => format!("{directory}/"),
        };
        for entry in index.entries() {
            let path = entry.path(&index);
            if !path.starts_with(prefix.as_bytes()) || entry.mode == IndexMode::DIR {
                continue;
            }
            if entry.mode == IndexMode::COMMIT {
                return Err(SourceError::Submodule { path: lossy(path) });
            }
            paths.insert(path.to_owned(), ());
        }
        check_limit(paths.len() as u64, limits.entries, "the number of files")?;
        if !prefix.is_empty() && !root.join(&directory).is_dir() {
            return Err(SourceError::Directory {
                directory,
                place: "the working tree".to_owned(),
            });
        }
        let mut writer = Writer::create(to, *limits, &directory)?;
        let mut real = BTreeSet::new();
        for path in paths.keys() {
            let path = path.as_bytes();
            let Some((mode, bytes)) = read_working(root, path, limits, &mut real)? else {
                continue;
            };
            check_limit(
                path.len() as u64,
                limits.path_bytes as u64,
                "the length of a path",
            )?;
            let inside = path.strip_prefix(prefix.as_bytes()).unwrap_or(path);
            check_path(inside, mode == Mode::Link).map_err(|error| error.below(&directory))?;
            writer.put(inside, mode, &bytes)?;
        }
        writer.finish(None)
    }

    fn work_dir(&self) -> Result<&Path, SourceError> {
        self.inner.workdir().ok_or_else(|| SourceError::Bare {
            path: self.inner.git_dir().into(),
        })
    }

    fn status(
        &self,
        directory: &str,
        mut found: impl FnMut(&[u8], ChangeKind),
    ) -> Result<(), SourceError> {
        self.work_dir()?;
        let failed = || SourceError::git("compare the working tree with HEAD");
        let pattern = (!directory.is_empty()).then(|| format!(":(top,literal){directory}").into());
        let items = self
            .inner
            .status(gix::progress::Discard)
            .map_err(failed())?
            .untracked_files(UntrackedFiles::Files)
            .index_worktree_submodules(None)
            .tree_index_track_renames(TrackRenames::Disabled)
            .into_iter(pattern)
            .map_err(failed())?;
        for item in items {
            let item = item.map_err(failed())?;
            let kind = match &item {
                Item::TreeIndex(_) => ChangeKind::Staged,
                Item::IndexWorktree(index_worktree::Item::DirectoryContents { .. }) => {
                    ChangeKind::Untracked
                }
                Item::IndexWorktree(_) => ChangeKind::Modified,
            };
            found(item.location(), kind);
        }
        Ok(())
    }
}

/// Reads one working file without following any link; `None` if it is gone.
fn read_working(
    root: &Path,
    path: &[u8],
    limits: &Limits,
    real: &mut BTreeSet<Vec<u8>>,
) -> Result<Option<(Mode, Vec<u8>)>, SourceError> {
    let shown = || from_root("", path);
    let spelled = |path: &[u8]| {
        let unspeakable = |_| SourceError::UnsafePath {
            path: lossy(path),
            why: "this system cannot spell it",
        };
        gix::path::from_byte_slice(path)
            .map(|p| root.join(p))
            .map_err(unspeakable)
    };
    for (at, _) in path.iter().enumerate().filter(|(_, b)| **b == b'/') {
        let above = path.get(..at).unwrap_or_default();
        if real.contains(above) {
            continue;
        }
        match fs::symlink_metadata(spelled(above)?) {
            Ok(metadata) if metadata.is_dir() => drop(real.insert(above.to_vec())),
            _ => return Ok(None),
        }
    }
    let at = spelled(path)?;
    let Ok(before) = fs::symlink_metadata(&at) else {
        return Ok(None);
    };
    if before.is_symlink() {
        let target = fs::read_link(&at).map_err(SourceError::io(&at))?;
        let target = gix::path::into_bstr(target).map(|t| t.to_vec());
        return Ok(Some((
            Mode::Link,
            target.map_err(SourceError::git("read a link"))?,
        )));
    }
    if before.is_dir() {
        return Err(SourceError::Submodule { path: shown() });
    }
    if !before.is_file() {
        return Err(SourceError::Special { path: shown() });
    }
    let file = File::open(&at).map_err(SourceError::io(&at))?;
    let opened = file.metadata().map_err(SourceError::io(&at))?;
    if !same_file(&before, &opened) {
        return Err(SourceError::Changed { path: shown() });
    }
    let mut bytes = Vec::new();
    file.take(limits.file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(SourceError::io(&at))?;
    Ok(Some((mode_of(&opened), bytes)))
}

#[cfg(unix)]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    a.dev() == b.dev() && a.ino() == b.ino() && b.is_file()
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, b: &Metadata) -> bool {
    b.is_file()
}

#[cfg(unix)]
fn mode_of(metadata: &Metadata) -> Mode {
    use std::os::unix::fs::PermissionsExt;
    match metadata.permissions().mode() & 0o100 {
        0 => Mode::File,
        _ => Mode::Executable,
    }
}

#[cfg(not(unix))]
fn mode_of(_: &Metadata) -> Mode {
    Mode::File
}
