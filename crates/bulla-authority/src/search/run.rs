//! Sorted runs of postings in [`Values`]: the index as it is stored.
//!
//! A run covers a fixed stretch of a log: 256 entries at level 0, eight times as
//! many at each level above, so what it holds depends on the log alone and two
//! replicas that write the same run write the same bytes. It is cut into chunks;
//! the key of a chunk is that of its last posting, so one scan finds where to
//! read on. Eight runs are merged into one, so a search looks into at most seven
//! runs of each level, and an entry is rewritten once per level.

use bulla_store::{Values, state::Change};

use super::{SearchError, term::Term};

/// Entries of a run of level 0.
pub(super) const BLOCK: u64 = 256;
/// Runs that become one.
pub(super) const FAN: u64 = 8;
/// Postings of one chunk: 13 kB.
pub(super) const CHUNK: usize = 1000;
/// Bytes of one posting: the term, and 40 bits of index.
const POSTING: usize = 13;
const MAX_INDEX: u64 = (1 << 40) - 1;

/// A term, and an entry that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub(super) term: Term,
    pub(super) index: u64,
}

impl Posting {
    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.term.to_be_bytes());
        let [_, _, _, index @ ..] = self.index.min(MAX_INDEX).to_be_bytes();
        out.extend_from_slice(&index);
    }

    fn decode(bytes: &[u8; POSTING]) -> Self {
        let (term, index) = bytes.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |all, byte| (all << 8) | u64::from(*byte))
        };
        Self {
            term: number(term),
            index: number(index),
        }
    }

    /// The posting just before it, if there can be one.
    fn before(self) -> Option<Self> {
        if let Some(index) = self.index.checked_sub(1) {
            return Some(Self { index, ..self });
        }
        self.term.checked_sub(1).map(|term| Self {
            term,
            index: MAX_INDEX,
        })
    }
}

/// One run: which stretch of the log, by level and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) level: u32,
    pub(super) number: u64,
}

impl Run {
    /// Entries that a run of `level` covers.
    pub(super) fn span(level: u32) -> u64 {
        BLOCK.saturating_mul(FAN.saturating_pow(level))
    }

    fn prefix(self) -> String {
        format!("run/{:02}/{:012}/", self.level, self.number)
    }

    fn key(self, last: Posting) -> String {
        format!("{}{:016x}{:010x}", self.prefix(), last.term, last.index)
    }

    /// The chunk that would hold `from`, decoded, or the next one of the run.
    pub(super) async fn chunk(
        self,
        values: &Values,
        space: &str,
        from: Posting,
    ) -> Result<Option<Vec<Posting>>, SearchError> {
        let after = from
            .before()
            .map_or_else(|| self.prefix(), |last| self.key(last));
        let found = values.scan(space, &after, 1).await?.into_iter().next();
        let Some((key, bytes)) = found.filter(|(key, _)| key.starts_with(&self.prefix())) else {
            return Ok(None);
        };
        let (postings, []) = bytes.as_chunks::<POSTING>() else {
            return Err(SearchError::Damaged { key });
        };
        Ok(Some(postings.iter().map(Posting::decode).collect()))
    }

    /// The chunks of a whole, sorted run.
    pub(super) fn chunks(self, postings: &[Posting]) -> Vec<(String, Vec<u8>)> {
        let encode = |chunk: &[Posting]| {
            let mut bytes = Vec::with_capacity(chunk.len() * POSTING);
            chunk.iter().for_each(|posting| posting.encode(&mut bytes));
            chunk.last().map(|last| (self.key(*last), bytes))
        };
        postings.chunks(CHUNK).filter_map(encode).collect()
    }

    /// Removes it, some chunks at a time.
    pub(super) async fn delete(self, values: &Values, space: &str) -> Result<(), SearchError> {
        loop {
            let found = values.scan(space, &self.prefix(), 16).await?;
            let ours = found
                .iter()
                .map(|(key, _)| key.as_str())
                .take_while(|key| key.starts_with(&self.prefix()));
            let changes: Vec<Change<'_>> = ours.map(|key| Change::Delete { key }).collect();
            if changes.is_empty() {
                return Ok(());
            }
            values.apply(space, &changes).await?;
        }
    }
}

/// The postings of a run, one after the other, a chunk in memory at a time.
pub(super) struct Reader {
    run: Run,
    chunk: std::vec::IntoIter<Posting>,
    next: Option<Posting>,
}

impl Reader {
    pub(super) async fn open(run: Run, values: &Values, space: &str) -> Result<Self, SearchError> {
        let start = Posting { term: 0, index: 0 };
        let chunk = run.chunk(values, space, start).await?.unwrap_or_default();
        let mut chunk = chunk.into_iter();
        let next = chunk.next();
        Ok(Self { run, chunk, next })
    }

    pub(super) fn peek(&self) -> Option<Posting> {
        self.next
    }

    pub(super) async fn advance(
        &mut self,
        values: &Values,
        space: &str,
    ) -> Result<(), SearchError> {
        let Some(current) = self.next else {
            return Ok(());
        };
        self.next = self.chunk.next();
        if self.next.is_none() {
            let from = Posting {
                index: current.index + 1,
                ..current
            };
            let chunk = self.run.chunk(values, space, from).await?;
            self.chunk = chunk.unwrap_or_default().into_iter();
            self.next = self.chunk.next();
        }
        Ok(())
    }
}
