//! Searches: one page of the entries that have all, or any, of some criteria.
//!
//! In the order of the log, from a place on. What a page costs depends on what
//! it gives, not on the length of the log: each criterion is followed from hit
//! to hit, and a page ends when it has looked at a bounded number of them.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Criterion, Described, SearchError, SearchIndex,
    index::{Manifest, Tail},
    run::{Posting, Run},
};

/// Entries of one page at most.
pub const MAX_LIMIT: usize = 1000;
/// Hits that one page looks at.
const EXAMINED: usize = 4000;
/// How often a search begins anew because the index was merged under it.
const ATTEMPTS: usize = 4;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// At least one, at most eight.
    pub criteria: Vec<Criterion>,
    /// Whether one of them is enough.
    pub any: bool,
    /// The first index that may be given.
    pub from: u64,
    /// Entries that are wanted, up to the most that one answer has.
    pub limit: usize,
}

/// An entry that has what was asked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its place in the log.
    pub index: u64,
    /// What it says.
    pub entry: Described,
    /// What the log stores of it.
    pub stored: Vec<u8>,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order of the log.
    pub found: Vec<Found>,
    /// Where the next page begins, if there may be more.
    pub next: Option<u64>,
    /// Entries of the log that the index knows.
    pub indexed: u64,
}

impl SearchIndex {
    /// One page of the entries that have what is asked for.
    ///
    /// # Errors
    /// [`SearchError`] if nothing is asked for, or log or database fail.
    pub async fn search(&self, query: &Query) -> Result<Page, SearchError> {
        if query.criteria.is_empty() || query.criteria.len() > 8 {
            return Err(SearchError::Query {
                why: "a search has one to eight criteria",
            });
        }
        let mut page = Page::default();
        for _ in 0..ATTEMPTS {
            // The tail first: what is stored afterwards begins no later than it ends.
            let tail = self.tail();
            let manifest = self.manifest().await?;
            page = self.page(query, &tail, &manifest).await?;
            if self.manifest().await?.has_same_runs(&manifest) {
                break;
            }
        }
        Ok(page)
    }

    async fn page(
        &self,
        query: &Query,
        tail: &Arc<Tail>,
        manifest: &Manifest,
    ) -> Result<Page, SearchError> {
        let mut page = Page {
            indexed: match tail.base() <= manifest.covered() {
                true => manifest.covered().max(tail.end()),
                false => manifest.covered(),
            },
            ..Page::default()
        };
        let mut cursors: Vec<Cursor<'_>> = query
            .criteria
            .iter()
            .map(|one| Cursor::new(self, one, tail, manifest))
            .collect();
        let limit = query.limit.clamp(1, MAX_LIMIT);
        let mut at = query.from;
        for _ in 0..EXAMINED {
            let Some(index) = next(&mut cursors, query.any, at).await? else {
                return Ok(page);
            };
            if page.found.len() == limit {
                page.next = Some(index);
                return Ok(page);
            }
            if let Some(found) = self.entry(index).await? {
                let mut criteria = query.criteria.iter();
                let fits = match query.any {
                    true => criteria.any(|one| one.fits(&found.entry)),
                    false => criteria.all(|one| one.fits(&found.entry)),
                };
                page.found.extend(fits.then_some(found));
            }
            at = index + 1;
        }
        page.next = Some(at);
        Ok(page)
    }

    async fn entry(&self, index: u64) -> Result<Option<Found>, SearchError> {
        let stored = self.source.entry(index).await;
        let stored = stored.map_err(|error| SearchError::Log(Box::new(error)))?;
        Ok(stored.map(|stored| Found {
            index,
            entry: Described::read(self.format, &stored),
            stored,
        }))
    }
}

/// The first index from `at` on that all cursors have, or any.
async fn next(
    cursors: &mut [Cursor<'_>],
    any: bool,
    mut at: u64,
) -> Result<Option<u64>, SearchError> {
    if any {
        let mut nearest: Option<u64> = None;
        for cursor in cursors {
            let found = cursor.seek(at).await?;
            nearest = nearest.into_iter().chain(found).min();
        }
        return Ok(nearest);
    }
    loop {
        let start = at;
        for cursor in &mut *cursors {
            match cursor.seek(at).await? {
                Some(found) => at = found,
                None => return Ok(None),
            }
        }
        if at == start {
            return Ok(Some(at));
        }
    }
}

/// The hits of one criterion, read on as they are needed.
struct Cursor<'a> {
    index: &'a SearchIndex,
    term: u64,
    runs: Vec<Run>,
    covered: u64,
    tail: &'a Tail,
    buffer: VecDeque<u64>,
}

impl<'a> Cursor<'a> {
    fn new(
        index: &'a SearchIndex,
        criterion: &Criterion,
        tail: &'a Tail,
        manifest: &Manifest,
    ) -> Self {
        Self {
            index,
            term: criterion.term(),
            runs: manifest.runs(),
            covered: manifest.covered(),
            tail,
            buffer: VecDeque::new(),
        }
    }

    /// The first hit from `at` on.
    async fn seek(&mut self, at: u64) -> Result<Option<u64>, SearchError> {
        while self.buffer.front().is_some_and(|index| *index < at) {
            self.buffer.pop_front();
        }
        if let Some(index) = self.buffer.front() {
            return Ok(Some(*index));
        }
        let term = self.term;
        for run in &self.runs {
            let end = (run.number + 1).saturating_mul(Run::span(run.level));
            if end <= at {
                continue;
            }
            let from = Posting { term, index: at };
            let (values, space) = (&self.index.values, &self.index.space);
            let chunk = run.chunk(values, space, from).await?.unwrap_or_default();
            let hits = chunk
                .iter()
                .filter(|one| one.term == term && one.index >= at);
            self.buffer = hits.map(|posting| posting.index).collect();
            if let Some(index) = self.buffer.front() {
                return Ok(Some(*index));
            }
        }
        let tail = self.tail.postings().iter();
        let hits = tail.filter(|one| one.term == term && one.index >= at.max(self.covered));
        self.buffer = hits.map(|posting| posting.index).collect();
        Ok(self.buffer.front().copied())
    }
}
