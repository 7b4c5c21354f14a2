//! sigstore-python and bulla accept each other's bundles, and refuse the twins.

use std::{fs, path::Path, process::Command};

use bulla_testkit::Outcome;

use super::stage::{self, DANA, ERIN, refused};

/// `sigstore --trust-config F …`: it never asks anybody on the internet.
#[track_caller]
fn sigstore() -> Option<Command> {
    let mut command = stage::client("sigstore")?;
    command.args(["--trust-config", &stage::trust_file("client_trust_config")]);
    Some(command)
}

fn verify(file: &Path, bundle: &Path, identity: &str, issuer: &str) -> Outcome {
    let mut command = sigstore().expect("sigstore, which this test already had");
    command
        .args(["verify", "identity", "--cert-identity", identity])
        .args(["--cert-oidc-issuer", issuer, "--bundle"])
        .arg(bundle)
        .arg(file);
    stage::run(command)
}

#[test]
fn sigstore_python_verifies_a_signed_file() {
    let Some(_) = sigstore() else {
        return;
    };
    let (file, bundle) = stage::signed_file("python-verify");
    let issuer = stage::issuer();
    verify(&file, &bundle, DANA, issuer).success().says("OK");
    refused(&verify(&stage::changed(&file), &bundle, DANA, issuer));
    refused(&verify(&file, &bundle, ERIN, issuer));
    refused(&verify(&file, &bundle, DANA, "https://issuer.example"));
    for (_, edited) in stage::edited(&bundle) {
        refused(&verify(&file, &edited, DANA, issuer));
    }
}

#[test]
fn sigstore_python_verifies_an_attested_file() {
    let Some(_) = sigstore() else {
        return;
    };
    let (file, bundle, _) = stage::attested_file("python-attested");
    let issuer = stage::issuer();
    verify(&file, &bundle, DANA, issuer).success().says("OK");
    refused(&verify(&stage::changed(&file), &bundle, DANA, issuer));
    refused(&verify(&file, &bundle, ERIN, issuer));
    for (_, edited) in stage::edited(&bundle) {
        refused(&verify(&file, &edited, DANA, issuer));
    }
}

#[test]
fn bulla_verifies_a_file_that_sigstore_python_signed() {
    let Some(mut command) = sigstore() else {
        return;
    };
    let folder = stage::shared().folder("python-sign");
    let (file, bundle) = (folder.join("notes.txt"), folder.join("notes.sigstore.json"));
    fs::write(&file, "notes of erin\n").expect("a file");
    let token = stage::shared().instance().token(stage::world(), ERIN);
    command
        .env("SIGSTORE_IDENTITY_TOKEN", token)
        .args(["sign", "--bundle"])
        .arg(&bundle)
        .arg(&file);
    stage::run(command).success();
    let check = |file: &Path, bundle: &Path, identity: &str| {
        let mut command = stage::world().command(stage::world().binary());
        command
            .arg("verify-blob")
            .arg(file)
            .arg("--bundle")
            .arg(bundle)
            .args(["--certificate-identity", identity])
            .args(["--certificate-oidc-issuer", stage::issuer()]);
        stage::run(command)
    };
    check(&file, &bundle, ERIN).success().says(ERIN);
    check(&stage::changed(&file), &bundle, ERIN).exit(1);
    check(&file, &bundle, DANA).exit(1);
    for (_, edited) in stage::edited(&bundle) {
        check(&file, &edited, ERIN).exit(1);
    }
}
