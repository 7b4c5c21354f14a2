//! What the store holds of one log beside the database: its index, and the
//! reading of segments that fills and confirms it.

use bulla_crypto::merkle::leaf_hash;
use bulla_store::{StateStore, sqlx};
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    index::{Found, Index},
    run::{Candidate, key, places},
    runs::Runs,
    segment, signed, unsigned,
};
use crate::store::StoreError;

/// Rows that are read at once when the index is taken up.
const CHUNK: u64 = 8192;

/// One log of the store.
pub(super) struct LogState {
    runs: Runs,
    index: Mutex<Option<Index>>,
    /// Held by whoever reads to fill the index.
    filling: tokio::sync::Mutex<()>,
    /// Held by whoever writes a stretch or merges runs.
    tending: Arc<tokio::sync::Mutex<()>>,
}

/// A row of segments, unpacked.
pub(super) struct Row {
    first: u64,
    identities: Option<Vec<u8>>,
    entries: Vec<Bytes>,
}

impl Row {
    /// The entries whose index is at least `first`.
    pub(super) fn entries_from(self, first: u64) -> impl Iterator<Item = Bytes> {
        let skip = usize::try_from(first.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.into_iter().skip(skip)
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The identity of an entry of the row.
    fn identity(&self, index: u64) -> Option<[u8; 32]> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get(place)?;
        match &self.identities {
            None => Some(leaf_hash(entry)),
            Some(all) => all.as_chunks::<32>().0.get(place).copied(),
        }
    }
}

impl LogState {
    pub(super) fn new(state: StateStore, log: &'static str) -> Self {
        Self {
            runs: Runs { state, log },
            index: Mutex::default(),
            filling: tokio::sync::Mutex::default(),
            tending: Arc::default(),
        }
    }

    fn index(&self) -> MutexGuard<'_, Option<Index>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows that hold `count` entries from `first` on.
    pub(super) async fn rows(&self, first: u64, count: u64) -> Result<Vec<Row>, StoreError> {
        type Stored = (i64, i64, i64, Option<Vec<u8>>, Vec<u8>);
        let rows: Vec<Stored> = sqlx::query_as(
            "SELECT first, entries, encoding, identities, bytes FROM log_segment
             WHERE log = ?1 AND first < ?3 AND first >= coalesce(
                (SELECT max(first) FROM log_segment WHERE log = ?1 AND first <= ?2), 0)
             ORDER BY first",
        )
        .bind(self.runs.log)
        .bind(signed(first)?)
        .bind(signed(first.saturating_add(count))?)
        .fetch_all(self.runs.state.read())
        .await
        .map_err(|source| self.runs.state.error(source))?;
        rows.into_iter()
            .map(|(first, count, encoding, identities, bytes)| {
                let count = usize::try_from(count).map_err(|_| StoreError::Range)?;
                let entries = segment::unpack(encoding, count, bytes);
                Ok(Row {
                    first: unsigned(first)?,
                    identities,
                    entries: entries.ok_or(StoreError::Range)?,
                })
            })
            .collect()
    }

    /// Fills the index up to the log's size.
    pub(super) async fn catch_up(self: &Arc<Self>, size: u64) -> Result<(), StoreError> {
        let _alone = self.filling.lock().await;
        if self.index().is_none() {
            let index = Index::new(self.runs.load().await?);
            *self.index() = Some(index);
        }
        loop {
            let covered = self.index().as_ref().map_or(0, Index::covered);
            if covered >= size {
                self.tend();
                return Ok(());
            }
            let rows = self.rows(covered, CHUNK.min(size - covered)).await?;
            let mut next = covered;
            for row in &rows {
                for index in next..row.end() {
                    let identity = row.identity(index).ok_or(StoreError::Range)?;
                    self.learn_one(index, identity);
                }
                next = next.max(row.end());
            }
            if next == covered {
                return Err(StoreError::Range);
            }
            // A log of the first schema is not taken into memory as a whole.
            let _alone = self.tending.lock().await;
            self.write_frozen().await?;
        }
    }

    fn learn_one(&self, index: u64, identity: [u8; 32]) {
        if let Some(known) = self
            .index()
            .as_mut()
            .filter(|known| known.covered() == index)
        {
            known.push(identity);
        }
    }

    /// Learns the entries of a commit.
    pub(super) fn learn(self: &Arc<Self>, first: u64, identities: impl Iterator<Item = [u8; 32]>) {
        {
            let mut index = self.index();
            match index.as_mut().filter(|index| index.covered() == first) {
                Some(index) => identities.for_each(|identity| index.push(identity)),
                None => *index = None,
            }
        }
        self.tend();
    }

    /// Drops what may not be what the database holds; it is read anew when needed.
    pub(super) fn forget(&self) {
        *self.index() = None;
    }

    /// Where entries with these identities are.
    pub(super) async fn find_all(
        self: &Arc<Self>,
        identities: &[[u8; 32]],
    ) -> Result<Vec<Option<u64>>, StoreError> {
        if self.index().is_none() {
            let size = sqlx::query_scalar("SELECT size FROM log_head WHERE log = ?")
                .bind(self.runs.log)
                .fetch_optional(self.runs.state.read())
                .await
                .map_err(|source| self.runs.state.error(source))?;
            self.catch_up(unsigned(size.unwrap_or(0))?).await?;
        }
        'again: loop {
            let mut found = vec![None; identities.len()];
            for (found, maybe) in found.iter_mut().zip(self.look(identities)) {
                let (identity, candidates) = match maybe {
                    (_, Found::At(index)) => {
                        *found = Some(index);
                        continue;
                    }
                    (identity, Found::Maybe(candidates)) => (identity, candidates),
                };
                for candidate in candidates {
                    let Some(records) = self.runs.part(&candidate).await? else {
                        // Merged away meanwhile: the index knows the new run.
                        continue 'again;
                    };
                    *found = self.confirm(identity, &candidate, &records).await?;
                    if found.is_some() {
                        break;
                    }
                }
            }
            return Ok(found);
        }
    }

    fn look<'a>(&self, identities: &'a [[u8; 32]]) -> Vec<(&'a [u8; 32], Found)> {
        let index = self.index();
        let find = |identity| match index.as_ref() {
            Some(index) => (identity, index.find(identity)),
            None => (identity, Found::Maybe(Vec::new())),
        };
        identities.iter().map(find).collect()
    }

    /// The entry that really has this identity, of those whose first bytes agree.
    async fn confirm(
        &self,
        identity: &[u8; 32],
        candidate: &Candidate,
        records: &[u8],
    ) -> Result<Option<u64>, StoreError> {
        for place in places(records, key(identity)).ok_or(StoreError::Range)? {
            let index = candidate.run.first + u64::from(place);
            let rows = self.rows(index, 1).await?;
            if rows
                .iter()
                .any(|row| row.identity(index) == Some(*identity))
            {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Writes what memory holds too much of, and merges, beside the commits.
    fn tend(self: &Arc<Self>) {
        let due = {
            let mut index = self.index();
            index
                .as_mut()
                .is_some_and(|index| index.freeze().is_some() || index.mergeable().is_some())
        };
        let Ok(alone) = self.tending.clone().try_lock_owned() else {
            return;
        };
        if due {
            let log = self.clone();
            tokio::spawn(async move {
                if let Err(error) = log.tend_now().await {
                    // Nothing is lost: the next commit tries again.
                    tracing::warn!(log = log.runs.log, %error, "the index could not be written");
                }
                drop(alone);
            });
        }
    }

    async fn tend_now(&self) -> Result<(), StoreError> {
        loop {
            self.write_frozen().await?;
            let mergeable = self.index().as_ref().and_then(Index::mergeable);
            let Some(old) = mergeable else {
                return Ok(());
            };
            let merged = self.runs.merge(&old).await?;
            if let Some(index) = self.index().as_mut() {
                index.merged(merged);
            }
            for run in old {
                self.runs.remove(run.first, run.count).await?;
            }
        }
    }

    async fn write_frozen(&self) -> Result<(), StoreError> {
        let frozen = self.index().as_mut().and_then(Index::freeze);
        if let Some(stretch) = frozen {
            let run = self.runs.write(&stretch).await?;
            if let Some(index) = self.index().as_mut() {
                index.thaw(run);
            }
        }
        Ok(())
    }
}
