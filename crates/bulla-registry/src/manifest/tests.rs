use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn descriptor(media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::sha256(b"x"), "size": 1 })
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "config": descriptor(media_type::CONFIG),
        "layers": [descriptor(media_type::LAYER)],
    })
}

fn check(document: &Value, content_type: &str) -> Result<ManifestView, String> {
    read(document.to_string().as_bytes(), Some(content_type))
}

#[test]
fn refuses_a_document_that_is_two() {
    let mut both = image();
    both["manifests"] = json!([]);
    assert!(check(&both, media_type::MANIFEST).is_err());
    assert!(check(&both, media_type::INDEX).is_err());
    let mut named = image();
    named["mediaType"] = media_type::INDEX.into();
    assert!(check(&named, media_type::MANIFEST).is_err());
    assert!(check(&image(), media_type::INDEX).is_err());
    assert!(check(&image(), "application/json").is_err());
    let twice = br#"{"schemaVersion":2,"layers":[],"layers":[],"config":null}"#;
    assert!(read(twice, Some(media_type::MANIFEST)).is_err());
}

#[test]
fn foreign_layers_need_not_be_here() {
    let mut document = image();
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    document["layers"] = json!([descriptor(foreign)]);
    let view = check(&document, media_type::MANIFEST).unwrap();
    assert_eq!((view.blobs.len(), view.layers.len()), (1, 1));
}

#[test]
fn the_artifact_type_is_its_own_or_that_of_its_config() {
    let view = check(&image(), media_type::MANIFEST).unwrap();
    assert_eq!(view.artifact_type.as_deref(), Some(media_type::CONFIG));
    let mut artifact = image();
    artifact["config"] = descriptor(media_type::EMPTY);
    assert!(check(&artifact, media_type::MANIFEST).is_err());
    artifact["artifactType"] = media_type::BUNDLE.into();
    let view = check(&artifact, media_type::MANIFEST).unwrap();
    assert_eq!(view.artifact_type.as_deref(), Some(media_type::BUNDLE));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, None);
        let _ = read(&bytes, Some(media_type::MANIFEST));
    }
}
