use proptest::prelude::*;

use super::*;
use crate::sct::{CtEntry, PrecertEntry, merkle_leaf, tile_leaf};

fn leaf(index: u64) -> Vec<u8> {
    let entry = PrecertEntry {
        issuer_key_hash: [7; 32],
        tbs: b"tbs",
    };
    tile_leaf(&entry, 99, index, b"poisoned", &[[1; 32], [2; 32]]).unwrap()
}

#[test]
fn reads_what_is_written_one_after_the_other() {
    let tile = [leaf(0), leaf(1)].concat();
    let (first, rest) = parse_tile_leaf(&tile).unwrap();
    assert_eq!(rest, leaf(1));
    assert_eq!((first.timestamp_ms, first.chain.len()), (99, 2));
    assert_eq!(first.entry.certificate(), b"poisoned");
    let entry = PrecertEntry {
        issuer_key_hash: [7; 32],
        tbs: b"tbs",
    };
    assert_eq!(first.merkle, merkle_leaf(&entry, 99, 0).unwrap());
    let (second, rest) = parse_tile_leaf(rest).unwrap();
    assert_ne!(second.merkle, first.merkle);
    assert!(rest.is_empty());
}

#[test]
fn a_whole_certificate_has_no_second_one() {
    let entry = || CtEntry::Certificate(b"certificate");
    let stored = tile_leaf(entry(), 99, 5, b"", &[[1; 32]]).unwrap();
    let (leaf, rest) = parse_tile_leaf(&stored).unwrap();
    assert!(rest.is_empty());
    assert_eq!(leaf.entry, LoggedEntry::Certificate(b"certificate".into()));
    assert_eq!(leaf.merkle, merkle_leaf(entry(), 99, 5).unwrap());
}

#[test]
fn a_cut_leaf_is_none() {
    let whole = leaf(3);
    for end in 0..whole.len() {
        assert!(parse_tile_leaf(&whole[..end]).is_err(), "{end}");
    }
    let mut other_kind = whole;
    other_kind[9] = 2;
    assert!(parse_tile_leaf(&other_kind).is_err());
}

proptest! {
    #[test]
    fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = parse_tile_leaf(&bytes);
    }
}
