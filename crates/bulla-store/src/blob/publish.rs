//! The order in which a finished file becomes a blob that survives a crash.
//!
//! Bytes are synced before the name exists, and the name is synced before the
//! push is answered; a directory made on the way is synced into its parent
//! first. The steps go through [`Disk`], so that a test can drop everything
//! unsynced after each of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What publishing asks of a file system.
pub(crate) trait Disk {
    /// Puts the bytes of a file on disk.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Puts the names in a directory on disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes one directory; `false` if it was there.
    fn create_directory(&self, path: &Path) -> io::Result<bool>;
    /// Renames, replacing what is at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name; `false` if there is one of that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<bool>;
}

/// Moves the finished file `temporary` to `root`/`shelves`…/`name`.
pub(super) fn publish(
    disk: &impl Disk,
    temporary: &Path,
    root: &Path,
    shelves: &[&str],
    name: &str,
) -> io::Result<()> {
    let directory = prepare(disk, temporary, root, shelves)?;
    disk.rename(temporary, &directory.join(name))?;
    disk.sync_directory(&directory)
}

/// The same, but a file of that name stays as it is: whether it was published.
/// The caller removes `temporary` either way.
pub(crate) fn publish_new(
    disk: &impl Disk,
    temporary: &Path,
    root: &Path,
    shelves: &[&str],
    name: &str,
) -> io::Result<bool> {
    let directory = prepare(disk, temporary, root, shelves)?;
    let published = disk.link(temporary, &directory.join(name))?;
    // Also when it was there: its maker may have died before this sync.
    disk.sync_directory(&directory)?;
    Ok(published)
}

/// Syncs the bytes, and makes the shelves.
fn prepare(
    disk: &impl Disk,
    temporary: &Path,
    root: &Path,
    shelves: &[&str],
) -> io::Result<PathBuf> {
    disk.sync_file(temporary)?;
    let mut directory = PathBuf::from(root);
    for shelf in shelves {
        let parent = directory.clone();
        directory.push(shelf);
        // Also when it was there: its maker may have died before this sync.
        disk.create_directory(&directory)?;
        disk.sync_directory(&parent)?;
    }
    Ok(directory)
}

/// The machine's file system.
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_data()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn create_directory(&self, path: &Path) -> io::Result<bool> {
        match fs::create_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<bool> {
        match fs::hard_link(from, to) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
