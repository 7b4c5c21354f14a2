//! A data directory, opened: state and blobs together.
//!
//! Opening creates what is missing, brings the tables up to date and refuses a
//! directory that a newer version wrote, that is damaged or that cannot be
//! written. It does not lock: one process per directory is the caller's duty.

use bulla_core::{Code, Diagnose};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    blob::{BlobError, BlobStore, LocalBlobs},
    object::ObjectError,
    state::{RegistryState, StateError, StateStore, Values},
};

/// State and blobs of one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    directory: PathBuf,
    state: StateStore,
    blobs: Arc<dyn BlobStore>,
}

impl Store {
    /// Opens `directory`, and creates it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] if it cannot be written, [`StateError::Newer`]
    /// and [`StateError::Damaged`] for its database, [`BlobError`] for its blobs.
    pub async fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let directory = directory.as_ref().to_owned();
        prepare(&directory)?;
        let state = StateStore::open(&directory.join("state.sqlite")).await?;
        let blobs = LocalBlobs::open(&directory.join("blobs"))?;
        Ok(Self {
            directory,
            state,
            blobs: Arc::new(blobs),
        })
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Tables.
    pub fn state(&self) -> &StateStore {
        &self.state
    }

    /// The registry's tables.
    pub fn registry(&self) -> RegistryState {
        RegistryState::new(self.state.clone())
    }

    /// Small values by name, with compare-and-swap.
    pub fn values(&self) -> Values {
        Values::new(self.state.clone())
    }

    /// Content by digest.
    pub fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.blobs
    }

    /// Writes what is pending and closes the database.
    pub async fn close(&self) {
        self.state.close().await;
    }
}

fn prepare(directory: &Path) -> Result<(), StoreError> {
    let new = !directory.exists();
    fs::create_dir_all(directory).map_err(|source| StoreError::at(directory, source))?;
    if new {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
            .map_err(|source| StoreError::at(directory, source))?;
    }
    // SQLite and blobs both create files beside their own: ask before they fail midway.
    let probe = directory.join(format!(".write-probe-{}", std::process::id()));
    fs::File::create(&probe).map_err(|source| StoreError::at(directory, source))?;
    fs::remove_file(&probe).map_err(|source| StoreError::at(directory, source))
}

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Its blobs.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It could not be made or written, for another reason than its permissions.
    #[error("the data directory {} cannot be used: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// A part that only the embedded form of the store has.
    #[error("{what} cannot be kept in PostgreSQL yet")]
    EmbeddedOnly {
        /// The part.
        what: &'static str,
    },
    /// Its objects.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// It may not be written.
    #[error("the data directory {} cannot be written: {source}", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Its database.
    #[error(transparent)]
    State(#[from] StateError),
}

impl StoreError {
    pub(crate) fn at(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path, source }
            }
            _ => Self::Directory { path, source },
        }
    }
}

impl Diagnose for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Blob(error) => error.code(),
            Self::Directory { .. } => Code("STORE-0001"),
            Self::EmbeddedOnly { .. } => Code("STORE-0106"),
            Self::Object(error) => error.code(),
            Self::ReadOnly { .. } => Code("STORE-0002"),
            Self::State(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Blob(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Object(error) => error.hint(),
            Self::EmbeddedOnly { what } => Some(format!(
                "run {what} by a `bulla serve` of its own, without [postgres] in its configuration"
            )),
            Self::Directory { .. } => Some("name another directory with --data DIR".into()),
            Self::ReadOnly { path, .. } => Some(format!(
                "run `chmod u+rwx {}`, or name another directory with --data DIR",
                path.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests;
