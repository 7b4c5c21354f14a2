use super::*;

#[test]
fn a_bundle_is_attached_as_cosign_3_does_it() {
    let created = "2026-11-21T10:00:00.5Z".parse().unwrap();
    let artifact = Artifact::bundle(
        &b"{\"bundle\":1}"[..],
        "https://slsa.dev/provenance/v1",
        created,
    );
    let subject = Descriptor::of(media_type::MANIFEST, b"image");
    let manifest = serde_json::to_value(artifact.manifest(&subject)).unwrap();
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    assert_eq!(
        manifest,
        serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": bundle,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "size": 2,
                "artifactType": bundle,
            },
            "layers": [{
                "mediaType": bundle,
                "digest": Digest::sha256(b"{\"bundle\":1}"),
                "size": 12,
            }],
            "subject": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": subject.digest,
                "size": 5,
            },
            "annotations": {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
                "org.opencontainers.image.created": "2026-11-21T10:00:00Z",
            },
        })
    );
}
