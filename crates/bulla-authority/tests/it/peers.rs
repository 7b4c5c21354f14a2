//! Real clients of Rekor, on a real port: rekor-cli, and cosign where it meets
//! what only a log can decide.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_authority::{Authority, AuthorityConfig};
use bulla_core::SystemClock;
use bulla_crypto::{Hash, PublicKey, Scheme, SigningKey};
use bulla_store::Store;
use tempfile::TempDir;

use crate::client::EMAIL;

/// An authority that foreign programs reach.
struct Stage {
    dir: TempDir,
    authority: Authority,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = AuthorityConfig::loopback(listener.local_addr().unwrap().port());
        let store = Store::open(dir.path().join("data")).await.unwrap();
        let authority = Authority::open(&store, config, Arc::new(SystemClock)).await;
        let authority = authority.unwrap();
        let router = authority.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            dir,
            authority,
            server,
        }
    }

    fn url(&self) -> &str {
        self.authority.base_url()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs a program that knows nothing of the developer's machine.
    async fn run(&self, program: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", "/usr/bin:/bin")
            .env("COSIGN_PASSWORD", "")
            .env(
                "SIGSTORE_REKOR_PUBLIC_KEY",
                self.dir.path().join("rekor.pub"),
            )
            .env("TUF_ROOT", self.dir.path().join("tuf"));
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.unwrap().unwrap()
    }

    /// The same, which must succeed; gives all that it says.
    async fn succeeds(&self, program: &Path, args: &[&str]) -> String {
        let output = self.run(program, args).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{args:?}\n{said}");
        said
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rekor_cli_uploads_finds_gets_and_verifies() {
    let Some(rekor) = bulla_testkit::require("rekor-cli") else {
        return;
    };
    let stage = Stage::new().await;
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let digest = hex::encode(Hash::Sha256.digest(b"artifact"));
    let public = stage.write("key.pub", key.public().to_pem());
    let signature = stage.write("signature", key.sign(b"artifact").unwrap());
    let server = ["--rekor_server", stage.url()];
    let entry = [
        "--type",
        "hashedrekord",
        "--pki-format",
        "x509",
        "--artifact-hash",
        &digest,
        "--public-key",
        path(&public),
        "--signature",
        path(&signature),
    ];
    let said = stage
        .succeeds(&rekor, &[&["upload"][..], &server, &entry].concat())
        .await;
    assert!(said.contains("Created entry at index 1"), "{said}");
    // The same again is the same entry.
    let said = stage
        .succeeds(&rekor, &[&["upload"][..], &server, &entry].concat())
        .await;
    assert!(said.contains("index 1"), "{said}");
    // A later entry, so that the tree grows beneath the state that it keeps.
    let later = stage.write("later", key.sign(b"later").unwrap());
    let digest_of_later = hex::encode(Hash::Sha256.digest(b"later"));
    let second = [
        "--type",
        "hashedrekord",
        "--pki-format",
        "x509",
        "--artifact-hash",
        &digest_of_later,
        "--public-key",
        path(&public),
        "--signature",
        path(&later),
    ];
    let said = stage
        .succeeds(&rekor, &[&["loginfo"][..], &server].concat())
        .await;
    assert!(said.contains("Verification Successful"), "{said}");
    stage
        .succeeds(&rekor, &[&["upload"][..], &server, &second].concat())
        .await;
    let said = stage
        .succeeds(&rekor, &[&["loginfo"][..], &server].concat())
        .await;
    assert!(
        said.contains("Verification Successful")
            && said
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains("Total Tree Size: 3"),
        "{said}"
    );
    let said = stage
        .succeeds(
            &rekor,
            &[
                &["logproof", "--first-size", "1", "--last-size", "3"][..],
                &server,
            ]
            .concat(),
        )
        .await;
    assert!(said.contains("Current Root Hash"), "{said}");
    let said = stage
        .succeeds(&rekor, &[&["verify"][..], &server, &entry].concat())
        .await;
    assert!(said.contains("Entry Index in Current Tree: 1"), "{said}");
    let said = stage
        .succeeds(
            &rekor,
            &[&["get", "--log-index", "1"][..], &server].concat(),
        )
        .await;
    assert!(said.contains(&digest), "{said}");
    let mut found = String::new();
    for _ in 0..100 {
        let search = [&["search", "--sha", digest.as_str()][..], &server].concat();
        found = String::from_utf8_lossy(&stage.run(&rekor, &search).await.stdout).into_owned();
        if found.lines().any(|line| line.len() == 80) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let uuid = found.lines().find(|line| line.len() == 80).expect(&found);
    let said = stage
        .succeeds(&rekor, &[&["get", "--uuid", uuid][..], &server].concat())
        .await;
    assert!(said.contains(&digest), "{said}");
    let by_key = [
        "search",
        "--pki-format",
        "x509",
        "--public-key",
        path(&public),
    ];
    let said = stage
        .succeeds(&rekor, &[&by_key[..], &server].concat())
        .await;
    assert!(said.contains(uuid), "{said}");
    let wrong = stage.write("wrong", key.sign(b"else").unwrap());
    let mut foreign = entry.to_vec();
    foreign[9] = path(&wrong);
    let output = stage
        .run(&rekor, &[&["upload"][..], &server, &foreign].concat())
        .await;
    assert!(!output.status.success());
}

/// An RSA signature is the same each time, and so is the entry: cosign 3 takes
/// no 409 for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosign_signs_the_same_twice_with_rsa_in_both_logs() {
    let Some(cosign) = bulla_testkit::require("cosign") else {
        return;
    };
    let stage = Stage::new().await;
    let key = SigningKey::generate(Scheme::Rsa2048).unwrap();
    stage.write("rsa.pem", key.to_pkcs8_pem());
    stage.write("rsa.pub", key.public().to_pem());
    stage
        .succeeds(
            &cosign,
            &[
                "import-key-pair",
                "--key",
                "rsa.pem",
                "--output-key-prefix",
                "rsa",
            ],
        )
        .await;
    stage.write("blob", "blob");
    stage.write("root.json", stage.authority.trusted_root().to_string());
    let config = stage.authority.signing_config().clone();
    let mut only_v1 = config.clone();
    only_v1["rekorTlogUrls"] = serde_json::json!([{
        "url": stage.url(), "majorApiVersion": 1, "operator": "here",
        "validFor": config["rekorTlogUrls"][0]["validFor"],
    }]);
    for (name, config) in [("v2", &config), ("v1", &only_v1)] {
        stage.write("config.json", config.to_string());
        for _ in 0..2 {
            let sign = [
                "sign-blob",
                "--yes",
                "--key",
                "rsa.key",
                "--signing-config",
                "config.json",
                "--trusted-root",
                "root.json",
                "--bundle",
                "bundle.json",
                "blob",
            ];
            stage.succeeds(&cosign, &sign).await;
            let verify = [
                "verify-blob",
                "--key",
                "rsa.pub",
                "--trusted-root",
                "root.json",
                "--bundle",
                "bundle.json",
                "blob",
            ];
            let said = stage.succeeds(&cosign, &verify).await;
            assert!(said.contains("Verified OK"), "{name} {said}");
        }
    }
    let size = stage.authority.log().log().size();
    assert_eq!(size, 2, "the genesis entry and one more");
}

/// cosign 2 without a bundle looks the entry up by its content.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosign_2_finds_the_entry_of_a_signature() {
    let Some(cosign) = bulla_testkit::require("cosign2") else {
        return;
    };
    let stage = Stage::new().await;
    stage.succeeds(&cosign, &["generate-key-pair"]).await;
    stage.write("blob", "blob");
    let sign = [
        "sign-blob",
        "--yes",
        "--key",
        "cosign.key",
        "--rekor-url",
        stage.url(),
        "--output-signature",
        "signature",
        "blob",
    ];
    stage.succeeds(&cosign, &sign).await;
    let log = &stage.authority.trusted_root()["tlogs"][0]["publicKey"]["rawBytes"];
    let log = STANDARD.decode(log.as_str().unwrap()).unwrap();
    let log = PublicKey::from_spki_der(&log).unwrap();
    stage.write("rekor.pub", log.to_pem());
    let verify = |file: &'static str| {
        vec![
            "verify-blob",
            "--key",
            "cosign.pub",
            "--rekor-url",
            stage.url(),
            "--signature",
            "signature",
            file,
        ]
    };
    let said = stage.succeeds(&cosign, &verify("blob")).await;
    assert!(said.contains("Verified OK"), "{said}");
    stage.write("other", "other");
    assert!(!stage.run(&cosign, &verify("other")).await.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigstore_python_signs_into_version_1() {
    let Some(sigstore) = bulla_testkit::require("sigstore") else {
        return;
    };
    let stage = Stage::new().await;
    stage.write("blob", "blob");
    let mut config = stage.authority.client_trust_config().clone();
    config["signingConfig"]["rekorTlogUrls"] = serde_json::json!([{
        "url": stage.url(), "majorApiVersion": 1, "operator": "here",
        "validFor": config["signingConfig"]["rekorTlogUrls"][0]["validFor"],
    }]);
    stage.write("trust.json", config.to_string());
    let now = jiff::Timestamp::now();
    let token = stage
        .authority
        .asserted()
        .mint_person(EMAIL, "sigstore", now);
    let token = token.unwrap();
    let sign = [
        "--trust-config",
        "trust.json",
        "sign",
        "--identity-token",
        &token,
        "--rekor-version",
        "1",
        "--bundle",
        "bundle.json",
        "blob",
    ];
    stage.succeeds(&sigstore, &sign).await;
    let issuer = format!("{}/oidc/asserted", stage.url());
    let verify = [
        "--trust-config",
        "trust.json",
        "verify",
        "identity",
        "--cert-identity",
        EMAIL,
        "--cert-oidc-issuer",
        &issuer,
        "--bundle",
        "bundle.json",
        "blob",
    ];
    stage.succeeds(&sigstore, &verify).await;
    let bundle = fs::read_to_string(stage.dir.path().join("bundle.json")).unwrap();
    assert!(bundle.contains("0.0.1") && !bundle.contains("0.0.2"));
}
