//! The store in the state database. Its commits are on the disk when they
//! return; entries, full tiles, edge and head go in one transaction.
//!
//! What a commit writes grows with the commit, never with the log: its entries
//! as rows of up to 256, its full tiles, and the row of the head with the edge.
//! Identities are in the [`index`], which is made from the entries.

pub(super) mod edge;
mod index;
mod log_state;
mod run;
mod runs;
mod segment;

use bulla_crypto::merkle::{WrittenTile, empty_root};
use bulla_store::{
    Schema, StateError, StateStore,
    sqlx::{self, Row as _, sqlite::SqliteRow},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Commit, Head, LogStore, Pending, StoreError, Tree};
use log_state::LogState;

/// Entries of one row.
const SEGMENT: usize = 256;

/// The tables as they first were.
const FIRST: &str = "
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
";

/// Entries by commits, the edge with its head, and the index.
const SEGMENTS: &str = "
ALTER TABLE log_head ADD COLUMN edge BLOB;
ALTER TABLE log_head ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log_head ADD COLUMN checkpoint TEXT;
CREATE TABLE log_segment (
    log TEXT NOT NULL, first INTEGER NOT NULL, entries INTEGER NOT NULL,
    encoding INTEGER NOT NULL, identities BLOB, bytes BLOB NOT NULL,
    PRIMARY KEY (log, first)
) STRICT;
INSERT INTO log_segment SELECT log, idx, 1, 0, identity, bytes FROM log_entry ORDER BY log, idx;
DROP TABLE log_entry;
CREATE TABLE log_run (
    log TEXT NOT NULL, first INTEGER NOT NULL, entries INTEGER NOT NULL,
    PRIMARY KEY (log, first, entries)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_run_part (
    log TEXT NOT NULL, first INTEGER NOT NULL, entries INTEGER NOT NULL, part INTEGER NOT NULL,
    filter BLOB NOT NULL, records BLOB NOT NULL,
    PRIMARY KEY (log, first, entries, part)
) STRICT;
";

const SCHEMA: Schema = Schema {
    component: "authority",
    steps: &[FIRST, SEGMENTS],
};

#[cfg(test)]
pub(super) const FIRST_STEP: &[&str] = &[FIRST];

/// The store of a local instance.
pub struct SqlStore {
    state: StateStore,
    logs: Mutex<HashMap<&'static str, Arc<LogState>>>,
}

impl SqlStore {
    /// Brings the authority's tables up to date.
    ///
    /// # Errors
    /// [`StateError::Newer`] or another [`StateError`].
    pub async fn open(state: StateStore) -> Result<Self, StoreError> {
        state.migrate(&[SCHEMA]).await?;
        Ok(Self {
            state,
            logs: Mutex::default(),
        })
    }

    fn error(&self, source: sqlx::Error) -> StateError {
        self.state.error(source)
    }

    fn log(&self, log: &'static str) -> Arc<LogState> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let state = || Arc::new(LogState::new(self.state.clone(), log));
        logs.entry(log).or_insert_with(state).clone()
    }

    async fn write(&self, commit: &Commit) -> Result<(), StoreError> {
        let failed = |source| self.error(source);
        let packed: Vec<_> = commit.entries.chunks(SEGMENT).map(segment::pack).collect();
        let edge = edge::encode(&commit.edge);
        let mut transaction = self.state.write().await?;
        let moved = sqlx::query(
            "UPDATE log_head SET size = ?, root = ?, edge = ?
             WHERE log = ? AND size = ? AND root = ? AND epoch = ?",
        )
        .bind(signed(commit.to.size)?)
        .bind(&commit.to.root[..])
        .bind(edge)
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
        let mut first = commit.from.size;
        for (entries, packed) in commit.entries.chunks(SEGMENT).zip(packed) {
            sqlx::query("INSERT INTO log_segment VALUES (?, ?, ?, ?, ?, ?)")
                .bind(commit.log)
                .bind(signed(first)?)
                .bind(signed(entries.len() as u64)?)
                .bind(packed.encoding)
                .bind(packed.identities)
                .bind(packed.bytes)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            first += entries.len() as u64;
        }
        for tile in &commit.tiles {
            // What can be in the way is the same tile, partial, of the first schema.
            sqlx::query("INSERT OR REPLACE INTO log_tile VALUES (?, ?, ?, ?)")
                .bind(commit.log)
                .bind(i64::from(tile.id.level))
                .bind(signed(tile.id.index)?)
                .bind(&tile.bytes)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        Ok(self.state.commit(transaction).await?)
    }

    /// The tree of a row of `log_head`.
    async fn read_tree(&self, log: &'static str, row: &SqliteRow) -> Result<Tree, StoreError> {
        let root: Vec<u8> = row.get("root");
        let head = Head {
            size: unsigned(row.get("size"))?,
            root: root.try_into().map_err(|_| StoreError::Range)?,
            epoch: unsigned(row.get("epoch"))?,
        };
        let edge: Option<Vec<u8>> = row.get("edge");
        let edge = match edge {
            Some(edge) => edge::decode(&edge).ok_or(StoreError::Range)?,
            None => self.first_edge(log, head.size).await?,
        };
        let checkpoint: Option<String> = row.get("checkpoint");
        Ok(Tree {
            head,
            edge,
            checkpoint: checkpoint.map(Arc::from),
        })
    }

    /// The edge as the first schema kept it: among the tiles.
    async fn first_edge(
        &self,
        log: &'static str,
        size: u64,
    ) -> Result<Vec<WrittenTile>, StoreError> {
        let mut edge = Vec::new();
        for id in bulla_crypto::merkle::Frontier::edge_tiles(size) {
            if let Some(bytes) = self.tile(log, id.level, id.index).await? {
                edge.push(WrittenTile { id, bytes });
            }
        }
        Ok(edge)
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

    fn take_over(&self, log: &'static str, epoch: Option<u64>) -> Pending<'_, Tree> {
        Box::pin(async move {
            let mut transaction = self.state.write().await?;
            let row = sqlx::query(
                "INSERT INTO log_head (log, size, root, epoch) VALUES (?1, 0, ?2, coalesce(?3, 1))
                 ON CONFLICT DO UPDATE SET epoch = coalesce(?3, epoch + 1)
                 WHERE ?3 IS NULL OR ?3 >= epoch
                 RETURNING size, root, epoch, edge, checkpoint",
            )
            .bind(log)
            .bind(&empty_root()[..])
            .bind(epoch.map(signed).transpose()?)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(|source| self.error(source))?;
            let row = row.ok_or(StoreError::Deposed { log })?;
            self.state.commit(transaction).await?;
            let tree = self.read_tree(log, &row).await?;
            self.log(log).catch_up(tree.head.size).await?;
            Ok(tree)
        })
    }

    fn tree(&self, log: &'static str) -> Pending<'_, Option<Tree>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT size, root, epoch, edge, checkpoint FROM log_head WHERE log = ?",
            )
            .bind(log)
            .fetch_optional(self.state.read())
            .await
            .map_err(|source| self.error(source))?;
            match row {
                Some(row) => Ok(Some(self.read_tree(log, &row).await?)),
                None => Ok(None),
            }
        })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(async move {
            let log = self.log(commit.log);
            let written = self.write(&commit).await;
            match written {
                Ok(()) => log.learn(commit.from.size, commit.entries.iter().map(|e| e.identity)),
                // Another writer's entries, or a commit of unknown outcome.
                Err(_) => log.forget(),
            }
            written
        })
    }

    fn publish<'a>(
        &'a self,
        log: &'static str,
        epoch: u64,
        size: u64,
        note: &'a str,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.state.write().await?;
            let kept = sqlx::query(
                "UPDATE log_head SET checkpoint = iif(?3 >= published, ?4, checkpoint),
                 published = max(published, ?3) WHERE log = ?1 AND epoch = ?2",
            )
            .bind(log)
            .bind(signed(epoch)?)
            .bind(signed(size)?)
            .bind(note)
            .execute(&mut *transaction)
            .await
            .map_err(|source| self.error(source))?;
            if kept.rows_affected() != 1 {
                return Err(StoreError::Deposed { log });
            }
            Ok(self.state.commit(transaction).await?)
        })
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

    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Bytes>> {
        Box::pin(async move {
            let rows = self.log(log).rows(first, count.into()).await?;
            let entries = rows.into_iter().flat_map(|row| row.entries_from(first));
            Ok(entries.take(count.into()).collect())
        })
    }

    fn find_all<'a>(
        &'a self,
        log: &'static str,
        identities: &'a [[u8; 32]],
    ) -> Pending<'a, Vec<Option<u64>>> {
        Box::pin(async move { self.log(log).find_all(identities).await })
    }
}

pub(super) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Range)
}

pub(super) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Range)
}
