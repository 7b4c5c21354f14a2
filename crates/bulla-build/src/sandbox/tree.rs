//! Copying an input tree into the scratch space: directories, regular files and
//! symbolic links, fixed modes and times, and measuring what a tree occupies.

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, chownat, utimensat};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    path::Path,
};

/// Who owns the copies (none: the copying process), and their time.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) owner: Option<u32>,
    pub(super) epoch: i64,
}

impl Stamp {
    /// Gives `path` its owner and time.
    pub(super) fn put(self, path: &Path) -> io::Result<()> {
        if let Some(id) = self.owner {
            let (uid, gid) = (rustix::fs::Uid::from_raw(id), rustix::fs::Gid::from_raw(id));
            chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        let time = Timespec {
            tv_sec: self.epoch,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }
}

/// Copies `from` to `to`, which may exist as a directory.
pub(super) fn copy(from: &Path, to: &Path, stamp: Stamp) -> io::Result<()> {
    let meta = fs::symlink_metadata(from)?;
    if meta.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if meta.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o755).create(to)?;
        let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            copy(&entry.path(), &to.join(entry.file_name()), stamp)?;
        }
    } else if meta.is_file() {
        fs::copy(from, to)?;
        let executable = meta.mode() & 0o100 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    } else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is neither file nor directory", from.display()),
        ));
    }
    stamp.put(to)
}

/// Bytes that a tree occupies on disk; what vanishes meanwhile counts nothing.
pub(super) fn occupied(root: &Path) -> u64 {
    let mut bytes = 0;
    let mut queue = vec![root.to_path_buf()];
    while let Some(directory) = queue.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            bytes += meta.blocks() * 512;
            if meta.is_dir() {
                queue.push(entry.path());
            }
        }
    }
    bytes
}
