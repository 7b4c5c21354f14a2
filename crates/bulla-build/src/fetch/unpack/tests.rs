use super::*;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

fn archive(entries: &[(&str, EntryType)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, kind) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        // Written by hand: the library refuses to make such paths.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(if *kind == EntryType::Regular { 3 } else { 0 });
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        let body: &[u8] = if *kind == EntryType::Regular {
            b"abc"
        } else {
            b""
        };
        builder.append(&header, body).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn unpack(entries: &[(&str, EntryType)]) -> Result<PathBuf, FetchError> {
    let directory = tempfile::tempdir().unwrap().keep();
    tar_gz(
        "a-1.crate",
        &archive(entries),
        Some("a-1"),
        &directory.join("out"),
    )
    .map(|()| directory)
}

#[test]
fn regular_files_come_out() {
    let directory = unpack(&[("a-1/src/lib.rs", EntryType::Regular)]).unwrap();
    assert_eq!(fs::read(directory.join("out/src/lib.rs")).unwrap(), b"abc");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn nothing_leaves_the_directory() {
    for entry in [
        ("a-1/../../evil", EntryType::Regular),
        ("/etc/evil", EntryType::Regular),
        ("b-1/evil", EntryType::Regular),
        ("a-1/link", EntryType::Symlink),
        ("a-1/fifo", EntryType::Fifo),
        ("a-1/hard", EntryType::Link),
    ] {
        assert!(unpack(&[entry]).is_err(), "{entry:?} was unpacked");
    }
}

proptest! {
    #[test]
    fn no_archive_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let directory = tempfile::tempdir().unwrap();
        let _ = tar_gz("x", &bytes, None, directory.path());
    }
}
