//! A group commit: objects first, then one statement, then certainty.

use bulla_crypto::merkle::WrittenTile;
use bulla_store::{
    StateError,
    sqlx::{self, Row as _},
};
use bytes::Bytes;
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    super::{
        Commit, Head, StoreError,
        sql::{edge, signed, unsigned},
    },
    BUNDLE, FULL, PostgresStore, Writing,
    object::{Object, bundle},
    root,
};

/// How long the outcome of a commit is asked for: clients wait 20 s.
const SETTLE: Duration = Duration::from_secs(10);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// Everything depends on `moved`: without it, nothing is changed.
const STATEMENT: &str = "
WITH moved AS (
    UPDATE log_head SET size = $2, root = $3, edge = $4
    WHERE log = $1 AND size = $5 AND root = $6 AND epoch = $7 AND attempt = $8
    RETURNING 1
), objects AS (
    INSERT INTO log_object
    SELECT $1, o.kind, o.idx, o.digest
    FROM unnest($9::smallint[], $10::bigint[], $11::bytea[]) AS o (kind, idx, digest)
    WHERE EXISTS (SELECT FROM moved)
), identities AS (
    INSERT INTO log_identity
    SELECT $1, i.identity, $5 + i.place - 1
    FROM unnest($12::bytea[]) WITH ORDINALITY AS i (identity, place)
    WHERE EXISTS (SELECT FROM moved)
), finished AS (
    DELETE FROM log_entry WHERE log = $1 AND idx < $13 AND EXISTS (SELECT FROM moved)
), unfinished AS (
    INSERT INTO log_entry
    SELECT $1, $14 + e.place - 1, e.bytes
    FROM unnest($15::bytea[]) WITH ORDINALITY AS e (bytes, place)
    WHERE EXISTS (SELECT FROM moved)
)
SELECT count(*) FROM moved";

/// What a commit puts and where its unfinished bundle stands.
struct Prepared {
    objects: Vec<Object>,
    /// All entries of the unfinished bundle after the commit.
    tail: Vec<Bytes>,
}

impl PostgresStore {
    pub(super) async fn write(&self, commit: Commit) -> Result<(), StoreError> {
        let log = commit.log;
        let writing = self.writing(log).ok_or(StoreError::Deposed { log })?;
        let prepared = self.prepare(&commit, &writing).await?;
        self.put(&prepared.objects).await?;
        let moved = match self.state(&commit, &writing, &prepared).await {
            Ok(moved) => moved,
            Err(StoreError::State(StateError::Postgres(error))) if error.connection_lost() => {
                self.settle(&commit, error.into()).await?;
                true
            }
            Err(error) => return Err(error),
        };
        if !moved {
            self.set_writing(log, None);
            return Err(StoreError::Deposed { log });
        }
        let tail = Some((commit.to.size, prepared.tail));
        let attempt = self.writing(log).map_or(writing.attempt, |now| now.attempt);
        self.set_writing(log, Some(Writing { attempt, tail }));
        Ok(())
    }

    /// Cuts the entries into bundles, the unfinished one first.
    async fn prepare(&self, commit: &Commit, writing: &Writing) -> Result<Prepared, StoreError> {
        let first = commit.from.size / FULL * FULL;
        let mut tail = match &writing.tail {
            Some((size, tail)) if *size == commit.from.size => tail.clone(),
            _ => self.unfinished(commit.log, first, commit.from.size).await?,
        };
        tail.extend(commit.entries.iter().map(|entry| entry.bytes.clone()));
        let mut objects = Vec::new();
        let mut index = first / FULL;
        let full = usize::try_from(FULL).unwrap_or(usize::MAX);
        while tail.len() >= full {
            let rest = tail.split_off(full);
            objects.push(Object::new(commit.log, BUNDLE, index, bundle(&tail))?);
            tail = rest;
            index += 1;
        }
        for WrittenTile { id, bytes } in &commit.tiles {
            let bytes = Bytes::copy_from_slice(bytes);
            objects.push(Object::new(commit.log, id.level.into(), id.index, bytes)?);
        }
        Ok(Prepared { objects, tail })
    }

    /// The entries of the unfinished bundle, as the database has them.
    async fn unfinished(
        &self,
        log: &'static str,
        first: u64,
        size: u64,
    ) -> Result<Vec<Bytes>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT bytes FROM log_entry WHERE log = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
        )
        .bind(log)
        .bind(signed(first)?)
        .bind(signed(size)?)
        .fetch_all(self.state.pool());
        let found: Vec<Vec<u8>> = self.state.within(query).await?;
        // Others are there when another writer has finished that bundle.
        if found.len() as u64 != size - first {
            return Err(StoreError::Deposed { log });
        }
        Ok(found.into_iter().map(Bytes::from).collect())
    }

    /// Puts all at once; durable when it returns. A name holds the digest of its
    /// content, so one that is there already is as good as new.
    async fn put(&self, objects: &[Object]) -> Result<(), StoreError> {
        let mut puts = JoinSet::new();
        for object in objects {
            let (place, object) = (self.objects.clone(), object.clone());
            puts.spawn(async move { place.put_new(&object.name, object.bytes).await });
        }
        while let Some(put) = puts.join_next().await {
            put.map_err(|_| StoreError::Interrupted)??;
        }
        Ok(())
    }

    /// Whether the head moved, and everything else with it.
    async fn state(
        &self,
        commit: &Commit,
        writing: &Writing,
        prepared: &Prepared,
    ) -> Result<bool, StoreError> {
        let (from, to) = (&commit.from, &commit.to);
        let mut kinds: Vec<i16> = Vec::new();
        let mut indexes: Vec<i64> = Vec::new();
        let mut digests: Vec<&[u8]> = Vec::new();
        for object in &prepared.objects {
            kinds.push(object.kind);
            indexes.push(signed(object.index)?);
            digests.push(&object.digest);
        }
        let identities: Vec<&[u8]> = commit
            .entries
            .iter()
            .map(|entry| &entry.identity[..])
            .collect();
        // Of the unfinished bundle only what is new has no row yet.
        let unfinished = to.size / FULL * FULL;
        let first_row = unfinished.max(from.size);
        let known = usize::try_from(first_row - unfinished).unwrap_or(usize::MAX);
        let rows: Vec<&[u8]> = prepared.tail.iter().skip(known).map(|row| &**row).collect();
        let query = sqlx::query_scalar(STATEMENT)
            .bind(commit.log)
            .bind(signed(to.size)?)
            .bind(&to.root[..])
            .bind(edge::encode(&commit.edge))
            .bind(signed(from.size)?)
            .bind(&from.root[..])
            .bind(signed(from.epoch)?)
            .bind(writing.attempt)
            .bind(kinds)
            .bind(indexes)
            .bind(digests)
            .bind(identities)
            .bind(signed(unfinished)?)
            .bind(signed(first_row)?)
            .bind(rows)
            .fetch_one(self.state.pool());
        let moved: i64 = self.state.within(query).await?;
        Ok(moved == 1)
    }

    /// What became of a commit whose connection was lost: `Ok` if it happened.
    /// The next attempt begins, so a statement that is still under way fails.
    async fn settle(&self, commit: &Commit, lost: StateError) -> Result<(), StoreError> {
        let log = commit.log;
        tracing::warn!(log, error = %lost, "asking whether a commit happened");
        let until = Instant::now() + SETTLE;
        loop {
            let query = sqlx::query(
                "UPDATE log_head SET attempt = attempt + 1 WHERE log = $1 AND epoch = $2
                 RETURNING size, root, attempt",
            )
            .bind(log)
            .bind(signed(commit.from.epoch)?)
            .fetch_optional(self.state.pool());
            match self.state.within(query).await {
                Ok(None) => {
                    self.set_writing(log, None);
                    return Err(StoreError::Deposed { log });
                }
                Ok(Some(row)) => {
                    let attempt = row.get("attempt");
                    let tail = None;
                    self.set_writing(log, Some(Writing { attempt, tail }));
                    let head = Head {
                        size: unsigned(row.get("size"))?,
                        root: root(&row)?,
                        ..commit.from
                    };
                    return match head {
                        head if head == commit.to => Ok(()),
                        head if head == commit.from => Err(lost.into()),
                        _ => Err(StoreError::Deposed { log }),
                    };
                }
                Err(_) if Instant::now() < until => sleep(PAUSE).await,
                Err(error) => {
                    // Whoever leads next begins with an attempt of its own.
                    self.set_writing(log, None);
                    return Err(error.into());
                }
            }
        }
    }
}
