//! The entries of one commit as one row: lengths, then bytes, deflated where
//! that is shorter.
//!
//! Identities that are the leaf hash of their entry (Rekor v2) are not stored.

use bulla_crypto::merkle::leaf_hash;
use bytes::Bytes;
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use std::io::{Read as _, Write as _};

use crate::store::NewEntry;

/// The one entry as it is: also what rows of the first schema became.
const RAW: i64 = 0;
/// Lengths (32 bits, little endian), then the entries.
const LIST: i64 = 1;
/// A deflated [`LIST`].
const DEFLATED: i64 = 2;
/// More than a commit can hold: a longer one is damage, not data.
const MAX_BYTES: u64 = 1 << 30;

/// A packed commit.
pub(super) struct Packed {
    pub(super) encoding: i64,
    pub(super) bytes: Vec<u8>,
    /// 32 bytes each, unless they are the leaf hashes.
    pub(super) identities: Option<Vec<u8>>,
}

pub(super) fn pack(entries: &[NewEntry]) -> Packed {
    let implied = |entry: &NewEntry| leaf_hash(&entry.bytes) == entry.identity;
    let identities = (!entries.iter().all(implied)).then(|| {
        let all: Vec<[u8; 32]> = entries.iter().map(|entry| entry.identity).collect();
        all.concat()
    });
    let mut list = Vec::with_capacity(entries.iter().map(|entry| entry.bytes.len() + 4).sum());
    for entry in entries {
        let length = u32::try_from(entry.bytes.len()).unwrap_or(u32::MAX);
        list.extend_from_slice(&length.to_le_bytes());
    }
    for entry in entries {
        list.extend_from_slice(&entry.bytes);
    }
    let (encoding, bytes) = match deflate(&list) {
        Some(deflated) if deflated.len() < list.len() => (DEFLATED, deflated),
        _ => (LIST, list),
    };
    Packed {
        encoding,
        bytes,
        identities,
    }
}

/// The entries of a row, `None` if it is damaged.
pub(super) fn unpack(encoding: i64, count: usize, bytes: Vec<u8>) -> Option<Vec<Bytes>> {
    let list = match encoding {
        RAW if count == 1 => return Some(vec![bytes.into()]),
        LIST => Bytes::from(bytes),
        DEFLATED => {
            let mut list = Vec::with_capacity(bytes.len().saturating_mul(2));
            let mut decoder = DeflateDecoder::new(bytes.as_slice()).take(MAX_BYTES);
            decoder.read_to_end(&mut list).ok()?;
            Bytes::from(list)
        }
        _ => return None,
    };
    let lengths = list.get(..count.checked_mul(4)?)?.as_chunks::<4>().0;
    let mut at = count * 4;
    let mut entries = Vec::with_capacity(count);
    for length in lengths {
        let end = at.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        entries.push((end <= list.len()).then(|| list.slice(at..end))?);
        at = end;
    }
    (at == list.len()).then_some(entries)
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let room = Vec::with_capacity(bytes.len());
    let mut encoder = DeflateEncoder::new(room, Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests;
