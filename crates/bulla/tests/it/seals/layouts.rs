//! Both registry layouts: one act of signing, read back from each.

use super::REVIEW;
use crate::tamper::scene::{BUNDLE, EMAIL, shared};

#[test]
fn one_act_writes_both_layouts_with_a_key() {
    let scene = shared();
    let image = scene.bare();
    let (private, public) = scene.key("ecdsa-p256");
    let (_, stranger) = scene.key("ecdsa-p256");
    let verify = |layout: &str, key: &str, more: &[&str]| {
        let args = ["verify", &image.reference, "--key", key, "--layout", layout];
        scene.bulla(&[&args[..], more].concat())
    };
    verify("referrers,tags", &public, &[]).exit(3);
    let args = ["sign", &image.reference, "--key", &private];
    let more = ["--layout", "referrers,tags", "-a", "team=red", "-o", "json"];
    let signed = scene.bulla(&[&args[..], &more].concat());
    let json = signed.success().json();
    assert_eq!(json["layouts"], serde_json::json!(["referrers", "tags"]));
    assert!(json["logIndex"].is_u64(), "{json}");
    for layout in ["referrers", "tags", "referrers,tags"] {
        verify(layout, &public, &[]).success();
        verify(layout, &public, &["-a", "team=red"]).success();
        verify(layout, &public, &["-a", "team=blue"])
            .exit(1)
            .says("team");
        verify(layout, &stranger, &[]).exit(1);
    }
    let tag = format!("{}.sig", image.digest.replace(':', "-"));
    let tree = scene.bulla(&["tree", &image.reference]);
    assert!(
        tree.success().stdout.contains(&tag),
        "no {tag}\n{}",
        tree.stdout
    );
    assert!(tree.stdout.contains("cosign/sign/v1"), "{}", tree.stdout);
    // A second signature stands beside the first.
    let args = ["sign", &image.reference, "--email", EMAIL];
    scene
        .bulla(&[&args[..], &["--layout", "tags"]].concat())
        .success();
    verify("tags", &public, &[]).success();
    let args = ["verify", &image.reference, "--layout", "tags"];
    let dana = scene.somebody(EMAIL);
    scene
        .bulla(&[&args[..], &["--identity", &dana]].concat())
        .success();
}

#[test]
fn attestations_lie_in_both_layouts_too() {
    let scene = shared();
    let image = scene.bare();
    let (private, public) = scene.key("ecdsa-p384");
    let predicate = scene.file(r#"{"by":"dana"}"#);
    let args = ["attest", &image.reference, "--key", &private];
    let what = ["--type", REVIEW, "--predicate", &predicate];
    let both = ["--layout", "referrers,tags"];
    scene.bulla(&[&args[..], &what, &both].concat()).success();
    for layout in ["referrers", "tags"] {
        let verify = |kind: &str| {
            let args = ["verify-attestation", &image.reference, "--key", &public];
            let more = ["--layout", layout, "--type", kind, "-o", "json"];
            scene.bulla(&[&args[..], &more].concat())
        };
        let json = verify(REVIEW).success().json();
        let claim = &json["accepted"][0]["claim"];
        assert_eq!(claim["predicate"]["by"], "dana", "{json}");
        // A filter that leaves nothing is no success.
        verify("slsaprovenance1")
            .exit(3)
            .says("no attestation of type")
            .says(REVIEW);
        // An attestation is no signature.
        let args = ["verify", &image.reference, "--key", &public];
        scene
            .bulla(&[&args[..], &["--layout", layout]].concat())
            .exit(3);
    }
}

#[test]
fn an_index_is_signed_with_everything_below() {
    let scene = shared();
    let (index, children) = scene.index();
    let (private, public) = scene.key("ecdsa-p256");
    let verify = |reference: &str| {
        let args = ["verify", reference, "--key", &public];
        scene.bulla(&args)
    };
    let sign = |more: &[&str]| {
        let args = ["sign", &index.reference, "--key", &private, "-o", "json"];
        scene.bulla(&[&args[..], more].concat())
    };
    sign(&[]).success();
    verify(&index.reference).success();
    // The index does not speak for a child that is verified by itself.
    verify(&children[0].reference).exit(3);
    let json = sign(&["--recursive"]).success().json();
    assert_eq!(json["below"].as_array().map(Vec::len), Some(2), "{json}");
    for child in &children {
        verify(&child.reference).success();
    }
}

#[test]
fn what_hangs_on_an_image_is_downloaded() {
    let scene = shared();
    let image = scene.bare();
    let download = |what: &[&str]| {
        let args = [&["download"], what, &[image.reference.as_str()]].concat();
        scene.bulla(&args)
    };
    download(&["signature"]).exit(3).says("CLI-0332");
    scene
        .sign_as(EMAIL, &image, &["--layout", "referrers,tags"])
        .success();
    scene.attest_as(EMAIL, &image, REVIEW).success();
    let signatures = download(&["signature"]);
    let lines: Vec<&str> = signatures.success().stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", signatures.stdout);
    let bundle: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(bundle["mediaType"], BUNDLE);
    let one = download(&["attestation", "--type", REVIEW]);
    assert_eq!(one.success().stdout.lines().count(), 1);
    // What was downloaded is verified like any other file.
    let bundle = scene.file(&one.stdout);
    let args = ["verify-blob-attestation", &image.digest, "--type", REVIEW];
    let dana = scene.somebody(EMAIL);
    let more = ["--bundle", &bundle, "--identity", &dana];
    scene.bulla(&[&args[..], &more].concat()).success();
    download(&["attestation", "--type", "spdxjson"]).exit(3);
    download(&["sbom"]).exit(3);
}
