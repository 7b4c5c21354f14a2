use super::*;
use proptest::prelude::*;

fn file(path: &str, content: &str) -> LayerEntry {
    LayerEntry {
        path: path.into(),
        mode: 0o644,
        content: EntryContent::Bytes(content.into()),
    }
}

fn write(entries: &[LayerEntry], compression: Compression) -> (Vec<u8>, WrittenLayer) {
    let mut bytes = Vec::new();
    let written = write_layer(entries, 1_700_000_000, compression, &mut bytes).unwrap();
    (bytes, written)
}

fn error(entries: &[LayerEntry]) -> LayerError {
    write_layer(entries, 0, Compression::None, io::sink()).unwrap_err()
}

#[test]
fn entries_are_sorted_and_have_parents_and_no_owner() {
    let long = format!("/deep/{}/end", "d".repeat(200));
    let entries = [
        file("/usr/bin/b", "b"),
        LayerEntry {
            path: "etc/link".into(),
            mode: 0o777,
            content: EntryContent::Symlink("../usr/bin/b".into()),
        },
        file(&long, "long"),
    ];
    let (bytes, written) = write(&entries, Compression::None);
    assert_eq!(Digest::sha256(&bytes), written.diff_id);
    assert_eq!(written.descriptor.digest, written.diff_id);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut paths = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 1_700_000_000);
        paths.push(entry.path().unwrap().display().to_string());
    }
    let deep = format!("deep/{}/", "d".repeat(200));
    let end = format!("{deep}end");
    let expected = [
        "deep/",
        &deep,
        &end,
        "etc/",
        "etc/link",
        "usr/",
        "usr/bin/",
        "usr/bin/b",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn gzip_holds_the_same_archive() {
    let entries = [file("/a", "content")];
    let (plain, one) = write(&entries, Compression::None);
    let (packed, two) = write(&entries, Compression::Gzip);
    assert_eq!(one.diff_id, two.diff_id);
    assert_eq!(
        two.descriptor,
        Descriptor::of(media_type::LAYER_GZIP, &packed)
    );
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
    assert_eq!(packed[4..8], [0; 4], "no time in the gzip header");
}

#[test]
fn paths_that_lead_out_or_hide_are_refused() {
    for path in [
        "",
        "/",
        "..",
        "../x",
        "/a/../b",
        "a//b",
        "a/./b",
        "a/.wh.b",
        ".wh..wh..opq",
        "a\0",
    ] {
        assert!(
            matches!(error(&[file(path, "")]), LayerError::Path { .. }),
            "{path:?}"
        );
    }
    assert!(matches!(
        error(&[file("a", ""), file("/a", "")]),
        LayerError::Twice { .. }
    ));
    assert!(matches!(
        error(&[file("a", ""), file("a/b", "")]),
        LayerError::InsideFile { .. }
    ));
}

#[test]
fn only_regular_files_are_read() {
    let scratch = tempfile::tempdir().unwrap();
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    let from = |source: &Path| LayerEntry {
        path: "x".into(),
        mode: 0o644,
        content: EntryContent::File(source.into()),
    };
    assert!(matches!(error(&[from(&link)]), LayerError::Read { .. }));
    assert!(matches!(
        error(&[from(Path::new("/dev/zero"))]),
        LayerError::NotAFile { .. }
    ));
    assert!(matches!(
        error(&[from(scratch.path())]),
        LayerError::NotAFile { .. }
    ));
    // longer when read than when looked at
    assert!(matches!(
        error(&[from(Path::new("/proc/self/status"))]),
        LayerError::Changed { .. }
    ));
}

proptest! {
    #[test]
    fn the_order_of_files_does_not_matter(
        names in proptest::collection::btree_set("[a-z]{1,8}(/[a-z]{1,8}){0,2}", 1..8),
        seed in any::<u64>(),
    ) {
        let mut entries: Vec<_> = names.iter().map(|name| file(name, name)).collect();
        let one = write_layer(&entries, 7, Compression::Gzip, io::sink());
        let middle = usize::try_from(seed % entries.len() as u64).unwrap();
        entries.rotate_left(middle);
        let two = write_layer(&entries, 7, Compression::Gzip, io::sink());
        match (one, two) {
            (Ok(one), Ok(two)) => prop_assert_eq!(one, two),
            (one, two) => prop_assert_eq!(one.is_err(), two.is_err()),
        }
    }
}
