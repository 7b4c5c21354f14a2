//! The store in one SQLite file: WAL, and `synchronous=FULL`, so that a commit
//! is on the disk when it returns. Tiles, entries and head go in one transaction.

use bulla_crypto::merkle::empty_root;
use sqlx::{
    Row as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Commit, Head, LogStore, Pending, StoreError};

const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE document (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log_head (
    log TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE log_tile (
    log TEXT NOT NULL, level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (log, level, idx)
) STRICT;
CREATE TABLE log_entry (
    log TEXT NOT NULL, idx INTEGER NOT NULL, identity BLOB NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (log, idx)
) STRICT;
CREATE UNIQUE INDEX log_entry_identity ON log_entry (log, identity);
PRAGMA user_version = 1;
";

/// The store of a local instance.
pub struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or creates the database file.
    ///
    /// # Errors
    /// [`StoreError::Newer`] or [`StoreError::Sql`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await
            .map_err(|source| StoreError::Sql {
                path: path.into(),
                source,
            })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(2)
            .max_lifetime(None)
            .connect_lazy_with(options.read_only(true));
        let store = Self {
            path: path.into(),
            writer,
            readers,
        };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.writer)
            .await
            .map_err(|source| self.error(source))?;
        match found {
            SCHEMA_VERSION => Ok(()),
            0 => {
                let mut transaction = self.begin().await?;
                sqlx::raw_sql(SCHEMA)
                    .execute(&mut *transaction)
                    .await
                    .map_err(|source| self.error(source))?;
                transaction
                    .commit()
                    .await
                    .map_err(|source| self.error(source))
            }
            found => {
                let path = self.path.clone();
                Err(StoreError::Newer {
                    path,
                    found,
                    known: SCHEMA_VERSION,
                })
            }
        }
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(|source| self.error(source))
    }

    fn error(&self, source: sqlx::Error) -> StoreError {
        StoreError::Sql {
            path: self.path.clone(),
            source,
        }
    }

    async fn write(&self, commit: Commit) -> Result<(), StoreError> {
        let failed = |source| self.error(source);
        let mut transaction = self.begin().await?;
        for tile in &commit.tiles {
            sqlx::query(
                "INSERT INTO log_tile VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
                 SET hashes = excluded.hashes WHERE length(excluded.hashes) > length(hashes)",
            )
            .bind(commit.log)
            .bind(i64::from(tile.id.level))
            .bind(signed(tile.id.index)?)
            .bind(&tile.bytes)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        for entry in &commit.entries {
            sqlx::query("INSERT INTO log_entry VALUES (?, ?, ?, ?)")
                .bind(commit.log)
                .bind(signed(entry.index)?)
                .bind(&entry.identity[..])
                .bind(&entry.bytes)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        let moved = sqlx::query(
            "UPDATE log_head SET size = ?, root = ?
             WHERE log = ? AND size = ? AND root = ? AND epoch = ?",
        )
        .bind(signed(commit.to.size)?)
        .bind(&commit.to.root[..])
        .bind(commit.log)
        .bind(signed(commit.from.size)?)
        .bind(&commit.from.root[..])
        .bind(signed(commit.from.epoch)?)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if moved.rows_affected() != 1 {
            return Err(StoreError::Deposed { log: commit.log });
        }
        transaction.commit().await.map_err(failed)
    }
}

impl LogStore for SqliteStore {
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            sqlx::query_scalar("SELECT bytes FROM document WHERE name = ?")
                .bind(name)
                .fetch_optional(&self.writer)
                .await
                .map_err(|source| self.error(source))
        })
    }

    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            sqlx::query_scalar(
                "INSERT INTO document VALUES (?, ?)
                 ON CONFLICT DO UPDATE SET bytes = bytes RETURNING bytes",
            )
            .bind(name)
            .bind(bytes)
            .fetch_one(&self.writer)
            .await
            .map_err(|source| self.error(source))
        })
    }

    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        Box::pin(async move {
            sqlx::query("INSERT OR REPLACE INTO document VALUES (?, ?)")
                .bind(name)
                .bind(bytes)
                .execute(&self.writer)
                .await
                .map(drop)
                .map_err(|source| self.error(source))
        })
    }

    fn take_over(&self, log: &'static str) -> Pending<'_, Head> {
        Box::pin(async move {
            let row = sqlx::query(
                "INSERT INTO log_head VALUES (?, 0, ?, 1)
                 ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING size, root, epoch",
            )
            .bind(log)
            .bind(&empty_root()[..])
            .fetch_one(&self.writer)
            .await
            .map_err(|source| self.error(source))?;
            let root: Vec<u8> = row.get("root");
            Ok(Head {
                size: unsigned(row.get("size"))?,
                root: root.try_into().map_err(|_| StoreError::Range)?,
                epoch: unsigned(row.get("epoch"))?,
            })
        })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(self.write(commit))
    }

    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            sqlx::query_scalar(
                "SELECT hashes FROM log_tile WHERE log = ? AND level = ? AND idx = ?",
            )
            .bind(log)
            .bind(i64::from(level))
            .bind(signed(index)?)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| self.error(source))
        })
    }

    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Vec<u8>>> {
        Box::pin(async move {
            sqlx::query_scalar(
                "SELECT bytes FROM log_entry WHERE log = ? AND idx >= ? ORDER BY idx LIMIT ?",
            )
            .bind(log)
            .bind(signed(first)?)
            .bind(i64::from(count))
            .fetch_all(&self.readers)
            .await
            .map_err(|source| self.error(source))
        })
    }

    fn find(&self, log: &'static str, identity: [u8; 32]) -> Pending<'_, Option<u64>> {
        Box::pin(async move {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT idx FROM log_entry WHERE log = ? AND identity = ?")
                    .bind(log)
                    .bind(&identity[..])
                    .fetch_optional(&self.readers)
                    .await
                    .map_err(|source| self.error(source))?;
            found.map(unsigned).transpose()
        })
    }
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Range)
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Range)
}
