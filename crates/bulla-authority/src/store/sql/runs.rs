//! Runs in the database: reading, writing, merging.
//!
//! A run is written part by part, each in a transaction of its own, so that
//! commits of the log find their place in between; the row in `log_run` makes it
//! count, and the ones that it replaces go in the same transaction. Parts
//! without such a row are left by a crash and removed at the next start.

use bulla_store::{StateStore, sqlx};
use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    index::Stretch,
    run::{Candidate, PART, Part, Record, Run, records},
    signed, unsigned,
};
use crate::store::StoreError;

/// Rest between two parts, for the log's own commits.
const REST: Duration = Duration::from_millis(2);

/// The runs of one log.
#[derive(Clone)]
pub(super) struct Runs {
    pub(super) state: StateStore,
    pub(super) log: &'static str,
}

impl Runs {
    /// What memory holds of all runs, in order; removes what a crash left.
    pub(super) async fn load(&self) -> Result<Vec<Arc<Run>>, StoreError> {
        let failed = |source| self.state.error(source);
        let mut transaction = self.state.write().await?;
        sqlx::query(
            "DELETE FROM log_run_part WHERE log = ?1 AND NOT EXISTS (
                SELECT 1 FROM log_run WHERE log_run.log = log_run_part.log
                AND log_run.first = log_run_part.first AND log_run.entries = log_run_part.entries
            )",
        )
        .bind(self.log)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        self.state.commit(transaction).await?;
        let stored: Vec<(i64, i64)> =
            sqlx::query_as("SELECT first, entries FROM log_run WHERE log = ? ORDER BY first")
                .bind(self.log)
                .fetch_all(self.state.read())
                .await
                .map_err(failed)?;
        let mut runs = Vec::new();
        for (first, count) in stored {
            let filters: Vec<Vec<u8>> = sqlx::query_scalar(
                "SELECT filter FROM log_run_part WHERE log = ? AND first = ? AND entries = ?
                 ORDER BY part",
            )
            .bind(self.log)
            .bind(first)
            .bind(count)
            .fetch_all(self.state.read())
            .await
            .map_err(failed)?;
            let parts = filters.iter().map(|filter| Part::load(filter)).collect();
            let parts: Option<Vec<Part>> = parts;
            runs.push(Arc::new(Run {
                first: unsigned(first)?,
                count: unsigned(count)?,
                parts: parts.ok_or(StoreError::Range)?,
            }));
        }
        Ok(runs)
    }

    /// The records of a part; `None` if its run was merged away meanwhile.
    pub(super) async fn part(&self, of: &Candidate) -> Result<Option<Vec<u8>>, StoreError> {
        let found = sqlx::query_scalar(
            "SELECT records FROM log_run_part
             WHERE log = ? AND first = ? AND entries = ? AND part = ?",
        )
        .bind(self.log)
        .bind(signed(of.run.first)?)
        .bind(signed(of.run.count)?)
        .bind(signed(of.part as u64)?)
        .fetch_optional(self.state.read())
        .await;
        Ok(found.map_err(|source| self.state.error(source))?)
    }

    /// Writes a stretch as a run.
    pub(super) async fn write(&self, stretch: &Stretch) -> Result<Arc<Run>, StoreError> {
        let mut writer = self.begin(stretch.first, stretch.count).await?;
        for part in stretch.records().chunks(PART) {
            writer.put(part).await?;
        }
        writer.finish(&[]).await
    }

    /// Merges runs that follow each other to one.
    pub(super) async fn merge(&self, runs: &[Arc<Run>]) -> Result<Arc<Run>, StoreError> {
        let (Some(oldest), Some(newest)) = (runs.first(), runs.last()) else {
            return Err(StoreError::Range);
        };
        let first = oldest.first;
        let mut writer = self
            .begin(first, newest.first + newest.count - first)
            .await?;
        let mut cursors: Vec<Cursor> = runs.iter().map(Cursor::new).collect();
        let mut full = Vec::with_capacity(PART);
        loop {
            for cursor in &mut cursors {
                cursor.fill(self, first).await?;
            }
            while full.len() < PART && cursors.iter().all(Cursor::ready) {
                let waiting = cursors
                    .iter_mut()
                    .filter(|cursor| !cursor.waiting.is_empty());
                let Some(smallest) = waiting.min_by_key(|cursor| cursor.waiting.front().copied())
                else {
                    break;
                };
                full.extend(smallest.waiting.pop_front());
            }
            let done = cursors
                .iter()
                .all(|cursor| cursor.ready() && cursor.waiting.is_empty());
            if full.len() == PART || done {
                writer.put(&full).await?;
                full.clear();
                tokio::time::sleep(REST).await;
            }
            if done {
                return writer.finish(runs).await;
            }
        }
    }

    async fn begin(&self, first: u64, count: u64) -> Result<Writer<'_>, StoreError> {
        let writer = Writer {
            runs: self,
            first,
            count,
            parts: Vec::new(),
        };
        // An attempt that failed half way.
        self.remove(first, count).await?;
        Ok(writer)
    }
}

/// A run that is being written.
struct Writer<'a> {
    runs: &'a Runs,
    first: u64,
    count: u64,
    parts: Vec<Part>,
}

impl Writer<'_> {
    async fn put(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let Some((part, stored)) = Part::build(records) else {
            return Ok(());
        };
        let state = &self.runs.state;
        let mut transaction = state.write().await?;
        sqlx::query("INSERT INTO log_run_part VALUES (?, ?, ?, ?, ?, ?)")
            .bind(self.runs.log)
            .bind(signed(self.first)?)
            .bind(signed(self.count)?)
            .bind(signed(self.parts.len() as u64)?)
            .bind(stored.filter)
            .bind(stored.records)
            .execute(&mut *transaction)
            .await
            .map_err(|source| state.error(source))?;
        state.commit(transaction).await?;
        self.parts.push(part);
        Ok(())
    }

    /// Makes the run count instead of those that it replaces.
    async fn finish(self, replaced: &[Arc<Run>]) -> Result<Arc<Run>, StoreError> {
        let state = &self.runs.state;
        let failed = |source| state.error(source);
        let mut transaction = state.write().await?;
        for old in replaced {
            sqlx::query("DELETE FROM log_run WHERE log = ? AND first = ? AND entries = ?")
                .bind(self.runs.log)
                .bind(signed(old.first)?)
                .bind(signed(old.count)?)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        sqlx::query("INSERT INTO log_run VALUES (?, ?, ?)")
            .bind(self.runs.log)
            .bind(signed(self.first)?)
            .bind(signed(self.count)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        state.commit(transaction).await?;
        Ok(Arc::new(Run {
            first: self.first,
            count: self.count,
            parts: self.parts,
        }))
    }
}

impl Runs {
    /// Removes the parts of a run that does not count any more.
    pub(super) async fn remove(&self, first: u64, count: u64) -> Result<(), StoreError> {
        let mut transaction = self.state.write().await?;
        sqlx::query("DELETE FROM log_run_part WHERE log = ? AND first = ? AND entries = ?")
            .bind(self.log)
            .bind(signed(first)?)
            .bind(signed(count)?)
            .execute(&mut *transaction)
            .await
            .map_err(|source| self.state.error(source))?;
        Ok(self.state.commit(transaction).await?)
    }
}

/// The records of a run in order, one part in memory.
struct Cursor {
    run: Arc<Run>,
    part: usize,
    waiting: VecDeque<Record>,
}

impl Cursor {
    fn new(run: &Arc<Run>) -> Self {
        Self {
            run: run.clone(),
            part: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Whether the next record is known, or that there is none.
    fn ready(&self) -> bool {
        !self.waiting.is_empty() || self.part >= self.run.parts.len()
    }

    /// Reads on if need be. Places are counted from `first` then.
    async fn fill(&mut self, runs: &Runs, first: u64) -> Result<(), StoreError> {
        if self.ready() {
            return Ok(());
        }
        let candidate = Candidate {
            run: self.run.clone(),
            part: self.part,
        };
        let stored = runs.part(&candidate).await?.ok_or(StoreError::Range)?;
        let shift = u32::try_from(self.run.first - first).map_err(|_| StoreError::Range)?;
        let read = records(&stored).ok_or(StoreError::Range)?;
        self.waiting = read
            .map(|Record { key, place }| Record {
                key,
                place: place.saturating_add(shift),
            })
            .collect();
        self.part += 1;
        Ok(())
    }
}
