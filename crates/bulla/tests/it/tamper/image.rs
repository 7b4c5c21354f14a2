//! The image itself: its layers, and the tag that stands for it.

use super::scene::{Image, pinned, shared};
use bulla_testkit::World;
use serde_json::Value;
use std::{fs, path::Path};

/// Changes one byte in the middle of a file.
fn flip(file: &Path) {
    let mut bytes = fs::read(file).expect("a file to change");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x01;
    // Blobs are read-only files.
    let _ = fs::remove_file(file);
    fs::write(file, bytes).expect("a changed file");
}

fn first_layer(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).expect("a manifest");
    let digest = manifest["layers"][0]["digest"].as_str();
    digest.expect("a layer").to_owned()
}

#[test]
fn a_byte_changed_in_a_layer_in_the_registry() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let pull = || scene.world.bulla(["sbom", &image.reference]);
    pull().success();
    flip(&scene.blob_file(&first_layer(&scene.manifest(&image))));
    pull().exit(1).says("OCI-0070");
}

#[test]
fn a_byte_changed_in_a_layer_of_a_layout() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let out = scene.world.dir().join(scene.name("layout"));
    let layout = format!("layout:{}", out.display());
    let build = |world: &World| {
        let dir = project.dir().display().to_string();
        world.bulla([
            "build",
            &dir,
            "--out",
            &out.display().to_string(),
            "-o",
            "json",
        ])
    };
    let digest = build(&scene.world).success().json()["digest"].clone();
    scene.world.bulla(["sbom", &layout]).success();

    let blobs = out.join("blobs/sha256");
    let hex = digest
        .as_str()
        .and_then(|text| text.strip_prefix("sha256:"));
    let manifest = fs::read(blobs.join(hex.expect("a digest"))).expect("the manifest");
    let layer = first_layer(&manifest);
    flip(&blobs.join(layer.trim_start_matches("sha256:")));
    scene
        .world
        .bulla(["sbom", &layout])
        .exit(1)
        .says("IMAGE-0001");
    scene
        .world
        .bulla(["ship", "--image", &layout, "--email", super::scene::EMAIL])
        .exit(1)
        .says("IMAGE-0001");
}

#[test]
fn a_tag_moved_to_another_image() {
    let scene = shared();
    let (Some(image), Some(other)) = (scene.image(), scene.image()) else {
        return;
    };
    // The other image, pushed into the same repository under a tag of its own.
    let other = Image {
        repository: image.repository.clone(),
        ..copied(&scene, &other, &image.repository)
    };
    let (_, tag) = image.reference.rsplit_once(':').expect("a tag");
    let answer = scene.put_manifest(&image.repository, tag, &scene.manifest(&other));
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["errors"][0]["code"], "DENIED");

    // The tag still stands for what was admitted, and that is what is pinned.
    let answer = scene.admit(&image.reference);
    let pinned = pinned(&answer.success().json());
    assert!(pinned.ends_with(&image.digest), "{pinned}");
    // Pushing the same again is no change.
    let again = scene.put_manifest(&image.repository, tag, &scene.manifest(&image));
    assert_eq!(again.status, 201);
}

/// `other`, with its blobs, in `repository`.
fn copied(scene: &super::scene::Scene, other: &Image, repository: &str) -> Image {
    let mount = |digest: &str| {
        let path = format!(
            "/v2/{repository}/blobs/uploads/?mount={digest}&from={}",
            other.repository
        );
        assert_eq!(scene.http("POST", &path, "text/plain", b"").status, 201);
    };
    let bytes = scene.manifest(other);
    let manifest: Value = serde_json::from_slice(&bytes).expect("a manifest");
    mount(manifest["config"]["digest"].as_str().expect("a config"));
    mount(&first_layer(&bytes));
    let answer = scene.put_manifest(repository, "other", &bytes);
    assert_eq!(answer.status, 201);
    other.clone()
}
