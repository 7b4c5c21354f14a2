//! One tree's index: what is stored of it, what is in memory, and how it grows.
//!
//! Whole blocks of 256 entries are stored as sorted runs; the entries after the
//! last whole block are in memory and read again after a start. Only the replica
//! that leads stores; every replica keeps the tail of its own. What is read at
//! once is bounded, and each step rests longer than it worked, so that an index
//! far behind its log does not slow the log down.

use bulla_store::{Values, state::Change};
use serde::{Deserialize, Serialize};
use std::{
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::Instant;

use super::{
    Described, Format, SearchError,
    run::{BLOCK, FAN, Posting, Reader, Run},
    term::Criterion,
};
use crate::error::AuthorityError;

const MANIFEST: &str = "manifest";
/// How often the log is looked at while nothing happens.
const IDLE: Duration = Duration::from_millis(200);
/// How much longer than it worked it rests, if there is more to do.
const REST: u32 = 4;
/// After a failure.
const BACKOFF: Duration = Duration::from_secs(5);
/// Chunks that one transaction of a merge writes.
const WRITTEN: usize = 16;
/// Blocks in memory of a replica that does not store.
const TAIL_BLOCKS: u64 = 64;

/// Where entries come from: a log.
pub trait Source: Send + Sync {
    /// Entries that are there.
    fn size(&self) -> u64;
    /// Whether this process writes the log, and so its index.
    fn is_leading(&self) -> bool;
    /// The stored bytes of entries `256 · number ..`, `width` of them.
    fn bundle(&self, number: u64, width: u16) -> Reading<'_, Vec<Vec<u8>>>;
    /// The stored bytes of one entry, if it is there.
    fn entry(&self, index: u64) -> Reading<'_, Option<Vec<u8>>>;
}

/// Something that is being read from a log.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthorityError>> + Send + 'a>>;

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Complete runs of each level, those that are merged already included.
    counts: Vec<u64>,
    /// Runs of each level that are merged and removed.
    swept: Vec<u64>,
}

/// What is not stored yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    base: u64,
    end: u64,
    postings: Vec<Posting>,
}

/// The index of one log. Cheap to clone.
#[derive(Clone)]
pub struct SearchIndex {
    pub(super) source: Arc<dyn Source>,
    pub(super) format: Format,
    pub(super) values: Values,
    pub(super) space: Arc<str>,
    tail: Arc<RwLock<Arc<Tail>>>,
}

impl Manifest {
    fn count(&self, level: u32) -> u64 {
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        self.counts.get(level).copied().unwrap_or(0)
    }

    /// Entries that are in runs.
    pub(super) fn covered(&self) -> u64 {
        self.count(0).saturating_mul(BLOCK)
    }

    /// The runs to look into, in the order of the log.
    pub(super) fn runs(&self) -> Vec<Run> {
        let (mut runs, mut start) = (Vec::new(), 0);
        for level in (0..u32::try_from(self.counts.len()).unwrap_or(0)).rev() {
            let span = Run::span(level);
            runs.extend((start / span..self.count(level)).map(|number| Run { level, number }));
            start = self.count(level).saturating_mul(span);
        }
        runs
    }

    /// Whether a search that began with `other` missed nothing: runs are only
    /// removed, never changed.
    pub(super) fn has_same_runs(&self, other: &Self) -> bool {
        self.swept == other.swept
    }

    /// The lowest level that has enough runs for a merge.
    fn due(&self) -> Option<Run> {
        (0..u32::try_from(self.counts.len()).unwrap_or(0)).find_map(|level| {
            let number = self.count(level + 1);
            (self.count(level) / FAN > number).then_some(Run {
                level: level + 1,
                number,
            })
        })
    }

    /// A run that is merged and still stored.
    fn obsolete(&self) -> Option<Run> {
        (0..self.counts.len()).find_map(|at| {
            let level = u32::try_from(at).ok()?;
            let number = self.swept.get(at).copied().unwrap_or(0);
            (number < self.count(level + 1).saturating_mul(FAN)).then_some(Run { level, number })
        })
    }

    fn add(list: &mut Vec<u64>, level: u32) {
        let at = usize::try_from(level).unwrap_or(0);
        if list.len() <= at {
            list.resize(at + 1, 0);
        }
        if let Some(count) = list.get_mut(at) {
            *count += 1;
        }
    }
}

impl Tail {
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

impl SearchIndex {
    /// The index of the log called `name`.
    pub fn new(source: Arc<dyn Source>, format: Format, values: Values, name: &str) -> Self {
        Self {
            source,
            format,
            values,
            space: format!("search-{name}").into(),
            tail: Arc::default(),
        }
    }

    /// Feeds it until dropped.
    pub async fn keep_fed(self) {
        loop {
            let started = Instant::now();
            let rest = match self.step().await {
                Ok(true) => started.elapsed() * REST,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(index = %self.space, %error, "the search index is not fed");
                    BACKOFF
                }
            };
            tokio::time::sleep(rest).await;
        }
    }

    /// One step of feeding, merging or sweeping; whether there is more to do.
    ///
    /// # Errors
    /// [`SearchError`] of log or database; the next step tries again.
    pub async fn step(&self) -> Result<bool, SearchError> {
        let (stored, mut manifest) = self.load().await?;
        let leading = self.source.is_leading();
        if leading && let Some(run) = manifest.due() {
            self.merge(run).await?;
            Manifest::add(&mut manifest.counts, run.level);
            self.keep(&stored, &manifest, Vec::new()).await?;
            return Ok(true);
        }
        if leading && let Some(run) = manifest.obsolete() {
            run.delete(&self.values, &self.space).await?;
            Manifest::add(&mut manifest.swept, run.level);
            self.keep(&stored, &manifest, Vec::new()).await?;
            return Ok(true);
        }
        let size = self.source.size();
        let mut tail = self.tail_from(manifest.covered());
        let full = tail.end.saturating_sub(tail.base) >= TAIL_BLOCKS * BLOCK;
        if tail.end < size && !full {
            self.read(&mut tail, size).await?;
        }
        self.set_tail(tail.clone());
        let more = tail.end < size && !full;
        if leading && tail.end.saturating_sub(tail.base) >= BLOCK {
            self.store_block(&stored, manifest, tail).await?;
        }
        Ok(more)
    }

    /// Reads the rest of the block at the tail's end.
    async fn read(&self, tail: &mut Tail, size: u64) -> Result<(), SearchError> {
        let number = tail.end / BLOCK;
        let width = (size - number * BLOCK).min(BLOCK);
        let read = self
            .source
            .bundle(number, u16::try_from(width).unwrap_or(256));
        let entries = read
            .await
            .map_err(|error| SearchError::Log(Box::new(error)))?;
        let skip = usize::try_from(tail.end % BLOCK).unwrap_or(0);
        let (first, format) = (tail.end, self.format);
        let described = tokio::task::spawn_blocking(move || {
            let mut postings = Vec::new();
            let new = entries.iter().skip(skip);
            for (index, stored) in (first..).zip(new) {
                let terms = Criterion::of_entry(&Described::read(format, stored));
                postings.extend(terms.into_iter().map(|term| Posting { term, index }));
            }
            (postings, entries.len().saturating_sub(skip))
        });
        let Ok((postings, count)) = described.await else {
            return Err(SearchError::Damaged {
                key: format!("entries from {first} on"),
            });
        };
        tail.postings.extend(postings);
        tail.end += u64::try_from(count).unwrap_or(0);
        Ok(())
    }

    /// Makes the first block of the tail a run.
    async fn store_block(
        &self,
        stored: &Option<Vec<u8>>,
        mut manifest: Manifest,
        mut tail: Tail,
    ) -> Result<(), SearchError> {
        let run = Run {
            level: 0,
            number: manifest.count(0),
        };
        let end = tail.base + BLOCK;
        let (mut block, rest): (Vec<_>, Vec<_>) = tail
            .postings
            .iter()
            .partition(|posting| posting.index < end);
        block.sort_unstable();
        Manifest::add(&mut manifest.counts, 0);
        self.keep(stored, &manifest, run.chunks(&block)).await?;
        tail.base = end;
        tail.postings = rest;
        self.set_tail(tail);
        Ok(())
    }

    /// Writes the run that eight runs of the level below make.
    async fn merge(&self, run: Run) -> Result<(), SearchError> {
        let (values, space) = (&self.values, &*self.space);
        let mut inputs = Vec::new();
        for number in run.number * FAN..(run.number + 1) * FAN {
            let level = run.level - 1;
            inputs.push(Reader::open(Run { level, number }, values, space).await?);
        }
        let (mut merged, mut written) = (Vec::new(), Vec::new());
        loop {
            let nearest = inputs
                .iter_mut()
                .filter_map(|input| input.peek().map(|posting| (posting, input)))
                .min_by_key(|(posting, _)| *posting);
            let Some((posting, input)) = nearest else {
                break;
            };
            merged.push(posting);
            input.advance(values, space).await?;
            if merged.len() == super::run::CHUNK {
                written.extend(run.chunks(&std::mem::take(&mut merged)));
            }
            if written.len() == WRITTEN {
                self.write(&std::mem::take(&mut written)).await?;
            }
        }
        written.extend(run.chunks(&merged));
        self.write(&written).await
    }

    async fn write(&self, chunks: &[(String, Vec<u8>)]) -> Result<(), SearchError> {
        let started = Instant::now();
        let changes: Vec<Change<'_>> = chunks
            .iter()
            .map(|(key, value)| Change::Put { key, value })
            .collect();
        if !changes.is_empty() {
            self.values.apply(&self.space, &changes).await?;
        }
        tokio::time::sleep(started.elapsed()).await;
        Ok(())
    }

    pub(super) async fn manifest(&self) -> Result<Manifest, SearchError> {
        Ok(self.load().await?.1)
    }

    async fn load(&self) -> Result<(Option<Vec<u8>>, Manifest), SearchError> {
        let stored = self.values.get(&self.space, MANIFEST).await?;
        let manifest = match &stored {
            None => Manifest::default(),
            Some(bytes) => serde_json::from_slice(bytes).map_err(|_| SearchError::Damaged {
                key: MANIFEST.into(),
            })?,
        };
        Ok((stored, manifest))
    }

    /// Keeps chunks and manifest, unless another replica was faster.
    async fn keep(
        &self,
        expected: &Option<Vec<u8>>,
        manifest: &Manifest,
        chunks: Vec<(String, Vec<u8>)>,
    ) -> Result<(), SearchError> {
        let value = serde_json::to_vec(manifest).map_err(|_| SearchError::Damaged {
            key: MANIFEST.into(),
        })?;
        let mut changes = vec![Change::Swap {
            key: MANIFEST,
            expected: expected.as_deref(),
            value: &value,
        }];
        changes.extend(chunks.iter().map(|(key, value)| Change::Put { key, value }));
        self.values.apply(&self.space, &changes).await?;
        Ok(())
    }

    pub(super) fn tail(&self) -> Arc<Tail> {
        let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
        tail.clone()
    }

    /// The tail from `base` on; a new one if what is in memory begins later, or
    /// does not reach so far.
    fn tail_from(&self, base: u64) -> Tail {
        let tail = self.tail();
        if tail.base > base || tail.end < base {
            return Tail {
                base,
                end: base,
                postings: Vec::new(),
            };
        }
        let postings = tail.postings.iter().filter(|posting| posting.index >= base);
        Tail {
            base,
            end: tail.end,
            postings: postings.copied().collect(),
        }
    }

    fn set_tail(&self, tail: Tail) {
        *self.tail.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tail);
    }
}
