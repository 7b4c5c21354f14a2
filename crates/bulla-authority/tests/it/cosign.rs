//! cosign 3 and 2 with a token of a forge's runner, against the real services:
//! what they sign, and what they read out of the certificate again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use bulla_authority::Authority;
use bulla_crypto::x509::to_pem_chain;
use serde_json::{Value, json};

use crate::{
    ca::{FILE, PINNED, SUBJECT, run},
    upstream::{Upstream, open_at},
};

const ISSUER: &str = "https://runs.forge.example";
const IDENTITY: &str = "https://forge.example/acme/app/.github/workflows/b.yml@refs/heads/main";

/// The services on a port of their own, and where a client finds everything.
struct Stage {
    dir: tempfile::TempDir,
    authority: Authority,
    upstream: Upstream,
}

impl Stage {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream = Upstream::rsa();
        let opened = open_at(dir.path(), port, FILE, &PINNED, &upstream).await;
        let authority = opened.unwrap();
        let router = authority.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stage = Self {
            dir,
            authority,
            upstream,
        };
        stage.write("blob", b"blob");
        stage.write(
            "trusted_root.json",
            authority_json(stage.authority.trusted_root()),
        );
        stage.write(
            "signing_config.json",
            authority_json(stage.authority.signing_config()),
        );
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", "/usr/bin:/bin");
        command
    }

    async fn run(mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

fn authority_json(document: &Value) -> Vec<u8> {
    serde_json::to_vec(document).unwrap()
}

#[track_caller]
fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|word| !word.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosign_3_signs_with_a_runners_token_and_reads_its_claims() {
    let Some(cosign) = bulla_testkit::require("cosign") else {
        return;
    };
    let stage = Stage::start().await;
    let sign = async |token: String| {
        let mut command = stage.command(&cosign);
        command.args(words(
            "sign-blob --signing-config signing_config.json --trusted-root trusted_root.json \
             --bundle bundle.json -y blob --identity-token",
        ));
        command.arg(token);
        Stage::run(command).await
    };
    succeeded(&sign(stage.upstream.token(&run())).await);
    let verify = async |more: &str| {
        let mut command = stage.command(&cosign);
        command
            .args(words(
                "verify-blob --trusted-root trusted_root.json --bundle bundle.json",
            ))
            .args(["--certificate-oidc-issuer", ISSUER])
            .args(["--certificate-identity", IDENTITY])
            .args(words(more))
            .arg("blob");
        Stage::run(command).await
    };
    let claims = "--certificate-github-workflow-sha aa11 --certificate-github-workflow-name Build \
                  --certificate-github-workflow-repository acme/app \
                  --certificate-github-workflow-ref refs/heads/main \
                  --certificate-github-workflow-trigger";
    succeeded(&verify(&format!("{claims} push")).await);
    assert!(!verify(&format!("{claims} release")).await.status.success());

    // What is refused is refused in words that reach the user, and leaves no trace.
    let before = stage.authority.ca().ct.log().size();
    let mut stranger = run();
    stranger["iss"] = json!("https://runs.forge.example.evil.example");
    let refused = sign(stage.upstream.token(&stranger)).await;
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(
        text.contains("There was an error processing the identity token"),
        "{text}"
    );
    assert_eq!(stage.authority.ca().ct.log().size(), before);
    assert_eq!(run()["sub"], SUBJECT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosign_2_signs_over_the_first_api() {
    let Some(cosign) = bulla_testkit::require("cosign2") else {
        return;
    };
    let stage = Stage::start().await;
    let root = stage.authority.trusted_root();
    let key = |log: &Value| {
        let body = log["publicKey"]["rawBytes"].as_str().unwrap();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    };
    stage.write("rekor.pub", key(&root["tlogs"][0]));
    stage.write("ctfe.pub", key(&root["ctlogs"][0]));
    stage.write(
        "fulcio.pem",
        to_pem_chain(stage.authority.ca().chain().unwrap().iter()),
    );
    let command = |line: &str| {
        let mut command = stage.command(&cosign);
        command
            .env("SIGSTORE_ROOT_FILE", stage.path("fulcio.pem"))
            .env("SIGSTORE_REKOR_PUBLIC_KEY", stage.path("rekor.pub"))
            .env("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", stage.path("ctfe.pub"))
            .args(words(line));
        command
    };
    let url = stage.authority.base_url();
    let mut sign = command("sign-blob --bundle bundle.json -y blob");
    sign.args(["--fulcio-url", url, "--rekor-url", url, "--identity-token"]);
    sign.arg(stage.upstream.token(&run()));
    succeeded(&Stage::run(sign).await);
    let verify = async |identity: &str| {
        let mut verify = command("verify-blob --bundle bundle.json blob");
        verify
            .args(["--certificate-oidc-issuer", ISSUER, "--rekor-url", url])
            .args(["--certificate-identity", identity]);
        Stage::run(verify).await
    };
    succeeded(&verify(IDENTITY).await);
    assert!(!verify("https://forge.example/other").await.status.success());
}
