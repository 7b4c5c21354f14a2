//! The store in the state database. Its commits are on the disk when they
//! return; tiles, entries and head go in one transaction.

use bulla_crypto::merkle::empty_root;
use bulla_store::{
    Schema, StateError, StateStore,
    sqlx::{self, Row as _},
};

use super::{Commit, Head, LogStore, Pending, StoreError};

const SCHEMA: Schema = Schema {
    component: "authority",
    steps: &["
CREATE TABLE authority_document (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
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
"],
};

/// The store of a local instance.
pub struct SqlStore {
    state: StateStore,
}

impl SqlStore {
    /// Brings the authority's tables up to date.
    ///
    /// # Errors
    /// [`StateError::Newer`] or another [`StateError`].
    pub async fn open(state: StateStore) -> Result<Self, StoreError> {
        state.migrate(&[SCHEMA]).await?;
        Ok(Self { state })
    }

    fn error(&self, source: sqlx::Error) -> StateError {
        self.state.error(source)
    }

    async fn write(&self, commit: Commit) -> Result<(), StoreError> {
        let failed = |source| self.error(source);
        let mut transaction = self.state.write().await?;
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
        Ok(self.state.commit(transaction).await?)
    }
}

impl LogStore for SqlStore {
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let found = sqlx::query_scalar("SELECT bytes FROM authority_document WHERE name = ?")
                .bind(name)
                .fetch_optional(self.state.read())
                .await;
            Ok(found.map_err(|source| self.error(source))?)
        })
    }

    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            let mut transaction = self.state.write().await?;
            let kept = sqlx::query_scalar(
                "INSERT INTO authority_document VALUES (?, ?)
                 ON CONFLICT DO UPDATE SET bytes = bytes RETURNING bytes",
            )
            .bind(name)
            .bind(bytes)
            .fetch_one(&mut *transaction)
            .await;
            let kept = kept.map_err(|source| self.error(source))?;
            self.state.commit(transaction).await?;
            Ok(kept)
        })
    }

    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.state.write().await?;
            sqlx::query("INSERT OR REPLACE INTO authority_document VALUES (?, ?)")
                .bind(name)
                .bind(bytes)
                .execute(&mut *transaction)
                .await
                .map_err(|source| self.error(source))?;
            Ok(self.state.commit(transaction).await?)
        })
    }

    fn take_over(&self, log: &'static str) -> Pending<'_, Head> {
        Box::pin(async move {
            let mut transaction = self.state.write().await?;
            let row = sqlx::query(
                "INSERT INTO log_head VALUES (?, 0, ?, 1)
                 ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING size, root, epoch",
            )
            .bind(log)
            .bind(&empty_root()[..])
            .fetch_one(&mut *transaction)
            .await
            .map_err(|source| self.error(source))?;
            self.state.commit(transaction).await?;
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
            let found = sqlx::query_scalar(
                "SELECT hashes FROM log_tile WHERE log = ? AND level = ? AND idx = ?",
            )
            .bind(log)
            .bind(i64::from(level))
            .bind(signed(index)?)
            .fetch_optional(self.state.read())
            .await;
            Ok(found.map_err(|source| self.error(source))?)
        })
    }

    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Vec<u8>>> {
        Box::pin(async move {
            let found = sqlx::query_scalar(
                "SELECT bytes FROM log_entry WHERE log = ? AND idx >= ? ORDER BY idx LIMIT ?",
            )
            .bind(log)
            .bind(signed(first)?)
            .bind(i64::from(count))
            .fetch_all(self.state.read())
            .await;
            Ok(found.map_err(|source| self.error(source))?)
        })
    }

    fn find(&self, log: &'static str, identity: [u8; 32]) -> Pending<'_, Option<u64>> {
        Box::pin(async move {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT idx FROM log_entry WHERE log = ? AND identity = ?")
                    .bind(log)
                    .bind(&identity[..])
                    .fetch_optional(self.state.read())
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
