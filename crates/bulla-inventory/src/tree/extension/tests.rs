use super::*;
use crate::tree::{FileTree, tests::tree_of};
use proptest::prelude::*;
use tar::{Builder, Header};

fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// An extension header of that kind, then a file `short` of four bytes.
fn extended(kind: EntryType, body: &[u8]) -> Result<FileTree, TreeError> {
    let mut builder = Builder::new(Vec::new());
    builder
        .append(&header("x", kind, body.len() as u64), body)
        .unwrap();
    builder
        .append(&header("short", EntryType::Regular, 4), &b"data"[..])
        .unwrap();
    tree_of(&[builder.into_inner().unwrap()])
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..6)
        .map(|digits| rest + digits)
        .find(|n| n.to_string().len() + rest == *n);
    let mut out = format!("{} {key}=", length.unwrap()).into_bytes();
    out.extend(value);
    out.push(b'\n');
    out
}

#[test]
fn long_names_are_read_in_both_dialects() {
    let long = format!("{}/file", "a".repeat(200));
    let gnu = extended(EntryType::GNULongName, format!("{long}\0").as_bytes()).unwrap();
    let pax = extended(EntryType::XHeader, &record("path", long.as_bytes())).unwrap();
    for tree in [gnu, pax] {
        assert_eq!(tree.file(&long).unwrap().size, 4);
        assert!(tree.file("short").is_none());
    }
}

/// File capabilities are binary, and may hold a line feed.
#[test]
fn values_may_hold_any_byte() {
    let body = [
        record("SCHILY.xattr.security.capability", b"\x01\n\0=\n 9"),
        record("path", b"b"),
    ];
    let tree = extended(EntryType::XHeader, &body.concat()).unwrap();
    assert!(tree.file("b").is_some());
}

#[test]
fn names_of_extensions_are_held_to_the_same_rules() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let body = match kind {
            EntryType::XHeader => record("path", b"../etc/passwd"),
            _ => b"../etc/passwd".to_vec(),
        };
        let error = extended(kind, &body).unwrap_err();
        assert!(matches!(error, TreeError::Escape { .. }), "{error}");
    }
}

#[test]
fn what_is_read_in_different_ways_is_refused() {
    let refused = |kind, body: &[u8]| {
        let error = extended(kind, body).unwrap_err();
        assert!(matches!(error, TreeError::Unsupported { .. }), "{error}");
    };
    refused(EntryType::XHeader, &record("GNU.sparse.major", b"1"));
    refused(EntryType::XHeader, &record("size", b"9"));
    refused(EntryType::XGlobalHeader, &record("path", b"x"));
    assert!(extended(EntryType::XHeader, &record("size", b"4")).is_ok());
    assert!(extended(EntryType::XGlobalHeader, &record("comment", b"abc")).is_ok());
}

#[test]
fn malformed_and_oversized_headers_are_errors() {
    for body in [&b"99 path=x\n"[..], b"path=x\n", b"9 path=x", b"5 a\nb"] {
        assert!(
            extended(EntryType::XHeader, body).is_err(),
            "{body:?} was accepted"
        );
    }
    let huge = vec![b'a'; (MAX_BYTES + 1) as usize];
    assert!(extended(EntryType::GNULongName, &huge).is_err());
}

proptest! {
    #[test]
    fn records_come_back(values in prop::collection::vec(("[a-z.]{1,8}", prop::collection::vec(any::<u8>(), 0..20)), 0..5)) {
        let body: Vec<u8> = values.iter().flat_map(|(key, value)| record(key, value)).collect();
        let parsed = parse_pax(&body).unwrap();
        let expected: Vec<Record<'_>> = values.iter().map(|(k, v)| (k.as_bytes(), &v[..])).collect();
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn parsing_never_panics(body in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse_pax(&body);
    }
}
