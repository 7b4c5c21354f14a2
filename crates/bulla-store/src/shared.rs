//! The store of several replicas: PostgreSQL and objects; and either form.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, path::PathBuf, sync::Arc};

use crate::{
    lease::Leases,
    object::{Objects, ObjectsConfig},
    state::{PostgresConfig, PostgresState, Values},
    store::{Store, StoreError},
};

/// State in PostgreSQL and objects beside it, shared by all replicas. Cheap to clone.
#[derive(Clone)]
pub struct SharedStore {
    directory: PathBuf,
    postgres: PostgresState,
    objects: Arc<dyn Objects>,
}

impl SharedStore {
    /// Connects to both. `directory` is what this replica has for itself: its
    /// instance key and sockets (made with mode 0700 if it is not there).
    ///
    /// # Errors
    /// [`StoreError`] of whichever cannot be used.
    pub async fn connect(
        directory: impl AsRef<Path>,
        sql: &PostgresConfig,
        objects: &ObjectsConfig,
    ) -> Result<Self, StoreError> {
        let directory = directory.as_ref().to_owned();
        if !directory.exists() {
            fs::create_dir_all(&directory).map_err(|source| StoreError::at(&directory, source))?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o700))
                .map_err(|source| StoreError::at(&directory, source))?;
        }
        let objects = objects.open().await?;
        let postgres = PostgresState::connect(sql).await?;
        Ok(Self {
            directory,
            postgres,
            objects,
        })
    }

    /// Tables.
    pub fn postgres(&self) -> &PostgresState {
        &self.postgres
    }

    /// Immutable objects by name.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        &self.objects
    }
}

/// Where a service keeps what it keeps. Cheap to clone.
#[derive(Clone)]
pub enum Storage {
    /// One process, one data directory.
    Embedded(Store),
    /// Several replicas.
    Shared(SharedStore),
}

impl Storage {
    /// What belongs to this process alone.
    pub fn directory(&self) -> &Path {
        match self {
            Self::Embedded(store) => store.directory(),
            Self::Shared(store) => &store.directory,
        }
    }

    /// Small values by name, with compare-and-swap.
    pub fn values(&self) -> Values {
        match self {
            Self::Embedded(store) => store.values(),
            Self::Shared(store) => Values::shared(store.postgres.clone()),
        }
    }

    /// Who leads.
    pub fn leases(&self) -> Leases {
        match self {
            Self::Embedded(store) => Leases::embedded(store.values()),
            Self::Shared(store) => Leases::shared(store.postgres.clone()),
        }
    }

    /// The embedded store, for parts that have no other form; `what` names the part.
    ///
    /// # Errors
    /// [`StoreError::EmbeddedOnly`].
    pub fn embedded(&self, what: &'static str) -> Result<&Store, StoreError> {
        match self {
            Self::Embedded(store) => Ok(store),
            Self::Shared(_) => Err(StoreError::EmbeddedOnly { what }),
        }
    }

    /// Asks both places for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`] of whichever gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(store) => {
                store.values().get("ping", "").await?;
            }
            Self::Shared(store) => {
                store.postgres.ping().await?;
                ObjectsConfig::ping(&*store.objects).await?;
            }
        }
        Ok(())
    }

    /// Writes what is pending and closes the database.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Shared(store) => store.postgres.close().await,
        }
    }
}

impl From<Store> for Storage {
    fn from(store: Store) -> Self {
        Self::Embedded(store)
    }
}

impl From<&Store> for Storage {
    fn from(store: &Store) -> Self {
        Self::Embedded(store.clone())
    }
}

impl From<SharedStore> for Storage {
    fn from(store: SharedStore) -> Self {
        Self::Shared(store)
    }
}
