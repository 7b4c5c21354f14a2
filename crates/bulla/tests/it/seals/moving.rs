//! Images move with everything that hangs on them.

use super::REVIEW;
use crate::tamper::scene::{EMAIL, shared};

#[test]
fn saved_verified_offline_and_loaded_again() {
    let scene = shared();
    let image = scene.bare();
    let dana = scene.somebody(EMAIL);
    scene
        .sign_as(EMAIL, &image, &["--layout", "referrers,tags"])
        .success();
    scene.attest_as(EMAIL, &image, REVIEW).success();
    let dir = scene.path(&scene.name("saved"));
    let saved = scene.bulla(&["save", &image.reference, "--dir", &dir]);
    assert_eq!(saved.success().stdout.trim_end(), image.digest);
    let layout = format!("layout:{dir}");
    for place in ["referrers", "tags"] {
        let args = ["verify", &layout, "--identity", &dana, "--layout", place];
        scene.bulla(&[&args[..], &["--offline"]].concat()).success();
    }
    let args = ["verify-attestation", &layout, "--identity", &dana];
    scene
        .bulla(&[&args[..], &["--type", REVIEW]].concat())
        .success();
    let to = format!("{}/{}:v1", scene.instance.registry(), scene.name("loaded"));
    scene.bulla(&["load", "--dir", &dir, &to]).success();
    for place in ["referrers", "tags"] {
        let args = ["verify", &to, "--identity", &dana, "--layout", place];
        scene.bulla(&args).success();
    }
    scene
        .bulla(&["load", "--dir", &scene.path("nothing"), &to])
        .exit(7);
    scene
        .bulla(&["save", &image.reference, "--dir", &dir])
        .says("OCI-");
}

#[test]
fn copied_with_its_seals_or_only_those() {
    let scene = shared();
    let image = scene.bare();
    let dana = scene.somebody(EMAIL);
    scene
        .sign_as(EMAIL, &image, &["--layout", "referrers,tags"])
        .success();
    let to = format!("{}/{}:v1", scene.instance.registry(), scene.name("copied"));
    let copied = scene.bulla(&["copy", &image.reference, &to]);
    assert!(copied.success().stdout.contains(&image.digest));
    for place in ["referrers", "tags"] {
        let args = ["verify", &to, "--identity", &dana, "--layout", place];
        scene.bulla(&args).success();
    }
    let missing = format!("{}-none", image.reference);
    scene.bulla(&["copy", &missing, &to]).exit(3);
}

#[test]
fn bullas_own_registry_keeps_its_evidence() {
    let scene = shared();
    let image = scene.bare();
    scene
        .sign_as(EMAIL, &image, &["--layout", "referrers,tags"])
        .success();
    scene
        .bulla(&["clean", &image.reference])
        .exit(2)
        .says("CLI-0331");
    let refused = scene.bulla(&["clean", "--force", &image.reference]);
    assert_ne!(refused.code, 0, "{}", refused.account());
    let dana = scene.somebody(EMAIL);
    let args = ["verify", &image.reference, "--identity", &dana];
    scene.bulla(&args).success();
}
