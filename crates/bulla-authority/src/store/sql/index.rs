//! Which entry has which identity: recent ones in memory, all others in runs.
//!
//! A log-structured index: appending to it costs the same at a thousand entries
//! and at a billion, and so does finding that an identity is new. It holds
//! nothing that the segments do not hold, and is taken up from them after a crash.

use std::{collections::HashMap, sync::Arc};

use super::run::{Candidate, Record, Run, key};

/// Entries that memory holds before they become a run.
pub(super) const RECENT: usize = 65_536;
/// Runs of one length that are merged to one.
pub(super) const FAN: usize = 8;

/// Where an identity is.
pub(super) enum Found {
    /// At this index.
    At(u64),
    /// Nowhere, unless one of these parts holds it.
    Maybe(Vec<Candidate>),
}

/// A stretch of entries on its way from memory to a run.
pub(super) struct Stretch {
    pub(super) first: u64,
    pub(super) count: u64,
    places: HashMap<[u8; 32], u64>,
}

impl Stretch {
    fn new(first: u64) -> Self {
        Self {
            first,
            count: 0,
            places: HashMap::new(),
        }
    }

    /// What the run over this stretch holds.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = self
            .places
            .iter()
            .map(|(identity, index)| Record {
                key: key(identity),
                place: u32::try_from(index - self.first).unwrap_or(u32::MAX),
            })
            .collect();
        records.sort_unstable();
        records
    }
}

/// The index of one log.
pub(super) struct Index {
    runs: Vec<Arc<Run>>,
    frozen: Option<Arc<Stretch>>,
    recent: Stretch,
}

impl Index {
    /// An index over the entries that `runs` cover, which are in order.
    pub(super) fn new(runs: Vec<Arc<Run>>) -> Self {
        let covered = runs.last().map_or(0, |run| run.first + run.count);
        Self {
            runs,
            frozen: None,
            recent: Stretch::new(covered),
        }
    }

    /// Entries that the index knows: all before this one.
    pub(super) fn covered(&self) -> u64 {
        self.recent.first + self.recent.count
    }

    /// Learns the next entry.
    pub(super) fn push(&mut self, identity: [u8; 32]) {
        let index = self.covered();
        // The first of two entries with one identity counts.
        self.recent.places.entry(identity).or_insert(index);
        self.recent.count += 1;
    }

    /// Looks without reading anything.
    pub(super) fn find(&self, identity: &[u8; 32]) -> Found {
        let frozen = self.frozen.as_ref();
        let in_memory = frozen
            .and_then(|frozen| frozen.places.get(identity))
            .or_else(|| self.recent.places.get(identity));
        match in_memory {
            Some(index) => Found::At(*index),
            None => {
                let key = key(identity);
                let candidates = self.runs.iter().flat_map(|run| run.candidates(key));
                Found::Maybe(candidates.collect())
            }
        }
    }

    /// A stretch that ought to become a run, if it is time.
    pub(super) fn freeze(&mut self) -> Option<Arc<Stretch>> {
        if self.frozen.is_none() && self.recent.places.len() >= RECENT {
            let next = Stretch::new(self.covered());
            let full = std::mem::replace(&mut self.recent, next);
            self.frozen = Some(Arc::new(full));
        }
        self.frozen.clone()
    }

    /// The run of the frozen stretch is stored.
    pub(super) fn thaw(&mut self, run: Arc<Run>) {
        self.runs.push(run);
        self.frozen = None;
    }

    /// The newest runs of one length, if there are enough of them to merge.
    pub(super) fn mergeable(&self) -> Option<Vec<Arc<Run>>> {
        let from = self.runs.len().checked_sub(FAN)?;
        let newest = self.runs.get(from..)?;
        let level = |run: &Arc<Run>| run.level(RECENT as u64, FAN as u64);
        let same = newest.windows(2).all(|pair| match pair {
            [one, other] => level(one) == level(other),
            _ => true,
        });
        same.then(|| newest.to_vec())
    }

    /// The newest runs were merged to this one.
    pub(super) fn merged(&mut self, run: Arc<Run>) {
        self.runs.retain(|old| old.first < run.first);
        self.runs.push(run);
    }
}

#[cfg(test)]
mod tests;
