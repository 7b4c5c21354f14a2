//! Where sealed keys lie: small files of mode 0600, or rows that replicas share.
//!
//! Files appear whole: written beside, synced, renamed. Nothing here can read
//! what it keeps.

use bulla_store::{Values, state::Change};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::error::AuthorityError;

const MAX_BYTES: u64 = 64 << 10;
/// The space of the rows.
const SPACE: &str = "key-slot";

/// Sealed keys by name.
#[derive(Clone)]
pub enum SlotStore {
    /// One file each, in this directory.
    Files(PathBuf),
    /// One row each.
    Rows(Values),
}

impl SlotStore {
    /// Files in `directory`, which is made (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`AuthorityError::KeyFile`] if it cannot be made.
    pub fn files(directory: &Path) -> Result<Self, AuthorityError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| AuthorityError::KeyFile {
                path: directory.into(),
                source,
            })?;
        Ok(Self::Files(directory.into()))
    }

    /// What is kept as `name`.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, AuthorityError> {
        match self {
            Self::Files(directory) => read_private(&directory.join(name)),
            Self::Rows(values) => Ok(values.get(SPACE, name).await?),
        }
    }

    /// Keeps `bytes` as `name` unless there is something; gives what is kept.
    pub(super) async fn create(
        &self,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Vec<u8>, AuthorityError> {
        if let Some(kept) = self.read(name).await? {
            return Ok(kept);
        }
        match self {
            // Whoever opens the files holds the instance's lock.
            Self::Files(directory) => write_private(&directory.join(name), &bytes)?,
            Self::Rows(values) => {
                let change = Change::Swap {
                    key: name,
                    expected: None,
                    value: &bytes,
                };
                if !values.apply(SPACE, &[change]).await? {
                    let kept = values.get(SPACE, name).await?;
                    return kept.ok_or_else(|| AuthorityError::Damaged { what: name.into() });
                }
            }
        }
        Ok(bytes)
    }

    /// Keeps `bytes` as `name`, whatever was there.
    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), AuthorityError> {
        match self {
            Self::Files(directory) => write_private(&directory.join(name), &bytes),
            Self::Rows(values) => {
                let change = Change::Put {
                    key: name,
                    value: &bytes,
                };
                values.apply(SPACE, &[change]).await?;
                Ok(())
            }
        }
    }

    /// Forgets `name`.
    pub(super) async fn remove(&self, name: &str) -> Result<(), AuthorityError> {
        match self {
            Self::Files(directory) => {
                let path = directory.join(name);
                match fs::remove_file(&path) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        Err(AuthorityError::KeyFile { path, source })
                    }
                    _ => Ok(()),
                }
            }
            Self::Rows(values) => {
                values.apply(SPACE, &[Change::Delete { key: name }]).await?;
                Ok(())
            }
        }
    }

    /// Whether there is any sealed key.
    pub(super) async fn holds_slots(&self) -> Result<bool, AuthorityError> {
        match self {
            Self::Files(directory) => {
                holds_files(directory).map_err(|source| AuthorityError::KeyFile {
                    path: directory.clone(),
                    source,
                })
            }
            Self::Rows(values) => {
                let rows = values.scan(SPACE, "", 2).await?;
                Ok(rows.iter().any(|(name, _)| name.ends_with(".sealed")))
            }
        }
    }

    /// The command by which an operator removes every generation of these slots.
    pub(super) fn removal(&self, slots: &[&str]) -> String {
        match self {
            Self::Files(directory) => {
                let file =
                    |slot: &&str| format!(" {}", directory.join(slot).display()) + "*.sealed";
                format!("rm{}", slots.iter().map(file).collect::<String>())
            }
            Self::Rows(_) => {
                let like = |slot: &&str| format!("key LIKE '{slot}%.sealed'");
                let keys: Vec<_> = slots.iter().map(like).collect();
                let keys = keys.join(" OR ");
                format!(
                    "psql DATABASE -c \"DELETE FROM value WHERE space = '{SPACE}' AND ({keys})\""
                )
            }
        }
    }

    /// Where `name` lies, in words.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        match self {
            Self::Files(directory) => directory.join(name),
            Self::Rows(_) => PathBuf::from(format!("database:{SPACE}/{name}")),
        }
    }
}

fn holds_files(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        if entry?
            .path()
            .extension()
            .is_some_and(|extension| extension == "sealed")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_private(path: &Path) -> Result<Option<Vec<u8>>, AuthorityError> {
    let failed = |source| AuthorityError::KeyFile {
        path: path.into(),
        source,
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?,
    };
    let open_to_others = metadata.permissions().mode() & 0o077 != 0;
    if !metadata.is_file() || open_to_others || metadata.len() > MAX_BYTES {
        let why = "it must be a small regular file of mode 0600";
        return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
    }
    fs::read(path).map(Some).map_err(failed)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), AuthorityError> {
    let write = || {
        let beside = path.with_extension("new");
        // What a crash left behind was never in use.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| AuthorityError::KeyFile {
        path: path.into(),
        source,
    })
}
