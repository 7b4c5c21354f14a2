//! Fetched files by digest: `ALGORITHM/HEX` below one directory.
//!
//! Whoever can write there gains nothing: a file is hashed at each use, and one
//! that does not match is removed and counts as absent.

use bulla_core::{Digest, limits};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Bytes of one fetched file, at most.
pub(super) const FILE_BYTES: u64 = 2 << 30;

/// A directory of files by digest.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The cache below `directory`, which is made when the first file comes.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory
            .join(digest.algorithm().name())
            .join(digest.hex())
    }

    /// The bytes of this digest, if they are here and still match.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let file = File::open(&path).ok()?;
        let bytes = limits::read_bounded(file, FILE_BYTES, "a cached file").ok();
        let bytes = bytes.filter(|bytes| digest.matches(bytes));
        if bytes.is_none() {
            let _ = fs::remove_file(path);
        }
        bytes
    }

    /// Where it is noted which files a lock file led to; a hint, checked when used.
    pub(super) fn note(&self, kind: &str, lock: &Digest) -> PathBuf {
        self.directory.join("notes").join(kind).join(lock.hex())
    }

    /// Keeps `bytes`, which the caller has compared with `digest`.
    pub(super) fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(digest);
        let parent = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let mut file = tempfile::NamedTempFile::new_in(parent)?;
        io::Write::write_all(&mut file, bytes)?;
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o444))?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }
}
