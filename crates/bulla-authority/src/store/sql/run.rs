//! A run: the identities of a stretch of entries, sorted, in parts that are
//! read alone.
//!
//! Each part has a filter in memory (two bytes for each entry), so that a new
//! identity is known to be new without reading. Records hold eight bytes of the
//! identity and the entry's place in the stretch; a hit is a candidate that the
//! reader confirms with the entry itself.

use std::sync::Arc;

/// Records of a part.
pub(super) const PART: usize = 8192;
/// Bytes of a record: key and place.
const RECORD: usize = 12;
/// 32-bit words of a filter's block.
const BLOCK: usize = 8;
/// Bits of filter for each record.
const FILTER_BITS: usize = 16;
/// Odd constants of the split-block Bloom filter (Parquet's).
const SALT: [u32; BLOCK] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// A record: the first eight bytes of an identity, and the entry's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) key: u64,
    pub(super) place: u32,
}

/// The first bytes of an identity: what runs are sorted by.
pub(super) fn key(identity: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *identity;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// A part as it is in the database.
pub(super) struct StoredPart {
    pub(super) filter: Vec<u8>,
    pub(super) records: Vec<u8>,
}

/// What memory holds of a part.
#[derive(Debug)]
pub(super) struct Part {
    low: u64,
    high: u64,
    filter: Vec<[u32; BLOCK]>,
}

/// What memory holds of a run over the entries `first .. first + count`.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) parts: Vec<Part>,
}

/// A part that may hold an identity.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) run: Arc<Run>,
    pub(super) part: usize,
}

impl Run {
    /// How often the run was merged, counted by its length.
    pub(super) fn level(&self, smallest: u64, fan: u64) -> u32 {
        (self.count / smallest.max(1)).max(1).ilog(fan)
    }

    /// The parts that may hold `key`.
    pub(super) fn candidates(self: &Arc<Self>, key: u64) -> impl Iterator<Item = Candidate> + '_ {
        let from = self.parts.partition_point(|part| part.high < key);
        let parts = self.parts.iter().enumerate().skip(from);
        parts
            .take_while(move |(_, part)| part.low <= key)
            .filter(move |(_, part)| may_hold(&part.filter, key))
            .map(|(part, _)| Candidate {
                run: self.clone(),
                part,
            })
    }
}

impl Part {
    /// Packs sorted records; `None` if there are none.
    pub(super) fn build(records: &[Record]) -> Option<(Self, StoredPart)> {
        let (first, last) = (records.first()?, records.last()?);
        let blocks = (records.len() * FILTER_BITS).div_ceil(BLOCK * 32);
        let mut filter = vec![[0; BLOCK]; blocks];
        let mut bytes = Vec::with_capacity(records.len() * RECORD);
        for record in records {
            insert(&mut filter, record.key);
            bytes.extend_from_slice(&record.key.to_be_bytes());
            bytes.extend_from_slice(&record.place.to_be_bytes());
        }
        let words = filter.iter().flatten();
        let mut stored = [first.key.to_le_bytes(), last.key.to_le_bytes()].concat();
        stored.extend(words.flat_map(|word| word.to_le_bytes()));
        let (low, high) = (first.key, last.key);
        Some((
            Self { low, high, filter },
            StoredPart {
                filter: stored,
                records: bytes,
            },
        ))
    }

    /// Reads what [`Part::build`] stored as `filter`; `None` if it is damaged.
    pub(super) fn load(stored: &[u8]) -> Option<Self> {
        let (low, rest) = stored.split_first_chunk()?;
        let (high, rest) = rest.split_first_chunk()?;
        let (blocks, []) = rest.as_chunks::<{ BLOCK * 4 }>() else {
            return None;
        };
        let filter = blocks.iter().map(|block| {
            let mut words = [0; BLOCK];
            for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            words
        });
        Some(Self {
            low: u64::from_le_bytes(*low),
            high: u64::from_le_bytes(*high),
            filter: filter.collect(),
        })
    }
}

/// The records of a stored part; `None` if it is damaged.
pub(super) fn records(bytes: &[u8]) -> Option<impl ExactSizeIterator<Item = Record> + '_> {
    let (records, []) = bytes.as_chunks::<RECORD>() else {
        return None;
    };
    Some(records.iter().map(|record| {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *record;
        Record {
            key: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            place: u32::from_be_bytes([i, j, k, l]),
        }
    }))
}

/// The places of `key` in a stored part; `None` if it is damaged.
pub(super) fn places(bytes: &[u8], key: u64) -> Option<Vec<u32>> {
    let (all, []) = bytes.as_chunks::<RECORD>() else {
        return None;
    };
    let wanted = key.to_be_bytes();
    let from = all.partition_point(|record| record[..8] < wanted[..]);
    let found = records(bytes)?.skip(from);
    Some(
        found
            .take_while(|record| record.key == key)
            .map(|record| record.place)
            .collect(),
    )
}

/// The block of `key` and the bit in each of its words. The high half of a key
/// chose the part already, so block and bits come from a mix of all of it.
fn place(key: u64, blocks: usize) -> (usize, [u32; BLOCK]) {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    let high = usize::try_from(mixed >> 32).unwrap_or(0);
    let low = u32::try_from(mixed & 0xffff_ffff).unwrap_or(0);
    let bits = SALT.map(|salt| 1 << (low.wrapping_mul(salt) >> 27));
    (high.checked_rem(blocks).unwrap_or(0), bits)
}

fn insert(filter: &mut [[u32; BLOCK]], key: u64) {
    let (block, bits) = place(key, filter.len());
    if let Some(block) = filter.get_mut(block) {
        for (word, bit) in block.iter_mut().zip(bits) {
            *word |= bit;
        }
    }
}

fn may_hold(filter: &[[u32; BLOCK]], key: u64) -> bool {
    let (block, bits) = place(key, filter.len());
    filter
        .get(block)
        .is_some_and(|block| block.iter().zip(bits).all(|(word, bit)| word & bit != 0))
}

#[cfg(test)]
mod tests;
