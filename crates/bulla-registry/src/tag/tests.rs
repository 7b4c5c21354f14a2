use super::*;
use bulla_core::descriptor::media_type;

fn view(layers: &[&Descriptor]) -> ManifestView {
    ManifestView {
        media_type: media_type::MANIFEST.into(),
        blobs: Vec::new(),
        layers: layers.iter().copied().cloned().collect(),
        manifests: Vec::new(),
        subject: None,
        artifact_type: None,
        annotations: Default::default(),
    }
}

#[test]
fn only_the_fallback_tags_grow() {
    let hex = "a".repeat(64);
    for suffix in ["", ".sig", ".att", ".sbom"] {
        assert!(may_grow(&format!("sha256-{hex}{suffix}")));
    }
    for tag in [
        "latest".to_owned(),
        format!("sha256-{}", "a".repeat(63)),
        format!("sha256-{hex}.other"),
        format!("sha256-{}", "A".repeat(64)),
        format!("sha512-{hex}"),
        format!("x-sha256-{hex}"),
        format!("sha256-{}é", "a".repeat(63)),
    ] {
        assert!(!may_grow(&tag), "{tag}");
    }
}

#[test]
fn a_replacement_holds_every_earlier_entry_unchanged() {
    let mut signature = Descriptor::of("m", b"payload");
    signature
        .annotations
        .insert("signature".into(), "one".into());
    let second = Descriptor::of("m", b"second");
    let old = view(&[&signature]);
    assert_eq!(lost(&old, &view(&[&second, &signature])), None);
    assert_eq!(
        lost(&old, &view(&[&second])),
        Some(signature.digest.clone())
    );
    let mut forged = signature.clone();
    forged.annotations.insert("signature".into(), "two".into());
    assert_eq!(
        lost(&old, &view(&[&forged, &second])),
        Some(signature.digest.clone())
    );
    forged.annotations = signature.annotations.clone();
    forged.annotations.insert("more".into(), "said".into());
    assert_eq!(lost(&old, &view(&[&forged])), None);
}
