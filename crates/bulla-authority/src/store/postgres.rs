//! The store of several replicas: heads, edges and identities in PostgreSQL,
//! full tiles and full bundles of entries as immutable objects.
//!
//! Objects are durable before the statement that makes them count. That statement
//! is one transaction: it moves the head by compare-and-swap on size, root, epoch
//! and attempt, and only with it come the edge, the identities, the entries of
//! the unfinished bundle, and the rows that name the objects by their digests. So
//! whatever a deposed writer puts has another name than what counts, or none at
//! all. A commit whose connection is lost is settled by a new attempt, which no
//! statement of the old one can survive.

mod cache;
mod collect;
mod commit;
mod object;
mod read;

use bulla_crypto::merkle::empty_root;
use bulla_store::{
    Objects, PostgresState, Schema, SharedStore,
    sqlx::{self, Row as _, postgres::PgRow},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::{
    Commit, Head, LogStore, Pending, StoreError, Tree,
    sql::{edge, signed, unsigned},
};
use cache::Cache;

pub use object::LogObjectError;

/// Entries of a bundle, hashes of a tile.
const FULL: u64 = 256;
/// What `log_object.kind` says of bundles; tiles have their level there.
const BUNDLE: i16 = -1;

const SCHEMA: Schema = Schema {
    component: "authority",
    steps: &["
CREATE TABLE authority_document (name TEXT PRIMARY KEY, bytes BYTEA NOT NULL);
CREATE TABLE log_head (
    log TEXT PRIMARY KEY, size BIGINT NOT NULL, root BYTEA NOT NULL, epoch BIGINT NOT NULL,
    attempt BIGINT NOT NULL, edge BYTEA NOT NULL,
    published BIGINT NOT NULL DEFAULT 0, checkpoint TEXT
);
CREATE TABLE log_object (
    log TEXT NOT NULL, kind SMALLINT NOT NULL, idx BIGINT NOT NULL, digest BYTEA NOT NULL,
    PRIMARY KEY (log, kind, idx)
);
CREATE TABLE log_entry (
    log TEXT NOT NULL, idx BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (log, idx)
);
CREATE TABLE log_identity (
    log TEXT NOT NULL, identity BYTEA NOT NULL, idx BIGINT NOT NULL,
    PRIMARY KEY (log, identity)
);
"],
};

/// The store of several replicas.
pub struct PostgresStore {
    state: PostgresState,
    objects: Arc<dyn Objects>,
    cache: Cache,
    logs: Mutex<HashMap<&'static str, Writing>>,
    collected: Mutex<HashMap<&'static str, Instant>>,
}

/// What this process knows of a log that it took over.
#[derive(Clone)]
struct Writing {
    /// Raised at every take-over and whenever the outcome of a commit is unknown.
    attempt: i64,
    /// The entries of the unfinished bundle at this size.
    tail: Option<(u64, Vec<Bytes>)>,
}

impl PostgresStore {
    /// Brings the authority's tables up to date.
    ///
    /// # Errors
    /// [`bulla_store::StateError`].
    pub async fn open(store: &SharedStore) -> Result<Self, StoreError> {
        let state = store.postgres().clone();
        state.migrate(&[SCHEMA]).await?;
        Ok(Self {
            state,
            objects: store.objects().clone(),
            cache: Cache::default(),
            logs: Mutex::default(),
            collected: Mutex::default(),
        })
    }

    fn writing(&self, log: &'static str) -> Option<Writing> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.get(log).cloned()
    }

    fn set_writing(&self, log: &'static str, writing: Option<Writing>) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        match writing {
            Some(writing) => drop(logs.insert(log, writing)),
            None => drop(logs.remove(log)),
        }
    }

    async fn take(&self, log: &'static str, epoch: Option<u64>) -> Result<Tree, StoreError> {
        let query = sqlx::query(
            "INSERT INTO log_head AS h (log, size, root, epoch, attempt, edge)
             VALUES ($1, 0, $2, coalesce($3, 1), 1, '')
             ON CONFLICT (log) DO UPDATE
                SET epoch = coalesce($3, h.epoch + 1), attempt = h.attempt + 1
                WHERE $3 IS NULL OR $3 >= h.epoch
             RETURNING size, root, epoch, edge, checkpoint, attempt",
        )
        .bind(log)
        .bind(&empty_root()[..])
        .bind(epoch.map(signed).transpose()?)
        .fetch_optional(self.state.pool());
        let row = self.state.within(query).await?;
        let row = row.ok_or(StoreError::Deposed { log })?;
        let writing = Writing {
            attempt: row.get("attempt"),
            tail: None,
        };
        self.set_writing(log, Some(writing));
        tree(&row)
    }
}

impl LogStore for PostgresStore {
    fn document<'a>(&'a self, name: &'a str) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let query = sqlx::query_scalar("SELECT bytes FROM authority_document WHERE name = $1")
                .bind(name)
                .fetch_optional(self.state.pool());
            Ok(self.state.within(query).await?)
        })
    }

    fn create_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, Vec<u8>> {
        Box::pin(async move {
            let query = sqlx::query_scalar(
                "INSERT INTO authority_document AS d VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET bytes = d.bytes RETURNING bytes",
            )
            .bind(name)
            .bind(bytes)
            .fetch_one(self.state.pool());
            Ok(self.state.within(query).await?)
        })
    }

    fn put_document<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Pending<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(
                "INSERT INTO authority_document VALUES ($1, $2)
                 ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
            )
            .bind(name)
            .bind(bytes)
            .execute(self.state.pool());
            self.state.within(query).await?;
            Ok(())
        })
    }

    fn take_over(&self, log: &'static str, epoch: Option<u64>) -> Pending<'_, Tree> {
        Box::pin(self.take(log, epoch))
    }

    fn tree(&self, log: &'static str) -> Pending<'_, Option<Tree>> {
        Box::pin(async move {
            let query = sqlx::query(
                "SELECT size, root, epoch, edge, checkpoint FROM log_head WHERE log = $1",
            )
            .bind(log)
            .fetch_optional(self.state.pool());
            let row = self.state.within(query).await?;
            row.as_ref().map(tree).transpose()
        })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(self.write(commit))
    }

    fn publish<'a>(
        &'a self,
        log: &'static str,
        epoch: u64,
        size: u64,
        note: &'a str,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(
                "UPDATE log_head SET
                    checkpoint = CASE WHEN $3 >= published THEN $4 ELSE checkpoint END,
                    published = greatest(published, $3)
                 WHERE log = $1 AND epoch = $2",
            )
            .bind(log)
            .bind(signed(epoch)?)
            .bind(signed(size)?)
            .bind(note)
            .execute(self.state.pool());
            match self.state.within(query).await?.rows_affected() {
                1 => Ok(()),
                _ => Err(StoreError::Deposed { log }),
            }
        })
    }

    fn tile(&self, log: &'static str, level: u8, index: u64) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(self.read_tile(log, level, index))
    }

    fn collect(&self, log: &'static str) -> Pending<'_, u64> {
        Box::pin(self.collect_if_due(log))
    }

    fn entries(&self, log: &'static str, first: u64, count: u16) -> Pending<'_, Vec<Bytes>> {
        Box::pin(self.read_entries(log, first, count))
    }

    fn find_all<'a>(
        &'a self,
        log: &'static str,
        identities: &'a [[u8; 32]],
    ) -> Pending<'a, Vec<Option<u64>>> {
        Box::pin(self.locate(log, identities))
    }
}

/// The tree of a row of `log_head`.
fn tree(row: &PgRow) -> Result<Tree, StoreError> {
    let edge: Vec<u8> = row.get("edge");
    let checkpoint: Option<String> = row.get("checkpoint");
    Ok(Tree {
        head: Head {
            size: unsigned(row.get("size"))?,
            root: root(row)?,
            epoch: unsigned(row.get("epoch"))?,
        },
        edge: edge::decode(&edge).ok_or(StoreError::Range)?,
        checkpoint: checkpoint.map(Arc::from),
    })
}

fn root(row: &PgRow) -> Result<[u8; 32], StoreError> {
    let root: Vec<u8> = row.get("root");
    root.try_into().map_err(|_| StoreError::Range)
}

#[cfg(test)]
mod tests;
