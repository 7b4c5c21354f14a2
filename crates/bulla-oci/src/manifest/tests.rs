use super::*;
use proptest::prelude::*;
use serde_json::json;

fn image() -> Value {
    let descriptor = json!({ "mediaType": "m", "digest": Digest::sha256(b"x"), "size": 1 });
    json!({ "schemaVersion": 2, "config": descriptor, "layers": [descriptor] })
}

fn parse(document: &Value, stated: Option<&str>) -> Result<Manifest, ManifestError> {
    parse_manifest(document.to_string().as_bytes(), stated)
}

#[test]
fn ghsa_77vh_xpmg_72qh_a_document_is_one_kind() {
    assert!(matches!(parse(&image(), None), Ok(Manifest::Image(_))));
    assert!(parse(&image(), Some(media_type::INDEX)).is_err());
    assert!(parse(&image(), Some("application/json")).is_err());
    let mut both = image();
    both["manifests"] = json!([]);
    assert!(matches!(parse(&both, None), Err(ManifestError::Ambiguous)));
    let mut lying = image();
    lying["mediaType"] = media_type::INDEX.into();
    assert!(parse(&lying, Some(media_type::MANIFEST)).is_err());
    let neither = json!({ "schemaVersion": 2 });
    assert!(matches!(
        parse(&neither, None),
        Err(ManifestError::Ambiguous)
    ));
    let old = json!({ "schemaVersion": 1, "layers": [] });
    assert!(matches!(
        parse(&old, None),
        Err(ManifestError::Schema { version: 1 })
    ));
}

#[test]
fn weak_digests_and_negative_sizes_are_refused() {
    for (field, value) in [
        ("digest", json!("md5:d41d8cd98f00b204e9800998ecf8427e")),
        ("digest", json!("sha256:../../etc/passwd")),
        ("size", json!(-1)),
        ("size", json!(1.5)),
    ] {
        let mut document = image();
        document["layers"][0][field] = value;
        assert!(parse(&document, None).is_err(), "{document}");
    }
}

#[test]
fn fields_of_a_configuration_that_are_not_known_are_kept() {
    let config = json!({
        "architecture": "amd64", "os": "linux", "variant": "v2",
        "config": { "User": "1", "Healthcheck": { "Test": ["NONE"] } },
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let read = parse_config(config.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), config);
}

#[test]
fn deep_and_large_documents_are_refused() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(matches!(
        parse_manifest(deep.as_bytes(), None),
        Err(ManifestError::Limit(LimitError::Depth { .. }))
    ));
    let large = vec![b' '; (4 << 20) + 1];
    assert!(matches!(
        parse_manifest(&large, None),
        Err(ManifestError::Limit(LimitError::Size { .. }))
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_manifest(&bytes, None);
        let _ = parse_config(&bytes);
    }
}
