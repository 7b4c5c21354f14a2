//! The SQL port: one SQLite file in WAL mode, every commit synced.
//!
//! One connection writes, several read, and one moves the write-ahead log into
//! the file, so that no commit waits for that; a write transaction takes the write
//! lock when it begins, so it never fails half way for want of it. Each service
//! brings its tables as a [`Schema`]; versions stand in the table
//! `schema_version`, and a file with a newer one is refused.

mod checkpointer;
mod migration;
pub mod postgres;
mod registry;
mod values;

use bulla_core::{Code, Diagnose};
use sqlx::{
    Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use migration::Schema;
pub use postgres::{PostgresConfig, PostgresError, PostgresState};
pub use registry::{
    Expect, ManifestRow, NewManifest, Page, PutManifest, Referrer, RegistryState, TagChange,
    UploadRow,
};
pub use values::{Change, Values};

/// Files up to this size are checked whole when they are opened.
const CHECKED_BYTES: u64 = 32 << 20;
const READERS: u32 = 4;

/// The state database. Cheap to clone.
#[derive(Clone)]
pub struct StateStore {
    path: Arc<Path>,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Counts commits, for the checkpointer.
    commits: Arc<AtomicU64>,
    /// Held while the checkpointer works.
    checkpointing: Arc<tokio::sync::Mutex<()>>,
}

impl StateStore {
    /// Opens or creates the database file, checks it and brings its tables up to date.
    ///
    /// # Errors
    /// [`StateError::Newer`], [`StateError::Damaged`], or [`StateError::Sql`].
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let checked = std::fs::metadata(path).is_ok_and(|m| m.len() <= CHECKED_BYTES);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("wal_autocheckpoint", checkpointer::LAST_RESORT_PAGES)
            .busy_timeout(Duration::from_secs(10));
        let damaged = |source| StateError::new(path, source);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(damaged)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().read_only(true));
        let state = Self {
            path: path.into(),
            writer,
            readers,
            commits: Arc::default(),
            checkpointing: Arc::default(),
        };
        match state.prepare(checked).await {
            Ok(()) => {
                checkpointer::spawn(options, &state);
                Ok(state)
            }
            Err(error) => {
                // Otherwise the write-ahead log stays beside a file that nobody may use.
                state.close().await;
                Err(error)
            }
        }
    }

    async fn prepare(&self, check: bool) -> Result<(), StateError> {
        if check {
            self.check().await?;
        }
        self.migrate(&migration::SCHEMAS).await
    }

    /// Brings the tables of `schemas` up to date, all in one transaction.
    ///
    /// # Errors
    /// [`StateError::Newer`] if the file was written by a newer version.
    pub async fn migrate(&self, schemas: &[Schema]) -> Result<(), StateError> {
        let mut transaction = self.write().await?;
        migration::apply(&self.path, &mut transaction, schemas).await?;
        self.commit(transaction).await
    }

    /// A transaction that holds the write lock from its beginning.
    ///
    /// # Errors
    /// [`StateError`] if the lock cannot be had.
    pub async fn write(&self) -> Result<Transaction<'static, Sqlite>, StateError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        let begun = match self.writer.begin_with(BEGIN).await {
            // A full disk makes SQLite roll back by itself, and the connection then
            // believes to be in a transaction for ever: take another one.
            Err(error) if error.as_database_error().is_none() => {
                if let Ok(connection) = self.writer.acquire().await {
                    connection.close().await.ok();
                }
                self.writer.begin_with(BEGIN).await
            }
            begun => begun,
        };
        begun.map_err(|source| self.error(source))
    }

    /// Commits; when this returns, the changes survive a crash.
    ///
    /// # Errors
    /// [`StateError`] if they were not committed.
    pub async fn commit(
        &self,
        transaction: Transaction<'static, Sqlite>,
    ) -> Result<(), StateError> {
        let committed = transaction.commit().await;
        self.commits.fetch_add(1, Ordering::Relaxed);
        committed.map_err(|source| self.error(source))
    }

    /// Connections for reading.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Names the file in a failure, and tells damage from other failures.
    pub fn error(&self, source: sqlx::Error) -> StateError {
        StateError::new(&self.path, source)
    }

    /// Checks the whole file.
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub async fn check(&self) -> Result<(), StateError> {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.writer)
            .await
            .map_err(|source| self.error(source))?;
        if verdict == "ok" {
            return Ok(());
        }
        Err(StateError::Damaged {
            path: self.path.to_path_buf(),
            what: verdict,
        })
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        // Whoever closes last removes the write-ahead log: the writer.
        let _idle = self.checkpointing.lock().await;
        self.writer.close().await;
    }
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is not a sound database.
    #[error("the database {} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        what: String,
    },
    /// The disk is full.
    #[error("the database {} cannot grow: the disk is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of bulla wrote it.
    #[error(
        "the database {} was written by a newer bulla: {component} has schema {found}, this version knows {known}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema's name.
        component: String,
        /// Its version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Any other failure of the database.
    #[error("the database {} failed: {source}", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: sqlx::Error,
    },
}

impl StateError {
    fn new(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = source
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        // https://www.sqlite.org/rescode.html
        match code {
            Some(11 | 26) => Self::Damaged {
                path,
                what: source.to_string(),
            },
            Some(13) => Self::Full { path },
            _ => Self::Sql { path, source },
        }
    }
}

impl Diagnose for StateError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code("STORE-0010"),
            Self::Full { .. } => Code("STORE-0011"),
            Self::Newer { .. } => Code("STORE-0012"),
            Self::Postgres(error) => error.code(),
            Self::Sql { .. } => Code("STORE-0013"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Postgres(error) => return error.hint(),
            Self::Damaged { path, .. } => {
                let file = path.display();
                format!(
                    "with bulla stopped, run `mv {file} {file}.damaged && sqlite3 {file}.damaged .recover | sqlite3 {file}`; or start afresh with `bulla up --data DIR`"
                )
            }
            Self::Full { .. } => "make room on the disk and run the same command again".into(),
            Self::Newer { .. } => {
                "use the bulla that wrote it (`bulla version` says which this one is), or name another directory with --data DIR".into()
            }
            Self::Sql { .. } => {
                "see that no other program holds the file and that its directory can be written, then run the same command again".into()
            }
        })
    }
}

#[cfg(test)]
mod tests;
