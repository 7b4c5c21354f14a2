//! skopeo and crane pull what bulla pushed, and notice a changed byte.

use std::{fs, path::Path, process::Command};

use bulla_core::Digest;
use serde_json::Value;

use super::stage;

fn skopeo(image: &str, to: &Path) -> Option<Command> {
    let mut command = stage::client("skopeo")?;
    command
        .args(["--insecure-policy", "copy", "--src-tls-verify=false"])
        .arg(format!("docker://{image}"))
        .arg(format!("dir:{}", to.display()));
    Some(command)
}

fn crane(verb: &str, image: &str) -> Option<Command> {
    let mut command = stage::client("crane")?;
    command.args([verb, image]);
    Some(command)
}

#[test]
fn skopeo_pulls_the_shipped_image() {
    let folder = stage::world().dir().join("skopeo");
    let Some(image) = stage::image_for("skopeo") else {
        return;
    };
    let Some(command) = skopeo(image, &folder) else {
        return;
    };
    stage::run(command).success();
    let manifest = fs::read(folder.join("manifest.json")).expect("the manifest");
    assert_eq!(Digest::sha256(&manifest).to_string(), stage::digest(image));
    let layer = "a layer that skopeo will find changed";
    let twin = stage::copy_image(image, "skopeo-twin", Some(layer));
    let pull = |to: &str| {
        let to = stage::world().dir().join(to);
        stage::run(skopeo(&twin, &to).expect("skopeo, which this test already had"))
    };
    pull("skopeo-whole").success();
    damage(layer);
    let outcome = pull("skopeo-damaged");
    assert!(outcome.code != 0, "{}", outcome.account());
}

#[test]
fn crane_pulls_the_shipped_image() {
    let Some(image) = stage::image_for("crane") else {
        return;
    };
    let Some(command) = crane("digest", image) else {
        return;
    };
    let digest = stage::run(command);
    assert_eq!(digest.success().stdout.trim(), stage::digest(image));
    let folder = stage::shared().folder("crane");
    let pull = |image: &str, name: &str| {
        let mut command = crane("pull", image).expect("crane");
        command.arg("--format=oci").arg(folder.join(name));
        stage::run(command)
    };
    pull(image, "image").success();
    let index = fs::read(folder.join("image/index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("an index");
    assert_eq!(
        index["manifests"][0]["digest"],
        stage::digest(image).as_str()
    );
    let layer = "a layer that crane will find changed";
    let twin = stage::copy_image(image, "crane-twin", Some(layer));
    pull(&twin, "whole").success();
    damage(layer);
    let outcome = pull(&twin, "damaged");
    assert!(outcome.code != 0, "{}", outcome.account());
}

/// Flips one byte of that layer on the registry's disk.
fn damage(layer: &str) {
    let digest = Digest::sha256(layer.as_bytes()).to_string();
    let hex = digest.trim_start_matches("sha256:");
    let blobs = stage::shared().instance().data().join("blobs");
    let file = stage::find(&blobs, hex).expect("the layer among the blobs");
    let mut bytes = fs::read(&file).expect("the layer");
    bytes[7] ^= 1;
    // Written beside it and renamed: the registry may keep its files read-only.
    let beside = file.with_extension("edited");
    fs::write(&beside, bytes).expect("a file");
    fs::rename(&beside, &file).expect("its place");
}
