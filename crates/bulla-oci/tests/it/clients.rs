//! Our images in the hands of clients that share no code with us.

use crate::{
    ours::image,
    server::{Ours, PAIR},
};
use bulla_core::descriptor::media_type;
use bulla_oci::{Artifact, Layout, Manifest, archive, layers::ImageLayers};
use bulla_testkit::require;
use std::{fs, io::Read as _, path::Path, process::Stdio};
use tokio::process::Command;

pub(crate) async fn run(program: &Path, arguments: &[&str], home: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("DOCKER_CONFIG", home)
        .env("XDG_RUNTIME_DIR", home)
        .env("COSIGN_PASSWORD", "")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn crane_finds_our_image_valid() {
    let Some(crane) = require("crane") else {
        return;
    };
    let ours = Ours::new().await;
    let image = image(&ours.scratch.path().join("in"), b"content");
    let to = ours.reference("app:v1");
    ours.client
        .push(&image.layout, &image.descriptor, &to)
        .await
        .unwrap();
    let name = to.to_string();
    let home = ours.scratch.path();
    run(&crane, &["validate", "--remote", &name], home).await;
    let digest = run(&crane, &["digest", &name], home).await;
    assert_eq!(digest.trim(), image.descriptor.digest.to_string());
    let export = home.join("export.tar").display().to_string();
    run(&crane, &["export", &name, &export], home).await;
    let mut archive = tar::Archive::new(fs::File::open(&export).unwrap());
    let files: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert!(
        files.iter().any(|file| file.ends_with("bin/hello")),
        "{files:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_reads_our_layout_and_archive_and_we_read_its() {
    let Some(skopeo) = require("skopeo") else {
        return;
    };
    let ours = Ours::new().await;
    let home = ours.scratch.path();
    let image = image(&home.join("in"), b"content");
    let digest = image.descriptor.digest.to_string();
    let from = format!("oci:{}", home.join("in").display());
    let to = ours.reference("app:v1");
    let target = format!("docker://{to}");
    let pair = format!("--dest-creds={}:{}", PAIR.0, PAIR.1);
    let copy = ["copy", "--insecure-policy", "--preserve-digests"];
    let push = [
        &copy[..],
        &["--dest-tls-verify=false", &pair, &from, &target],
    ]
    .concat();
    run(&skopeo, &push, home).await;
    assert_eq!(
        ours.client.resolve(&to).await.unwrap().digest.to_string(),
        digest
    );

    let packed = home.join("theirs.tar");
    let archive_name = format!("oci-archive:{}", packed.display());
    run(
        &skopeo,
        &[&copy[..], &[&from, &archive_name]].concat(),
        home,
    )
    .await;
    let unpacked = archive::unpack(fs::File::open(&packed).unwrap(), &home.join("theirs")).unwrap();
    let (descriptor, manifest) = unpacked.image("amd64").unwrap();
    assert_eq!(descriptor.digest.to_string(), digest);
    let layers = ImageLayers::of(&unpacked, &manifest).unwrap();
    let (layer, diff_id) = &layers.layers[0];
    let mut plain = Vec::new();
    layers
        .plain(layer, diff_id)
        .unwrap()
        .read_to_end(&mut plain)
        .unwrap();
    assert!(plain.windows(7).any(|window| window == b"content"));

    let ours_packed = home.join("ours.tar");
    archive::pack(&image.layout, fs::File::create(&ours_packed).unwrap()).unwrap();
    let inspect = format!("oci-archive:{}", ours_packed.display());
    let shown = run(&skopeo, &["inspect", &inspect], home).await;
    assert!(shown.contains(&digest), "{shown}");
    Layout::open(&home.join("theirs"))
        .unwrap()
        .validate()
        .unwrap();
}

/// An image in our registry, and a key of cosign's.
struct Signer {
    ours: Ours,
    at: bulla_core::Reference,
    image: bulla_oci::Image,
}

impl Signer {
    async fn new(cosign: &Path) -> Self {
        let ours = Ours::new().await;
        let home = ours.scratch.path();
        let image = image(&home.join("in"), b"content");
        let at = ours.reference("app:v1");
        ours.client
            .push(&image.layout, &image.descriptor, &at)
            .await
            .unwrap();
        let pair = format!("{}:{}", PAIR.0, PAIR.1);
        let pair = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
        let docker = serde_json::json!({ "auths": { at.registry(): { "auth": pair } } });
        fs::write(home.join("config.json"), docker.to_string()).unwrap();
        let config = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;
        fs::write(home.join("signing.json"), config).unwrap();
        let key = home.join("cosign");
        let prefix = format!("--output-key-prefix={}", key.display());
        run(cosign, &["generate-key-pair", &prefix], home).await;
        Self { ours, at, image }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_attaches_where_we_look_and_as_we_do() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let signer = Signer::new(&cosign).await;
    let (ours, at, image) = (&signer.ours, &signer.at, &signer.image);
    let home = ours.scratch.path();
    let name = at.by_digest(image.descriptor.digest.clone()).to_string();
    let key = format!("--key={}", home.join("cosign.key").display());
    let signing = format!("--signing-config={}", home.join("signing.json").display());
    run(&cosign, &["sign", "-y", &key, &signing, &name], home).await;

    let subject = &image.descriptor.digest;
    let found = ours
        .client
        .attachments(at, subject, media_type::BUNDLE, 1 << 20)
        .await
        .unwrap();
    assert!(found.unreadable.is_empty(), "{:?}", found.unreadable);
    let [signature] = found.found.as_slice() else {
        panic!("{:?}", found.found);
    };
    // What we would have attached is what cosign attached, up to its time.
    let predicate = "https://sigstore.dev/cosign/sign/v1";
    let created = &signature.annotations["org.opencontainers.image.created"];
    let mine = Artifact::bundle(signature.bytes.clone(), predicate, created.parse().unwrap());
    let theirs = ours
        .client
        .manifest(&at.by_digest(signature.descriptor.digest.clone()))
        .await
        .unwrap();
    let Manifest::Image(theirs) = theirs.manifest else {
        panic!("an index");
    };
    assert_eq!(theirs, mine.manifest(&image.descriptor));
    let public = format!("--key={}", home.join("cosign.pub").display());
    let verify = ["verify", &public, "--insecure-ignore-tlog", &name];
    run(&cosign, &verify, home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_moves_its_old_tag_on_by_adding_to_it() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let signer = Signer::new(&cosign).await;
    let home = signer.ours.scratch.path();
    let digest = &signer.image.descriptor.digest;
    let name = signer.at.by_digest(digest.clone()).to_string();
    let key = format!("--key={}", home.join("cosign.key").display());
    for n in ["n=1", "n=2"] {
        let old = ["--new-bundle-format=false", "--use-signing-config=false"];
        let sign = ["sign", "-y", "--tlog-upload=false", "-a", n, &key, &name];
        run(&cosign, &[&sign[..], &old].concat(), home).await;
    }
    let tag = format!("{}.sig", digest.fallback_tag());
    let tag = signer.at.by_tag(&tag).unwrap();
    let fetched = signer.ours.client.manifest(&tag).await.unwrap();
    let Manifest::Image(signatures) = fetched.manifest else {
        panic!("an index");
    };
    assert_eq!(signatures.layers.len(), 2);
}
