//! sigstore-js: a signing config through its library, its command line, and
//! verification by what it fetches from our TUF repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bulla_core::Digest;
use bulla_testkit::{Outcome, require};
use serde_json::{Value, json};

use super::{Client, Log, Signer, Way, entry, signing_config};
use crate::interop::stage::{self, DANA, ERIN};

/// What it does through its library.
const SEAL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/interop/client/seal.cjs"
);

impl Client {
    #[track_caller]
    pub(super) fn start_javascript(&self) -> Option<()> {
        require("sigstore-js").map(drop)
    }

    /// Its command line.
    fn javascript(&self, verb: &str) -> Command {
        let program = require("sigstore-js").expect("sigstore-js, which this test already had");
        let mut command = stage::shared().instance().client(stage::world(), program);
        // It takes a token from the environment only where it believes in a CI job.
        command.arg(verb).env("CI", "1");
        command
    }

    /// A script with its library.
    fn node(&self, script: &str) -> Command {
        let program = require("sigstore-js").expect("sigstore-js, which this test already had");
        let home = program.ancestors().nth(2).expect("the peer's folder");
        let mut command = stage::world().command(home.join("node"));
        command
            .env("NODE_PATH", home.join("node_modules"))
            .arg(script);
        command
    }

    pub(super) fn sign_with_javascript(
        &self,
        log: Log,
        token: &str,
        kind: &str,
        file: &Path,
        bundle: &Path,
    ) -> Outcome {
        let mut command = self.node(SEAL);
        command
            .arg(signing_config(log, &self.folder))
            .arg(kind)
            .arg(file)
            .arg(bundle)
            .env("SIGSTORE_ID_TOKEN", token);
        stage::run(command)
    }

    /// Of an envelope it checks that somebody signed it, not what it is about.
    pub(super) fn verify_with_javascript(
        &self,
        file: Option<&Path>,
        bundle: &Path,
        by: Signer,
    ) -> Outcome {
        let instance = stage::shared().instance();
        let mut command = self.javascript("verify");
        command
            .arg(bundle)
            .args(["--certificate-identity-email", by.identity])
            .args(["--certificate-issuer", by.issuer])
            .args(["--tuf-mirror-url", instance.url("tuf"), "--tuf-root-path"])
            .arg(instance.path("tuf_root"))
            .arg("--tuf-cache-path")
            .arg(self.file("tuf"));
        if let Some(file) = file {
            command.arg("--blob-file").arg(file);
        }
        stage::run(command)
    }
}

/// A statement about a file.
fn statement(about: &Path) -> Value {
    let digest = Digest::sha256(&fs::read(about).expect("the file"));
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app.tar", "digest": {"sha256": digest.hex()}}],
        "predicateType": "https://example.com/review/v1",
        "predicate": {"reviewed": true},
    })
}

/// An application, and a statement about it.
fn application(client: &Client) -> (PathBuf, PathBuf) {
    let (file, about) = (client.file("app.tar"), client.file("statement.json"));
    fs::write(&file, format!("an application of {:?}", client.folder)).expect("a file");
    fs::write(&about, statement(&file).to_string()).expect("a file");
    (file, about)
}

/// A copy of a bundle whose envelope says something else.
fn edited(bundle: &Path) -> PathBuf {
    let (_, path) = stage::edited(bundle)
        .into_iter()
        .find(|(what, _)| *what == "payload")
        .expect("an envelope");
    path
}

#[track_caller]
fn attests(client: &Client, bundle: &Path) {
    let erin = Signer::erin();
    let dana = Signer {
        identity: DANA,
        ..erin
    };
    client.verify_with_javascript(None, bundle, erin).success();
    stage::refused(&client.verify_with_javascript(None, bundle, dana));
    stage::refused(&client.verify_with_javascript(None, &edited(bundle), erin));
}

/// Those others, and cosign, look at what the statement is about, too.
#[track_caller]
fn others_verify(test: &str, others: &[Way], file: &Path, bundle: &Path) {
    let (erin, changed) = (Signer::erin(), stage::changed(file));
    for way in others.iter().copied() {
        let Some(other) = Client::new(way, &format!("{test}-for-{way:?}")) else {
            continue;
        };
        other.verify(file, bundle, erin).success();
        stage::refused(&other.verify(&changed, bundle, erin));
        stage::refused(&other.verify(file, &edited(bundle), erin));
    }
    let Some(_) = require("cosign") else {
        return;
    };
    let cosign = |file: &Path| {
        let mut command = stage::client("cosign").expect("cosign, which this test already had");
        command.args([
            "verify-blob-attestation",
            "--type",
            "https://example.com/review/v1",
        ]);
        command.args(["--trusted-root", &stage::trust_file("trusted_root")]);
        erin.name_in(&mut command);
        command.arg("--bundle").arg(bundle).arg(file);
        stage::run(command)
    };
    cosign(file).success();
    stage::refused(&cosign(&changed));
}

#[test]
fn javascript_attests_into_the_first_log() {
    let test = "javascript-attests-v1";
    let Some(client) = Client::new(Way::JavaScript(Log::V1), test) else {
        return;
    };
    let ((file, statement), bundle) = (application(&client), client.file("app.sigstore.json"));
    let token = stage::shared().instance().token(stage::world(), ERIN);
    client
        .sign_with_javascript(Log::V1, &token, "dsseEnvelope", &statement, &bundle)
        .success();
    assert_eq!(entry(&bundle), ("dsse".into(), "0.0.1".into()));
    attests(&client, &bundle);
    let others = [Way::Bulla, Way::PythonDocuments(Log::V2)];
    others_verify(test, &others, &file, &bundle);
}

/// `dsse` 0.0.2, which neither cosign 3.1.3 nor sigstore-python 4.5.1 can read: we can.
#[test]
fn javascript_attests_into_the_second_log() {
    let Some(client) = Client::new(Way::JavaScript(Log::V2), "javascript-attests-v2") else {
        return;
    };
    let ((file, statement), bundle) = (application(&client), client.file("app.sigstore.json"));
    let token = stage::shared().instance().token(stage::world(), ERIN);
    client
        .sign_with_javascript(Log::V2, &token, "dsseEnvelope", &statement, &bundle)
        .success();
    assert_eq!(entry(&bundle), ("dsse".into(), "0.0.2".into()));
    attests(&client, &bundle);
    let ours = Client::new(Way::Bulla, "javascript-attests-v2-for-Bulla").expect("our own");
    let (erin, changed) = (Signer::erin(), stage::changed(&file));
    ours.verify(&file, &bundle, erin).success();
    stage::refused(&ours.verify(&changed, &bundle, erin));
    stage::refused(&ours.verify(&file, &edited(&bundle), erin));
}

/// Its command line sends `intoto` 0.0.2, to the first version of the log, which
/// sigstore-python 4.5.1 does not take.
#[test]
fn javascript_attests_by_addresses() {
    let test = "javascript-attests-by-addresses";
    let Some(client) = Client::new(Way::JavaScript(Log::V1), test) else {
        return;
    };
    let instance = stage::shared().instance();
    let ((file, statement), bundle) = (application(&client), client.file("app.sigstore.json"));
    let mut command = client.javascript("attest");
    command
        .arg(&statement)
        .args(["--fulcio-url", instance.url("ca")])
        .args(["--rekor-url", instance.url("log_v1")])
        .args(["--tsa-server-url", instance.url("tsa"), "-o"])
        .arg(&bundle)
        .env("SIGSTORE_ID_TOKEN", instance.token(stage::world(), ERIN));
    stage::run(command).success();
    assert_eq!(entry(&bundle), ("intoto".into(), "0.0.2".into()));
    attests(&client, &bundle);
    others_verify(test, &[Way::Bulla], &file, &bundle);
}

#[test]
fn javascript_initializes_from_our_tuf_repository() {
    let Some(client) = Client::new(Way::JavaScript(Log::V2), "javascript-initialize") else {
        return;
    };
    let instance = stage::shared().instance();
    let initialize = |root: &Path, cache: &str| {
        let mut command = client.javascript("initialize");
        command
            .args(["--mirror", instance.url("tuf"), "--root"])
            .arg(root)
            .arg("--cache-path")
            .arg(client.file(cache))
            .arg("--force");
        stage::run(command)
    };
    initialize(&instance.path("tuf_root"), "ours").success();
    assert!(stage::find(&client.file("ours"), "timestamp.json").is_some());
    // Another root does not lead to what lies there.
    let root = fs::read(instance.path("tuf_root")).expect("the root");
    let mut root: Value = serde_json::from_slice(&root).expect("a root");
    let other = root["signed"]["keys"].as_object_mut().expect("keys");
    for key in other.values_mut() {
        let public = &mut key["keyval"]["public"];
        let twin: String = public.as_str().expect("a key").chars().rev().collect();
        *public = twin.into();
    }
    let path = client.file("other-root.json");
    fs::write(&path, root.to_string()).expect("a file");
    stage::refused(&initialize(&path, "other"));
}
