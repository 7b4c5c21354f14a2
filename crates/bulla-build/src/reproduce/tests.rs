use super::*;
use proptest::prelude::*;

fn files(a: &[u8], b: &[u8]) -> Option<Difference> {
    let directory = tempfile::tempdir().unwrap();
    let (x, y) = (directory.path().join("a"), directory.path().join("b"));
    fs::write(&x, a).unwrap();
    fs::write(&y, b).unwrap();
    compare(&x, &y).unwrap()
}

fn tar(time: u64) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    header.set_mtime(time);
    builder
        .append_data(&mut header, "name.txt", &b"abc"[..])
        .unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn finds_the_first_difference() {
    assert!(files(b"same", b"same").is_none());
    let found = files(b"abcd", b"abxd").unwrap();
    assert_eq!((found.offset, found.bytes.0.as_slice()), (2, &b"cd"[..]));
    assert_eq!(files(b"ab", b"abc").unwrap().offset, 2);
}

#[test]
fn names_what_differs_in_an_archive() {
    let found = files(&tar(1), &tar(2)).unwrap();
    assert_eq!(
        found.hint.unwrap(),
        "the time of name.txt in a tar archive: use `--mtime`"
    );
    let gzip = [&[0x1f, 0x8b, 8, 0][..], &[1, 0, 0, 0]].concat();
    assert!(hint::guess(&gzip, 4).unwrap().contains("gzip -n"));
}

#[test]
fn names_the_section_of_a_program() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // The first bytes after the headers of any program belong to some section.
    let named = (0x200..0x2000)
        .step_by(64)
        .find_map(|at| hint::guess(&program, at));
    assert!(named.unwrap().contains("section ."), "no section found");
}

proptest! {
    #[test]
    fn no_bytes_panic(head in 0usize..5, tail in proptest::collection::vec(any::<u8>(), 0..700), at in 0usize..900) {
        let magic: [&[u8]; 5] = [b"\x7fELF\x02\x01", b"PK\x03\x04", b"\x1f\x8b", b"!<arch>\n", b""];
        let mut bytes = magic[head].to_vec();
        bytes.extend(tail);
        let _ = hint::guess(&bytes, at);
        if bytes.len() > 262 {
            bytes[257..262].copy_from_slice(b"ustar");
            let _ = hint::guess(&bytes, at);
        }
    }
}
