use super::*;
use bulla_core::Diagnose as _;
use std::io::{Read, Write};
use tar::{Builder, EntryType, Header};

/// One entry of a test archive.
pub(crate) enum Put<'a> {
    File(&'a str, &'a [u8]),
    Folder(&'a str),
    Hard(&'a str, &'a str),
    Soft(&'a str, &'a str),
}

/// A tar archive with these entries, their names unchecked.
pub(crate) fn archive(entries: &[Put<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let (path, kind, target, body): (_, _, &str, &[u8]) = match entry {
            Put::File(path, body) => (path, EntryType::Regular, "", body),
            Put::Folder(path) => (path, EntryType::Directory, "", &[]),
            Put::Hard(path, target) => (path, EntryType::Link, target, &[]),
            Put::Soft(path, target) => (path, EntryType::Symlink, target, &[]),
        };
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(body.len() as u64);
        header.set_mode(0o4755);
        header.set_cksum();
        builder.append(&header, body).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn tree_of(layers: &[Vec<u8>]) -> Result<FileTree, TreeError> {
    let mut stack = LayerStack::new(TreeLimits::default());
    for layer in layers {
        stack.push(layer.as_slice())?;
    }
    Ok(stack.finish())
}

fn paths(tree: &FileTree) -> Vec<&str> {
    tree.nodes().map(|(path, _)| path).collect()
}

#[test]
fn upper_layers_hide_and_replace_lower_ones() {
    let base = archive(&[
        Put::File("./a/one", b"1"),
        Put::File("a/two", b"2"),
        Put::File("b/three", b"3"),
        Put::File("c", b"file"),
        Put::File("d/e/f", b"gone"),
    ]);
    let top = archive(&[
        Put::File("a/.wh.one", b""),
        Put::File("b/four", b"4"),
        Put::File("b/.wh..wh..opq", b""),
        Put::File("c/now-a-folder", b""),
        Put::File("d", b"now a file"),
    ]);
    let tree = tree_of(&[base, top]).unwrap();
    let expected = ["a", "a/two", "b", "b/four", "c", "c/now-a-folder", "d"];
    assert_eq!(paths(&tree), expected);
    assert_eq!(tree.file("a/two").unwrap().digest(), Digest::sha256(b"2"));
    assert_eq!(tree.get("a/two").unwrap().mode, 0o4755);
}

#[test]
fn links_are_followed_inside_the_tree_only() {
    let tree = tree_of(&[archive(&[
        Put::Folder("usr/bin"),
        Put::File("usr/bin/sh", b"shell"),
        Put::Soft("bin", "usr/bin"),
        Put::Soft("usr/bin/dash", "/bin/sh"),
        Put::Soft("x", "y"),
        Put::Soft("y", "x"),
        Put::Hard("usr/bin/hard", "/usr/bin/sh"),
    ])])
    .unwrap();
    assert_eq!(tree.resolve("bin/dash").as_deref(), Some("usr/bin/sh"));
    assert_eq!(tree.resolve("x"), None);
    assert_eq!(tree.file("usr/bin/hard").unwrap().size, 5);
}

#[test]
fn archives_that_leave_the_tree_are_refused() {
    let cases: [(Put<'_>, &str); 6] = [
        (Put::File("../etc/passwd", b""), "INVENTORY-0012"),
        (Put::File("a/../../b", b""), "INVENTORY-0012"),
        (Put::Soft("a", "../../etc"), "INVENTORY-0012"),
        (Put::Soft("a", "/../etc"), "INVENTORY-0012"),
        (Put::Hard("a", "../../etc/passwd"), "INVENTORY-0012"),
        (Put::Hard("a", "missing"), "INVENTORY-0014"),
    ];
    for (entry, code) in cases {
        let error = tree_of(&[archive(&[entry])]).unwrap_err();
        assert_eq!(error.code().0, code, "{error}");
    }
    let through_link = archive(&[Put::Soft("a", "/etc"), Put::File("a/passwd", b"")]);
    let error = tree_of(&[through_link]).unwrap_err();
    assert!(matches!(error, TreeError::BeneathLink { .. }), "{error}");
}

#[test]
fn a_leading_slash_means_the_root_of_the_image() {
    let tree = tree_of(&[archive(&[Put::File("/etc/hostname", b"x")])]).unwrap();
    assert_eq!(paths(&tree), ["etc", "etc/hostname"]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// Frames as zstd writes them for data that it does not compress.
fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Uncompressed)
}

#[test]
fn all_compressions_give_the_same_tree_and_diff_id() {
    let plain = archive(&[Put::File("a", &[7; 100_000])]);
    let (first, second) = plain.split_at(700);
    let members = [gzip(first), gzip(second)].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..]].concat();
    let frames = [zstd_frame(first), skippable, zstd_frame(second)].concat();
    for packed in [&plain, &gzip(&plain), &members, &frames] {
        let mut stack = LayerStack::new(TreeLimits::default());
        let summary = stack.push(packed.as_slice()).unwrap();
        assert_eq!(summary.digest, Digest::sha256(packed));
        assert_eq!(summary.diff_id, Digest::sha256(&plain));
        assert_eq!(summary.plain_size, plain.len() as u64);
        assert_eq!(stack.finish().file("a").unwrap().size, 100_000);
    }
}

#[test]
fn a_cut_or_damaged_layer_is_an_error() {
    let plain = archive(&[Put::File("a", &[7; 100_000])]);
    let packed = gzip(&plain);
    for bad in [
        &plain[..5000],
        &packed[..packed.len() - 9],
        b"not a tar archive at all",
    ] {
        let error = tree_of(&[bad.to_vec()]).unwrap_err();
        assert!(matches!(error, TreeError::Read { .. }), "{error}");
    }
}

#[test]
fn bombs_are_stopped() {
    let limits = TreeLimits {
        ratio: 50,
        ratio_floor: 1 << 20,
        file_bytes: 4 << 20,
        entries: 3,
        ..TreeLimits::default()
    };
    let push = |bytes: &[u8]| LayerStack::new(limits.clone()).push(bytes).unwrap_err();
    let zeros = archive(&[Put::File("zeros", &vec![0; 3 << 20])]);
    assert!(matches!(push(&gzip(&zeros)), TreeError::Ratio { .. }));
    let large = archive(&[Put::File("large", &vec![1; 5 << 20])]);
    assert!(matches!(push(&large), TreeError::FileSize { .. }));
    let many = ["a", "b", "c", "d"].map(|name| Put::File(name, b""));
    assert!(matches!(push(&archive(&many)), TreeError::Entries { .. }));
}

/// A GNU sparse file that claims ten gigabytes and stores none.
#[test]
fn a_sparse_file_out_of_nothing_is_refused() {
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_entry_type(EntryType::GNUSparse);
    let gnu = header.as_gnu_mut().unwrap();
    let real: u64 = 10 << 30;
    // A number that octal digits cannot hold: the base-256 form.
    gnu.realsize = [0; 12];
    gnu.realsize[0] = 0x80;
    gnu.realsize[4..].copy_from_slice(&real.to_be_bytes());
    gnu.sparse[0].offset = gnu.realsize;
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    header.set_cksum();
    let bytes: Vec<u8> = header.as_bytes().iter().copied().chain([0; 1024]).collect();
    let error = tree_of(&[bytes]).unwrap_err();
    assert_eq!(error.code().0, "INVENTORY-0018", "{error}");
}

#[test]
fn a_directory_gives_the_same_files_and_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/.git")).unwrap();
    std::fs::write(folder.path().join("a/b"), b"2").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", folder.path().join("out")).unwrap();
    let options = DirectoryOptions {
        skip: vec![".git".into()],
        ..DirectoryOptions::default()
    };
    let tree = FileTree::from_directory(folder.path(), &options).unwrap();
    assert_eq!(paths(&tree)[..2], ["a", "a/b"]);
    assert_eq!(tree.file("a/b").unwrap().digest(), Digest::sha256(b"2"));
    assert!(tree.file("out/hostname").is_none());
}

#[test]
fn reading_may_fail_half_way() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line is cut"))
        }
    }
    let plain = archive(&[Put::File("a", &[7; 100_000])]);
    let mut stack = LayerStack::new(TreeLimits::default());
    let error = stack.push(plain[..9000].chain(Broken)).unwrap_err();
    assert!(error.to_string().contains("the line is cut"), "{error}");
    assert!(stack.finish().is_empty());
}
