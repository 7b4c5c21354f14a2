use super::*;
use bulla_core::{Diagnose as _, descriptor::Platform};
use serde_json::json;
use std::collections::BTreeMap;

fn scratch() -> (tempfile::TempDir, Layout) {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(&directory.path().join("layout")).unwrap();
    (directory, layout)
}

fn add_image(layout: &Layout, content: &[u8]) -> Descriptor {
    let config = layout.put_blob(media_type::CONFIG, b"{}").unwrap();
    let layer = layout.put_blob(media_type::LAYER, content).unwrap();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [layer],
    });
    layout.put_json(media_type::MANIFEST, &manifest).unwrap()
}

fn for_platform(mut descriptor: Descriptor, architecture: &str) -> Descriptor {
    descriptor.platform = Some(Platform {
        architecture: architecture.into(),
        os: "linux".into(),
        variant: None,
    });
    descriptor
}

#[test]
fn what_is_put_comes_back_and_validates() {
    let (_scratch, layout) = scratch();
    let image = add_image(&layout, b"layer");
    layout.set_manifests(vec![image.clone()]).unwrap();
    let opened = Layout::open(layout.path()).unwrap();
    assert_eq!(opened.image("amd64").unwrap().0, image);
    let summary = opened.validate().unwrap();
    assert_eq!((summary.manifests, summary.blobs), (1, 2));
    assert!(matches!(
        Layout::create(layout.path()),
        Err(LayoutError::NotEmpty { .. })
    ));
}

#[test]
fn every_byte_of_every_blob_counts() {
    let (_scratch, layout) = scratch();
    let image = add_image(&layout, b"layer");
    layout.set_manifests(vec![image.clone()]).unwrap();
    let (_, manifest) = layout.image("amd64").unwrap();
    for blob in [&image, &manifest.config, &manifest.layers[0]] {
        let path = layout.blob_path(&blob.digest);
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        changed[0] ^= 1;
        fs::write(&path, changed).unwrap();
        let error = layout.validate().unwrap_err();
        assert_eq!(error.code().0, "OCI-0020", "{error}");
        fs::write(&path, [bytes.as_slice(), b" "].concat()).unwrap();
        assert!(matches!(layout.validate(), Err(LayoutError::Size { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(
            layout.validate(),
            Err(LayoutError::Missing { .. })
        ));
        fs::write(&path, bytes).unwrap();
        layout.validate().unwrap();
    }
}

#[test]
fn a_sparse_blob_of_another_size_is_not_even_read() {
    let (_scratch, layout) = scratch();
    let layer = layout.put_blob(media_type::LAYER, b"layer").unwrap();
    let file = fs::File::create(layout.blob_path(&layer.digest)).unwrap();
    file.set_len(10 << 30).unwrap();
    assert!(matches!(
        layout.open_blob(&layer).map(|_| ()),
        Err(LayoutError::Size {
            stored: 10_737_418_240,
            ..
        })
    ));
}

#[test]
fn pipes_and_directories_are_not_blobs() {
    let (_scratch, layout) = scratch();
    let layer = layout.put_blob(media_type::LAYER, b"layer").unwrap();
    let path = layout.blob_path(&layer.digest);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(layout.open_blob(&layer).is_err());
    fs::remove_dir(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(
        layout.open_blob(&layer).is_err(),
        "and it does not wait for a writer"
    );
}

#[test]
fn the_image_of_the_architecture_is_chosen_or_none() {
    let (_scratch, layout) = scratch();
    let amd = for_platform(add_image(&layout, b"amd"), "amd64");
    let arm = for_platform(add_image(&layout, b"arm"), "arm64");
    let index = ImageIndex::of(vec![amd.clone(), arm]);
    let index = layout.put_json(media_type::INDEX, &index).unwrap();
    layout.set_manifests(vec![index.clone()]).unwrap();
    assert_eq!(layout.image("amd64").unwrap().0.digest, amd.digest);
    assert_eq!(
        layout
            .image_by_digest(&index.digest, "amd64")
            .unwrap()
            .0
            .digest,
        amd.digest
    );
    assert!(
        layout.image_by_digest(&amd.digest, "amd64").is_err(),
        "not listed itself"
    );
    assert!(matches!(
        layout.image("s390x"),
        Err(LayoutError::NoImage { .. })
    ));
    let other = for_platform(add_image(&layout, b"other"), "amd64");
    layout.set_manifests(vec![index, other]).unwrap();
    assert!(matches!(layout.image("amd64"), Err(LayoutError::Several)));
}

#[test]
fn nested_indexes_end() {
    let (_scratch, layout) = scratch();
    let mut inner = add_image(&layout, b"layer");
    for _ in 0..DEPTH {
        let index = ImageIndex::of(vec![inner]);
        inner = layout.put_json(media_type::INDEX, &index).unwrap();
    }
    layout.set_manifests(vec![inner]).unwrap();
    assert!(matches!(layout.validate(), Err(LayoutError::Nested)));
    assert!(matches!(layout.image("amd64"), Err(LayoutError::Nested)));
}

#[test]
fn what_is_not_a_layout_is_said_so() {
    let scratch = tempfile::tempdir().unwrap();
    let open = || Layout::open(scratch.path());
    assert!(matches!(open(), Err(LayoutError::NotALayout { .. })));
    fs::write(scratch.path().join("oci-layout"), MARKER).unwrap();
    assert!(matches!(open(), Err(LayoutError::NotALayout { .. })));
    fs::write(scratch.path().join("index.json"), "{\"bad").unwrap();
    assert!(matches!(open(), Err(LayoutError::Manifest(_))));
    let annotations: BTreeMap<String, String> = BTreeMap::new();
    let index = json!({ "schemaVersion": 2, "manifests": [], "annotations": annotations });
    fs::write(scratch.path().join("index.json"), index.to_string()).unwrap();
    open().unwrap();
    fs::write(
        scratch.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"9"}"#,
    )
    .unwrap();
    assert!(matches!(open(), Err(LayoutError::NotALayout { .. })));
}
