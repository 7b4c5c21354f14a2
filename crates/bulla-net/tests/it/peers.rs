//! Verifiers that share no code with us accept what we seal, and refuse its
//! tampered twin.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::{Hash, Scheme};
use bulla_net::Content;
use bulla_testkit::{World, require};
use bulla_trust::root::LogApi;
use serde_json::json;
use std::path::Path;

use crate::local::{EMAIL, Local, edited};

const FILE: &str = "file";
const CONTENT: &[u8] = b"what is signed";

/// A world with a signed file, its bundles, and what is needed to verify them.
struct Sealed {
    world: World,
    issuer: String,
}

impl Sealed {
    async fn new() -> Self {
        let local = Local::start().await;
        let world = World::new();
        let blob = local.sign(CONTENT).await.bundle;
        let attestation = local.attest(&local.person().await, CONTENT).await.unwrap();
        world.write(FILE, CONTENT);
        world.write("other", b"something else");
        world.write("blob.json", &blob);
        world.write("attestation.json", &attestation.bundle);
        let tampered = edited(&attestation.bundle, |bundle| {
            let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
            let text = String::from_utf8(STANDARD.decode(payload).unwrap()).unwrap();
            let text = text.replace("\"predicate\":{}", "\"predicate\":{\"x\":1}");
            bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(text));
        });
        world.write("tampered.json", tampered);
        let authority = &local.authority;
        world.write("trusted_root.json", authority.trusted_root().to_string());
        world.write(
            "trust_config.json",
            authority.client_trust_config().to_string(),
        );
        Self {
            world,
            issuer: format!("{}/oidc/asserted", authority.base_url()),
        }
    }

    /// Runs a verifier on these files; 0 is acceptance.
    fn run(&self, program: &Path, args: &[&str]) -> bulla_testkit::Outcome {
        let mut command = self.world.command(program);
        command.args(args);
        self.world.run(&mut command)
    }
}

#[tokio::test]
async fn cosign_accepts_what_we_seal() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let sealed = Sealed::new().await;
    let verify = |command: &str, bundle: &str, email: &str, file: &str| {
        let mut args = vec![
            command,
            "--bundle",
            bundle,
            "--trusted-root",
            "trusted_root.json",
            "--certificate-identity",
            email,
            "--certificate-oidc-issuer",
            &sealed.issuer,
        ];
        if command == "verify-blob-attestation" {
            args.extend(["--type", "https://sigstore.dev/cosign/sign/v1"]);
        }
        args.push(file);
        sealed.run(&cosign, &args)
    };
    verify("verify-blob", "blob.json", EMAIL, FILE).success();
    verify("verify-blob-attestation", "attestation.json", EMAIL, FILE).success();
    for (command, bundle, email, file) in [
        ("verify-blob", "blob.json", EMAIL, "other"),
        ("verify-blob", "blob.json", "mallory@example.com", FILE),
        (
            "verify-blob-attestation",
            "attestation.json",
            EMAIL,
            "other",
        ),
        ("verify-blob-attestation", "tampered.json", EMAIL, FILE),
    ] {
        verify(command, bundle, email, file).exit(1);
    }
}

#[tokio::test]
async fn sigstore_python_accepts_what_we_seal() {
    let Some(sigstore) = require("sigstore") else {
        return;
    };
    let sealed = Sealed::new().await;
    let verify = |bundle: &str, email: &str, file: &str| {
        let args = [
            "--trust-config",
            "trust_config.json",
            "verify",
            "identity",
            "--offline",
            "--bundle",
            bundle,
            "--cert-identity",
            email,
            "--cert-oidc-issuer",
            &sealed.issuer,
            file,
        ];
        sealed.run(&sigstore, &args)
    };
    verify("blob.json", EMAIL, FILE).success();
    verify("attestation.json", EMAIL, FILE).success();
    for (bundle, email, file) in [
        ("blob.json", EMAIL, "other"),
        ("blob.json", "mallory@example.com", FILE),
        ("attestation.json", EMAIL, "other"),
        ("tampered.json", EMAIL, FILE),
    ] {
        verify(bundle, email, file).exit(1);
    }
}

#[tokio::test]
async fn cosign_accepts_every_key_in_either_log() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let local = Local::start().await;
    let world = World::new();
    world.write(FILE, CONTENT);
    world.write("other", b"something else");
    world.write(
        "trusted_root.json",
        local.authority.trusted_root().to_string(),
    );
    let verify = |scheme: Scheme, file: &str, exit: Option<i32>| {
        // It does not read the hash from the bundle: sigstore/cosign#5092.
        let hash = match scheme.hash() {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        };
        let mut command = world.command(&cosign);
        command.args(["verify-blob", "--key", "key.pub", "--bundle", "key.json"]);
        command.args(["--trusted-root", "trusted_root.json"]);
        command.args(["--signature-digest-algorithm", hash, file]);
        let outcome = world.run(&mut command);
        match exit {
            None => outcome.success(),
            Some(code) => outcome.exit(code),
        };
    };
    for api in [LogApi::V1, LogApi::V2] {
        for scheme in [
            Scheme::EcdsaP256,
            Scheme::EcdsaP384,
            Scheme::EcdsaP521,
            Scheme::Rsa2048,
        ] {
            let sealed = local
                .with_key(scheme)
                .witnessed_by(&local.logs(&[api], true));
            let sealed = sealed.seal(&Content::Blob(CONTENT)).await.unwrap();
            world.write("key.json", &sealed.bundle);
            world.write("key.pub", &sealed.parts.public_key);
            verify(scheme, FILE, None);
            verify(scheme, "other", Some(1));
        }
    }
}
