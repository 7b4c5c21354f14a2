//! Keys in a file, for sites that reach no issuer: whoever may write the file
//! may say who signs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::RwLock,
    time::SystemTime,
};

use bulla_core::limits;
use bulla_trust::jwt::KeySet;

use super::IssuerError;

/// Longest key set, in bytes.
const FILE_BYTES: u64 = 256 << 10;

/// A key set (RFC 7517) in a file, read again when the file changes.
#[derive(Debug)]
pub struct PinnedKeys {
    path: PathBuf,
    read: RwLock<(Version, KeySet)>,
}

/// What tells one state of a file from another.
type Version = (Option<SystemTime>, u64);

impl PinnedKeys {
    /// Reads the file.
    ///
    /// # Errors
    /// [`IssuerError::Pinned`] if it cannot be read, or holds no usable key.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, IssuerError> {
        let path = path.into();
        let read = read(&path)?;
        Ok(Self {
            path,
            read: RwLock::new(read),
        })
    }

    /// The keys as the file has them now.
    ///
    /// # Errors
    /// As [`Self::file`]: a file that went bad gives no keys, not the old ones.
    pub fn key_set(&self) -> Result<KeySet, IssuerError> {
        let version = version(&self.path).map_err(|error| refused(&self.path, error))?;
        {
            let kept = self
                .read
                .read()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            if kept.0 == version {
                return Ok(kept.1.clone());
            }
        }
        let fresh = read(&self.path)?;
        let keys = fresh.1.clone();
        *self
            .read
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = fresh;
        Ok(keys)
    }
}

fn version(path: &Path) -> io::Result<Version> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

fn read(path: &Path) -> Result<(Version, KeySet), IssuerError> {
    let version = version(path).map_err(|error| refused(path, error))?;
    let file = fs::File::open(path).map_err(|error| refused(path, error))?;
    let bytes = limits::read_bounded(file, FILE_BYTES, "key set");
    let keys = KeySet::parse(&bytes.map_err(|error| refused(path, error))?)
        .map_err(|error| refused(path, error))?;
    if keys.is_empty() {
        return Err(refused(path, "it has no key that is supported"));
    }
    Ok((version, keys))
}

fn refused(path: &Path, why: impl ToString) -> IssuerError {
    IssuerError::Pinned {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}
