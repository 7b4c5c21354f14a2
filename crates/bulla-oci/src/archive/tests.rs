use super::*;
use proptest::prelude::*;
use serde_json::json;

fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // set_path would refuse what an attacker writes
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn index() -> Vec<u8> {
    json!({ "schemaVersion": 2, "manifests": [] })
        .to_string()
        .into_bytes()
}

fn unpacked(archive: &[u8]) -> Result<Layout, ArchiveError> {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("out");
    let done = unpack(archive, &root);
    assert_eq!(done.is_ok(), root.exists(), "nothing half-written is left");
    assert_eq!(
        fs::read_dir(scratch.path()).unwrap().count(),
        usize::from(done.is_ok())
    );
    done
}

#[test]
fn a_layout_survives_packing() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = Layout::create(&scratch.path().join("in")).unwrap();
    let config = layout.put_blob("config", b"{}").unwrap();
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] });
    let media = bulla_core::descriptor::media_type::MANIFEST;
    let manifest = layout.put_json(media, &manifest).unwrap();
    layout.set_manifests(vec![manifest.clone()]).unwrap();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    pack(&layout, &mut one).unwrap();
    pack(&layout, &mut two).unwrap();
    assert_eq!(one, two);
    let out = unpack(one.as_slice(), &scratch.path().join("out")).unwrap();
    assert_eq!(listed(&out).unwrap(), [manifest]);
    out.validate().unwrap();
}

#[test]
fn paths_and_links_that_lead_out_are_refused() {
    let index = index();
    let good = ("index.json", EntryType::Regular, index.as_slice());
    assert!(unpacked(&tar(&[good])).is_ok());
    assert!(unpacked(&tar(&[("./index.json", EntryType::Regular, &index)])).is_ok());
    for path in ["../index.json", "/etc/x", "blobs/../../x", "a/../../b"] {
        let error = unpacked(&tar(&[good, (path, EntryType::Regular, b"x")])).unwrap_err();
        assert!(
            matches!(error, ArchiveError::Escape { .. }),
            "{path}: {error}"
        );
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Fifo,
        EntryType::GNUSparse,
    ] {
        let entry = ("blobs", kind, &b""[..]);
        assert!(unpacked(&tar(&[good, entry])).is_err(), "{kind:?}");
    }
}

#[test]
fn a_blob_must_be_what_its_name_says() {
    let index = index();
    let name = format!("blobs/sha256/{}", Digest::sha256(b"right").hex());
    let good = ("index.json", EntryType::Regular, index.as_slice());
    assert!(unpacked(&tar(&[good, (&name, EntryType::Regular, b"right")])).is_ok());
    let error = unpacked(&tar(&[good, (&name, EntryType::Regular, b"wrong")])).unwrap_err();
    assert_eq!(error.code().0, "OCI-0020");
    assert!(matches!(unpacked(&tar(&[])), Err(ArchiveError::NoIndex)));
}

#[test]
fn a_size_beyond_bounds_is_refused_before_it_is_read() {
    let mut archive = tar(&[("index.json", EntryType::Regular, b"")]);
    let mut header = tar::Header::from_byte_slice(&archive[..512]).clone();
    header.set_size(BYTES + 1);
    header.set_cksum();
    archive[..512].copy_from_slice(header.as_bytes());
    assert!(matches!(unpacked(&archive), Err(ArchiveError::TooLarge)));
}

proptest! {
    #[test]
    fn any_bytes_and_paths_are_answered(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000), path in any::<String>()
    ) {
        let _ = unpacked(&bytes);
        let _ = member(&path);
    }
}
