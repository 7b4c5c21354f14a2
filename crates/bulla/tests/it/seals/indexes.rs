//! Indexes: judged by themselves, with everything below them, or by the image
//! for one platform.

use super::{INDEX, REVIEW};
use crate::tamper::scene::{EMAIL, Image, Scene, shared};
use bulla_testkit::Outcome;
use serde_json::{Value, json};

fn sign(scene: &Scene, key: &str, reference: &str, more: &[&str]) {
    let args = ["sign", reference, "--key", key];
    scene.bulla(&[&args[..], more].concat()).success();
}

fn verify(scene: &Scene, key: &str, reference: &str, more: &[&str]) -> Outcome {
    let args = ["verify", reference, "--key", key];
    scene.bulla(&[&args[..], more].concat())
}

/// What `-o json` says of each manifest below the index: digest, platform, outcome.
fn below(json: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let below = json["below"].as_array().expect("what lies below");
    let each = below.iter().map(|one| {
        (
            text(&one["digest"]),
            text(&one["platform"]),
            text(&one["outcome"]),
        )
    });
    each.collect()
}

fn expected(children: &[Image], outcomes: [&str; 2]) -> Vec<(String, String, String)> {
    let platforms = ["linux/amd64", "linux/arm64"];
    let each = children.iter().zip(platforms).zip(outcomes);
    each.map(|((child, platform), outcome)| {
        (
            child.digest.clone(),
            platform.to_owned(),
            outcome.to_owned(),
        )
    })
    .collect()
}

#[test]
fn an_index_is_accepted_as_a_whole_only_with_every_image_below_it() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    for layout in ["referrers", "tags"] {
        let (index, children) = scene.index();
        let whole = |more: &[&str]| {
            let all = ["--recursive", "--layout", layout, "-o", "json"];
            verify(
                &scene,
                &public,
                &index.reference,
                &[&all[..], more].concat(),
            )
        };
        let written = ["--layout", layout];
        sign(&scene, &private, &index.reference, &written);
        verify(&scene, &public, &index.reference, &written).success();
        // Nobody has signed the images: those are named, and that is no success.
        let nothing = whole(&[]);
        nothing.exit(3).says(&children[0].digest);
        nothing.says("linux/arm64").says("CLI-0070");
        let json = nothing.json();
        assert_eq!(json["outcome"], "no-evidence", "{json}");
        assert_eq!(
            below(&json),
            expected(&children, ["no-evidence", "no-evidence"])
        );
        sign(&scene, &private, &children[0].reference, &written);
        let one = whole(&[]);
        one.exit(3).says(&children[1].digest);
        assert!(!one.stderr.contains(&children[0].digest), "{}", one.stderr);
        assert_eq!(
            below(&one.json()),
            expected(&children, ["allow", "no-evidence"])
        );
        sign(&scene, &private, &children[1].reference, &written);
        let all = whole(&[]);
        let json = all.success().json();
        assert_eq!(json["outcome"], "allow", "{json}");
        assert_eq!(json["digest"], index.digest.as_str());
        assert_eq!(below(&json), expected(&children, ["allow", "allow"]));
        let accepted = json["below"][1]["accepted"].as_array().map(Vec::len);
        assert_eq!(accepted, Some(1), "{json}");
        // stdout without a format is the index by its digest, as without the flag.
        let args = ["--recursive", "--layout", layout];
        let text = verify(&scene, &public, &index.reference, &args);
        let pinned = text.success().stdout.trim_end();
        assert!(pinned.ends_with(&index.digest), "{pinned}");
    }
}

#[test]
fn one_image_by_somebody_else_fails_the_whole() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    let (stranger, _) = scene.key("ecdsa-p256");
    let (index, children) = scene.index();
    sign(&scene, &private, &index.reference, &[]);
    sign(&scene, &private, &children[0].reference, &[]);
    sign(&scene, &stranger, &children[1].reference, &[]);
    let args = ["--recursive", "-o", "json"];
    let denied = verify(&scene, &public, &index.reference, &args);
    denied.exit(1).says(&children[1].digest).says("linux/arm64");
    let json = denied.json();
    assert_eq!(json["outcome"], "deny", "{json}");
    assert_eq!(below(&json), expected(&children, ["allow", "deny"]));
    // A denial outweighs that there is nothing: what is worst ends the command.
    let (index, children) = scene.index();
    sign(&scene, &private, &index.reference, &[]);
    sign(&scene, &stranger, &children[1].reference, &[]);
    let denied = verify(&scene, &public, &index.reference, &args);
    denied.exit(1);
    let json = denied.json();
    assert_eq!(below(&json), expected(&children, ["no-evidence", "deny"]));
    // Nor do signed images speak for an index that nobody signed.
    let (index, children) = scene.index();
    for child in &children {
        sign(&scene, &private, &child.reference, &[]);
    }
    verify(&scene, &public, &index.reference, &args)
        .exit(3)
        .says(&index.digest);
}

#[test]
fn an_image_below_an_index_is_named_by_its_platform() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    let (index, children) = scene.index();
    sign(&scene, &private, &index.reference, &[]);
    sign(&scene, &private, &children[1].reference, &[]);
    let platform = |platform: &str| {
        let args = ["--platform", platform, "-o", "json"];
        verify(&scene, &public, &index.reference, &args)
    };
    let json = platform("linux/arm64").success().json();
    assert_eq!(json["digest"], children[1].digest.as_str(), "{json}");
    assert_eq!(json["platform"], "linux/arm64", "{json}");
    assert_eq!(json["below"], Value::Null, "{json}");
    // The index does not speak for the image below it.
    platform("linux/amd64").exit(3).says(&children[0].digest);
    let none = platform("linux/s390x");
    none.exit(3).says("OCI-0205");
    none.says("linux/amd64").says("linux/arm64");
    platform("linux").exit(2);
    let both = ["--platform", "linux/arm64", "--recursive"];
    verify(&scene, &public, &index.reference, &both).exit(2);
    // What is no index is for what its own configuration says.
    let alone = |platform: &str| {
        let args = ["--platform", platform, "-o", "json"];
        verify(&scene, &public, &children[1].reference, &args)
    };
    let json = alone("linux/amd64").success().json();
    assert_eq!(json["digest"], children[1].digest.as_str(), "{json}");
    assert_eq!(json["platform"], "linux/amd64", "{json}");
    let other = alone("linux/arm64");
    other
        .exit(3)
        .says("OCI-0205")
        .says("one image, for linux/amd64");
    verify(&scene, &public, &children[1].reference, &["--recursive"]).success();
}

#[test]
fn several_images_for_one_platform_are_named_and_none_is_chosen() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    let (index, children) = scene.index();
    let size = |image: &Image| scene.manifest(image).len();
    let entry = |(image, variant): (&Image, &str)| {
        json!({"mediaType": crate::tamper::scene::MANIFEST, "digest": image.digest, "size": size(image),
               "platform": {"os": "linux", "architecture": "arm", "variant": variant}})
    };
    let entries: Vec<Value> = children.iter().zip(["v6", "v7"]).map(entry).collect();
    let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    let path = format!("/v2/{}/manifests/arm", index.repository);
    let answer = scene.http("PUT", &path, INDEX, text.as_bytes());
    assert_eq!(answer.status, 201);
    let arm = index.reference.replace(":v1", ":arm");
    assert_ne!(arm, index.reference);
    sign(&scene, &private, &arm, &["--recursive"]);
    let several = verify(&scene, &public, &arm, &["--platform", "linux/arm"]);
    several.exit(2).says("OCI-0211");
    several.says("linux/arm/v6").says("linux/arm/v7");
    verify(&scene, &public, &arm, &["--platform", "linux/arm/v7"]).success();
}

#[test]
fn attestations_are_demanded_of_every_image_too() {
    let scene = shared();
    let (index, children) = scene.index();
    let dana = scene.somebody(EMAIL);
    let review = |more: &[&str]| {
        let args = ["verify-attestation", &index.reference, "--type", REVIEW];
        let who = ["--identity", &dana, "-o", "json"];
        scene.bulla(&[&args[..], &who, more].concat())
    };
    scene.attest_as(EMAIL, &index, REVIEW).success();
    review(&[]).success();
    review(&["--recursive"]).exit(3);
    review(&["--platform", "linux/amd64"]).exit(3);
    for child in &children {
        scene.attest_as(EMAIL, child, REVIEW).success();
    }
    let json = review(&["--recursive"]).success().json();
    assert_eq!(below(&json), expected(&children, ["allow", "allow"]));
    let claim = &json["below"][0]["accepted"][0]["claim"];
    assert_eq!(claim["predicateType"], REVIEW, "{json}");
    review(&["--platform", "linux/amd64"]).success();
}

#[test]
fn a_saved_index_is_verified_as_a_whole_without_a_connection() {
    let scene = shared();
    let (private, public) = scene.key("ecdsa-p256");
    let (index, children) = scene.index();
    sign(&scene, &private, &index.reference, &["--recursive"]);
    let dir = scene.path(&scene.name("saved"));
    scene
        .bulla(&["save", &index.reference, "--dir", &dir])
        .success();
    let layout = format!("layout:{dir}");
    let offline = ["--recursive", "--offline", "-o", "json"];
    let json = verify(&scene, &public, &layout, &offline).success().json();
    assert_eq!(below(&json), expected(&children, ["allow", "allow"]));
    let one = ["--platform", "linux/arm64", "--offline"];
    verify(&scene, &public, &layout, &one)
        .success()
        .says(&children[1].digest);
    // An image that the index lists and that is not there fails the whole.
    let hex = children[0].digest.trim_start_matches("sha256:");
    std::fs::remove_file(format!("{dir}/blobs/sha256/{hex}")).expect("the child's manifest");
    let gone = verify(&scene, &public, &layout, &offline);
    assert!(gone.code != 0, "{}", gone.account());
    gone.says(hex);
}

#[test]
fn a_policy_judges_everything_below_an_index() {
    let scene = shared();
    let (index, children) = scene.index();
    let policy = crate::tamper::signed_by(&scene, EMAIL);
    let judged = |more: &[&str]| {
        let args = [
            "verify",
            &index.reference,
            "--policy",
            &policy,
            "-o",
            "json",
        ];
        scene.bulla(&[&args[..], more].concat())
    };
    scene.sign_as(EMAIL, &index, &[]).success();
    judged(&[]).success();
    let nothing = judged(&["--recursive"]);
    nothing
        .exit(3)
        .says(&children[0].digest)
        .says("POLICY-0012");
    assert_eq!(
        below(&nothing.json()),
        expected(&children, ["no-evidence", "no-evidence"])
    );
    judged(&["--platform", "linux/arm64"]).exit(3);
    scene.sign_as(EMAIL, &index, &["--recursive"]).success();
    let json = judged(&["--recursive"]).success().json();
    assert_eq!(below(&json), expected(&children, ["allow", "allow"]));
    assert_eq!(json["digest"], index.digest.as_str());
    let one = judged(&["--platform", "linux/arm64"]).success().json();
    assert_eq!(one["digest"], children[1].digest.as_str());
    assert_eq!(one["platform"], "linux/arm64");
}
