//! cosign 3 and bulla accept each other's signatures, and refuse the same twins.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_testkit::Outcome;
use serde_json::Value;

use super::stage::{self, DANA, ERIN, refused};

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

fn by(command: &mut Command, identity: &str, issuer: &str) {
    command
        .args(["--certificate-identity", identity])
        .args(["--certificate-oidc-issuer", issuer]);
}

/// `cosign VERB … --trusted-root F`, with that identity.
#[track_caller]
fn verify(verb: &str, more: &[&str], identity: (&str, &str), what: &str) -> Outcome {
    let mut command = stage::client("cosign").expect("cosign, which this test already had");
    command.arg(verb).args(more);
    by(&mut command, identity.0, identity.1);
    command
        .args(["--trusted-root", &stage::trust_file("trusted_root")])
        .arg(what);
    stage::run(command)
}

#[test]
fn cosign_verifies_the_shipped_image() {
    let Some(image) = stage::image_for("cosign") else {
        return;
    };
    let dana = (DANA, stage::issuer());
    let outcome = verify("verify", &[], dana, image);
    outcome
        .success()
        .says("Existence of the claims in the transparency log");
    assert!(outcome.stdout.contains(&stage::digest(image)));
    refused(&verify("verify", &[], (ERIN, stage::issuer()), image));
    refused(&verify(
        "verify",
        &[],
        (DANA, "https://issuer.example"),
        image,
    ));
}

#[test]
fn cosign_refuses_the_twins_of_an_image() {
    let Some(image) = stage::image_for("cosign") else {
        return;
    };
    let dana = (DANA, stage::issuer());
    let folder = stage::shared().folder("image-twins");
    let bundle = folder.join("image.sigstore.json");
    fs::write(&bundle, stage::image_bundle(image, SIGN)).expect("a file");

    // The copy itself is verified: what follows fails for its edit alone.
    let whole = stage::copy_image(image, "whole", None);
    refused(&verify("verify", &[], dana, &whole));
    stage::attach(&whole, &fs::read(&bundle).expect("it"), SIGN);
    verify("verify", &[], dana, &whole).success();

    let other = stage::copy_image(image, "other", Some("another image"));
    stage::attach(&other, &fs::read(&bundle).expect("it"), SIGN);
    refused(&verify("verify", &[], dana, &other));

    for (what, edited) in stage::edited(&bundle) {
        let twin = stage::copy_image(image, &format!("edited-{what}"), None);
        stage::attach(&twin, &fs::read(edited).expect("it"), SIGN);
        refused(&verify("verify", &[], dana, &twin));
    }
}

#[test]
fn cosign_verifies_every_attestation() {
    let Some(image) = stage::image_for("cosign") else {
        return;
    };
    let vulns = "https://in-toto.io/attestation/vulns/v0.2";
    for (kind, name) in [
        (PROVENANCE, "builder"),
        ("https://cyclonedx.org/bom", "scanner"),
        ("https://spdx.dev/Document", "scanner"),
        (vulns, "scanner"),
    ] {
        let (identity, issuer) = stage::service(name);
        let outcome = verify(
            "verify-attestation",
            &["--type", kind],
            (&identity, &issuer),
            image,
        );
        outcome.success();
        assert_eq!(statement(&outcome)["predicateType"], kind);
        // The person did not say so.
        refused(&verify(
            "verify-attestation",
            &["--type", kind],
            (DANA, stage::issuer()),
            image,
        ));
    }
    let (builder, issuer) = stage::service("builder");
    refused(&verify(
        "verify-attestation",
        &["--type", vulns],
        (&builder, &issuer),
        image,
    ));
}

/// The statement in the envelope that `verify-attestation` prints.
#[track_caller]
pub fn statement(outcome: &Outcome) -> Value {
    let line = outcome.stdout.lines().next().unwrap_or_default();
    let printed: Value = serde_json::from_str(line).expect("an envelope");
    let payload = printed["payload"].as_str().expect("a payload");
    serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("a statement")
}

/// What `verify-attestation` says the scanner attested.
#[track_caller]
pub fn attested(image: &str, kind: &str) -> Value {
    let (identity, issuer) = stage::service("scanner");
    let outcome = verify(
        "verify-attestation",
        &["--type", kind],
        (&identity, &issuer),
        image,
    );
    outcome.success();
    statement(&outcome)["predicate"].clone()
}

fn verify_file(file: &Path, bundle: &Path, identity: (&str, &str)) -> Outcome {
    let (file, bundle) = (file.display().to_string(), bundle.display().to_string());
    verify("verify-blob", &["--bundle", &bundle], identity, &file)
}

#[test]
fn cosign_verifies_a_signed_file() {
    let Some(_) = stage::client("cosign") else {
        return;
    };
    let (file, bundle) = stage::signed_file("cosign-verify-blob");
    let dana = (DANA, stage::issuer());
    verify_file(&file, &bundle, dana)
        .success()
        .says("Verified OK");
    refused(&verify_file(&stage::changed(&file), &bundle, dana));
    refused(&verify_file(&file, &bundle, (ERIN, stage::issuer())));
    refused(&verify_file(
        &file,
        &bundle,
        (DANA, "https://issuer.example"),
    ));
    for (_, edited) in stage::edited(&bundle) {
        refused(&verify_file(&file, &edited, dana));
    }
}

#[test]
fn cosign_verifies_an_attested_file() {
    let Some(_) = stage::client("cosign") else {
        return;
    };
    let (file, bundle, kind) = stage::attested_file("cosign-attest-blob");
    let check = |file: &Path, bundle: &Path, kind: &str, identity: &str| {
        let bundle = bundle.display().to_string();
        let more = ["--bundle", &bundle, "--type", kind];
        let file = file.display().to_string();
        verify(
            "verify-blob-attestation",
            &more,
            (identity, stage::issuer()),
            &file,
        )
    };
    check(&file, &bundle, kind, DANA)
        .success()
        .says("Verified OK");
    refused(&check(&stage::changed(&file), &bundle, kind, DANA));
    refused(&check(&file, &bundle, kind, ERIN));
    refused(&check(&file, &bundle, PROVENANCE, DANA));
    for (_, edited) in stage::edited(&bundle) {
        refused(&check(&file, &edited, kind, DANA));
    }
}

/// `cosign VERB` against the instance, in Erin's name.
fn sign(verb: &str) -> Option<Command> {
    let mut command = stage::client("cosign")?;
    let token = stage::shared().instance().token(stage::world(), ERIN);
    command
        .arg(verb)
        .args(["--signing-config", &stage::trust_file("signing_config")])
        .args(["--trusted-root", &stage::trust_file("trusted_root"), "-y"])
        .env("SIGSTORE_ID_TOKEN", token);
    Some(command)
}

/// `bulla VERB … --certificate-identity …`, the answer with its exit code.
fn bulla(verb: &[&str], identity: &str) -> Outcome {
    let mut command = stage::world().command(stage::world().binary());
    command.args(verb);
    by(&mut command, identity, stage::issuer());
    stage::run(command)
}

#[test]
fn bulla_verifies_an_image_that_cosign_signed() {
    let Some(image) = stage::image_for("cosign") else {
        return;
    };
    let image = stage::copy_image(image, "by-cosign", Some("signed by cosign"));
    let Some(mut command) = sign("sign") else {
        return;
    };
    bulla(&["verify", &image], ERIN).exit(3);
    command.arg(&image);
    stage::run(command).success();
    bulla(&["verify", &image], ERIN).success().says(ERIN);
    bulla(&["verify", &image], DANA).exit(1);

    let predicate = stage::world().write("cosign-attest.json", r#"{"reviewed": true}"#);
    let mut command = sign("attest").expect("cosign, which this test already had");
    let kind = "https://example.com/review/v1";
    command
        .args(["--type", kind, "--predicate"])
        .arg(&predicate)
        .arg(&image);
    stage::run(command).success();
    bulla(&["verify", &image, "--type", kind], ERIN)
        .success()
        .says(kind);
    bulla(&["verify", &image, "--type", PROVENANCE], ERIN)
        .exit(3)
        .says("CLI-0070");
}

#[test]
fn bulla_verifies_a_file_that_cosign_signed() {
    let Some(mut command) = sign("sign-blob") else {
        return;
    };
    let folder = stage::shared().folder("cosign-sign-blob");
    let (file, bundle) = (folder.join("notes.txt"), folder.join("notes.sigstore.json"));
    fs::write(&file, "notes of erin\n").expect("a file");
    command.arg("--bundle").arg(&bundle).arg(&file);
    stage::run(command).success();
    let check = |file: &Path, bundle: &Path, identity: &str| {
        let (file, bundle) = (file.display().to_string(), bundle.display().to_string());
        bulla(&["verify-blob", &file, "--bundle", &bundle], identity)
    };
    check(&file, &bundle, ERIN).success().says(ERIN);
    check(&stage::changed(&file), &bundle, ERIN).exit(1);
    check(&file, &bundle, DANA).exit(1);
    for (_, edited) in stage::edited(&bundle) {
        check(&file, &edited, ERIN).exit(1);
    }
}
