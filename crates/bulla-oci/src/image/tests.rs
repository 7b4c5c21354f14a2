use super::*;
use crate::layer::EntryContent;

fn spec(base: Base) -> ImageSpec {
    ImageSpec {
        base,
        files: vec![LayerEntry {
            path: "/usr/bin/hello".into(),
            mode: 0o755,
            content: EntryContent::Bytes(b"program".to_vec()),
        }],
        entrypoint: vec!["/usr/bin/hello".into()],
        user: Some("65532:65532".into()),
        env: BTreeMap::from([("B".into(), "2".into()), ("A".into(), "1".into())]),
        labels: BTreeMap::from([("l".into(), "v".into())]),
        created: Timestamp::from_second(1_700_000_000).unwrap(),
        architecture: "amd64".into(),
        compression: Compression::Gzip,
        name: Some("v1".into()),
    }
}

#[test]
fn the_same_specification_gives_the_same_digest() {
    let scratch = tempfile::tempdir().unwrap();
    let make = |name: &str, spec: &ImageSpec| assemble(spec, &scratch.path().join(name)).unwrap();
    let one = make("one", &spec(Base::Scratch));
    let two = make("two", &spec(Base::Scratch));
    assert_eq!(one.descriptor, two.descriptor);
    one.layout.validate().unwrap();
    let mut other = spec(Base::Scratch);
    other.created = Timestamp::from_second(1_700_000_001).unwrap();
    assert_ne!(make("three", &other).descriptor, one.descriptor);
    assert_eq!(one.config.created.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(one.config.config.env.unwrap(), ["A=1", "B=2"]);
}

#[test]
fn the_bytes_of_an_image_are_frozen() {
    let scratch = tempfile::tempdir().unwrap();
    let mut plain = spec(Base::Scratch);
    plain.compression = Compression::None;
    let image = assemble(&plain, &scratch.path().join("image")).unwrap();
    // Another digest here is another digest for everybody who builds again.
    assert_eq!(
        image.descriptor.digest.to_string(),
        "sha256:33ad87d114091590d30e47bcf95d928d23669b004ca7151f31fe201b3172f7fd"
    );
}

#[test]
fn a_base_keeps_its_layers_and_gives_way_where_it_is_overruled() {
    let scratch = tempfile::tempdir().unwrap();
    let mut below = spec(Base::Scratch);
    below.env.insert("PATH".into(), "/bin".into());
    let base = assemble(&below, &scratch.path().join("base")).unwrap();
    let mut above = spec(Base::Layout(
        base.layout.clone(),
        Some(base.descriptor.digest.clone()),
    ));
    above.files[0].path = "/usr/bin/other".into();
    above.user = None;
    above.entrypoint = Vec::new();
    above.env = BTreeMap::from([("A".into(), "9".into())]);
    let image = assemble(&above, &scratch.path().join("image")).unwrap();
    image.layout.validate().unwrap();
    assert_eq!(image.manifest.layers[0], base.manifest.layers[0]);
    assert_eq!(
        (
            image.manifest.layers.len(),
            image.config.rootfs.diff_ids.len()
        ),
        (2, 2)
    );
    let run = image.config.config;
    assert_eq!(run.env.unwrap(), ["B=2", "PATH=/bin", "A=9"]);
    assert_eq!(run.user.as_deref(), Some("65532:65532"));
    assert_eq!(run.entrypoint.unwrap(), ["/usr/bin/hello"]);
    let mut foreign = above;
    foreign.architecture = "arm64".into();
    let error = assemble(&foreign, &scratch.path().join("foreign")).unwrap_err();
    assert_eq!(error.code().0, "OCI-0051", "{error}");
}

#[test]
fn a_damaged_base_is_not_built_on() {
    let scratch = tempfile::tempdir().unwrap();
    let base = assemble(&spec(Base::Scratch), &scratch.path().join("base")).unwrap();
    let layer = base.layout.blob_path(&base.manifest.layers[0].digest);
    let mut bytes = std::fs::read(&layer).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&layer, bytes).unwrap();
    let error = assemble(
        &spec(Base::Layout(base.layout, None)),
        &scratch.path().join("image"),
    );
    assert_eq!(error.unwrap_err().code().0, "OCI-0020");
}
