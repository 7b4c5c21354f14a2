//! Clients that share no code with us: skopeo and crane, over http with a credential.

use crate::fixture::serve;
use bulla_testkit::require;
use serde_json::json;
use std::{path::Path, process::Stdio};
use tokio::process::Command;

async fn run(program: &Path, arguments: &[&str], home: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("DOCKER_CONFIG", home)
        .env("XDG_RUNTIME_DIR", home)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

/// An image layout with one small layer.
fn layout(directory: &Path) -> String {
    use bulla_core::{Descriptor, descriptor::media_type};
    let blob = |media_type: &str, bytes: &[u8]| {
        let descriptor = Descriptor::of(media_type, bytes);
        let path = directory.join("blobs/sha256");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(descriptor.digest.hex()), bytes).unwrap();
        descriptor
    };
    let layer = blob(media_type::LAYER, &[0; 1024]);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = blob(media_type::CONFIG, config.to_string().as_bytes());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [layer],
    });
    let manifest = blob(media_type::MANIFEST, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    std::fs::write(directory.join("index.json"), index.to_string()).unwrap();
    std::fs::write(
        directory.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    manifest.digest.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_in_and_out() {
    let Some(skopeo) = require("skopeo") else {
        return;
    };
    let (registry, address) = serve().await;
    let home = tempfile::tempdir().unwrap();
    let digest = layout(&home.path().join("in"));
    let from = format!("oci:{}", home.path().join("in").display());
    let image = format!("docker://{}/team/app:v1", address);
    let copy = [
        "copy",
        "--preserve-digests",
        "--insecure-policy",
        "--dest-tls-verify=false",
    ];
    let denied = run(
        &skopeo,
        &[&copy[..], &[&from, &image]].concat(),
        home.path(),
    )
    .await;
    assert!(denied.unwrap_err().contains("unauthorized"));
    let wrong = ["--dest-creds=bulla:wrong", &from, &image];
    assert!(
        run(&skopeo, &[&copy[..], &wrong].concat(), home.path())
            .await
            .is_err()
    );
    let right = ["--dest-creds=bulla:s3cret", &from, &image];
    for _ in 0..2 {
        run(&skopeo, &[&copy[..], &right].concat(), home.path())
            .await
            .unwrap();
    }
    let inspect = ["inspect", "--tls-verify=false", &image];
    let shown = run(&skopeo, &inspect, home.path()).await.unwrap();
    assert!(shown.contains(&digest), "{shown}");
    let to = format!("oci:{}", home.path().join("out").display());
    let copy = [
        "copy",
        "--preserve-digests",
        "--insecure-policy",
        "--src-tls-verify=false",
        &image,
        &to,
    ];
    run(&skopeo, &copy, home.path()).await.unwrap();
    let index = std::fs::read_to_string(home.path().join("out/index.json")).unwrap();
    assert!(index.contains(&digest), "{index}");
    drop(registry);
}

#[tokio::test(flavor = "multi_thread")]
async fn crane_pushes_lists_and_pulls() {
    use base64::Engine as _;
    let Some(crane) = require("crane") else {
        return;
    };
    let (registry, address) = serve().await;
    let home = tempfile::tempdir().unwrap();
    let digest = layout(&home.path().join("in"));
    let source = home.path().join("in").display().to_string();
    let image = format!("{}/team/app:v1", address);
    assert!(
        run(&crane, &["push", &source, &image], home.path())
            .await
            .is_err()
    );
    let pair = base64::engine::general_purpose::STANDARD.encode("bulla:s3cret");
    let config = json!({ "auths": { &address: { "auth": pair } } });
    std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    run(&crane, &["push", &source, &image], home.path())
        .await
        .unwrap();
    assert_eq!(
        run(&crane, &["digest", &image], home.path())
            .await
            .unwrap()
            .trim(),
        digest
    );
    let repository = format!("{}/team/app", address);
    assert_eq!(
        run(&crane, &["ls", &repository], home.path())
            .await
            .unwrap()
            .trim(),
        "v1"
    );
    let pulled = home.path().join("out").display().to_string();
    run(
        &crane,
        &["pull", "--format=oci", &image, &pulled],
        home.path(),
    )
    .await
    .unwrap();
    let index = std::fs::read_to_string(home.path().join("out/index.json")).unwrap();
    assert!(index.contains(&digest), "{index}");
    let mutate = ["mutate", "--label", "a=b", "-t", &image, &image];
    let moved = run(&crane, &mutate, home.path()).await.unwrap_err();
    assert!(moved.contains("DENIED"), "{moved}");
    drop(registry);
}
