use super::*;
use bulla_core::descriptor::media_type;

fn manifest(artifact_type: Option<&str>, config: &str, annotations: &[(&str, &str)]) -> Kind {
    let annotations = annotations.iter();
    Kind::of(&ImageManifest {
        schema_version: 2,
        media_type: None,
        artifact_type: artifact_type.map(str::to_owned),
        config: Descriptor::of(config, b"{}"),
        layers: Vec::new(),
        subject: None,
        annotations: annotations
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    })
}

#[test]
fn evidence_is_told_apart_by_what_its_manifest_says() {
    let bundle = |annotations: &[_]| manifest(Some(media_type::BUNDLE), "x", annotations);
    let predicate = "dev.sigstore.bundle.predicateType";
    assert_eq!(bundle(&[(predicate, SIGN)]), Kind::Signature);
    assert_eq!(
        bundle(&[("dev.sigstore.bundle.content", "message-signature")]),
        Kind::Signature
    );
    assert_eq!(
        bundle(&[(predicate, "https://slsa.dev/provenance/v1")]),
        Kind::Attestation
    );
    assert_eq!(bundle(&[]), Kind::Attestation);
    for slot in Slot::ALL {
        for kind in slot.artifact_types() {
            assert_eq!(manifest(None, kind, &[]), Kind::from(slot));
            assert_eq!(manifest(Some(kind), "x", &[]), Kind::from(slot));
        }
    }
    let notation = "application/vnd.cncf.notary.signature";
    assert_eq!(manifest(Some(notation), "x", &[]), Kind::Signature);
    assert_eq!(
        manifest(Some("application/spdx+json"), "x", &[]),
        Kind::Sbom
    );
    assert_eq!(manifest(Some("application/example"), "x", &[]), Kind::Other);
}

#[test]
fn without_a_choice_everything_is_wanted() {
    let mut options = CopyOptions::default();
    assert!(Kind::ALL.into_iter().all(|kind| options.wants(kind)));
    options.only = Some([Kind::Sbom].into());
    assert!(options.wants(Kind::Sbom) && !options.wants(Kind::Signature));
}
