//! OpenSSL checks the timestamps: of a bundle, and one that it asked for itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_testkit::Outcome;
use serde_json::Value;

use super::stage;

/// The authority's root and its signing certificate, in PEM, out of `trusted_root.json`.
fn certificates(folder: &Path) -> (PathBuf, PathBuf) {
    let root = fs::read(stage::shared().instance().path("trusted_root")).expect("the trusted root");
    let root: Value = serde_json::from_slice(&root).expect("a trusted root");
    let chain = root["timestampAuthorities"][0]["certChain"]["certificates"]
        .as_array()
        .expect("a chain");
    let write = |name: &str, certificate: &Value| {
        let base64 = certificate["rawBytes"].as_str().expect("a certificate");
        let lines: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let path = folder.join(name);
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        );
        fs::write(&path, pem).expect("a file");
        path
    };
    let (leaf, top) = (
        chain.first().expect("a leaf"),
        chain.last().expect("a root"),
    );
    (write("root.pem", top), write("leaf.pem", leaf))
}

fn verify(reply: &Path, data: &Path, (root, leaf): &(PathBuf, PathBuf)) -> Outcome {
    let mut command = stage::client("openssl").expect("openssl, which this test already had");
    command.args(["ts", "-verify", "-in"]).arg(reply);
    command.arg("-data").arg(data);
    command.arg("-CAfile").arg(root).arg("-untrusted").arg(leaf);
    stage::run(command)
}

/// The reply with one byte of its signature flipped.
fn flipped(reply: &Path) -> PathBuf {
    let mut bytes = fs::read(reply).expect("the reply");
    stage::flip(&mut bytes, 5);
    let path = reply.with_extension("flipped");
    fs::write(&path, bytes).expect("a file");
    path
}

#[test]
fn openssl_verifies_the_timestamp_of_a_bundle() {
    let Some(_) = stage::client("openssl") else {
        return;
    };
    let (file, bundle) = stage::signed_file("openssl-bundle");
    let folder = file.parent().expect("a folder").to_path_buf();
    let bundle: Value = serde_json::from_slice(&fs::read(bundle).expect("it")).expect("a bundle");
    let decode = |value: &Value| {
        STANDARD
            .decode(value.as_str().expect("text"))
            .expect("base64")
    };
    let stamps = &bundle["verificationMaterial"]["timestampVerificationData"];
    let (reply, signature) = (folder.join("reply.tsr"), folder.join("signature"));
    let stamp = decode(&stamps["rfc3161Timestamps"][0]["signedTimestamp"]);
    fs::write(&reply, stamp).expect("a file");
    fs::write(&signature, decode(&bundle["messageSignature"]["signature"])).expect("a file");

    let chain = certificates(&folder);
    verify(&reply, &signature, &chain)
        .success()
        .says("Verification: OK");
    verify(&reply, &file, &chain)
        .exit(1)
        .says("message imprint mismatch");
    verify(&flipped(&reply), &signature, &chain)
        .exit(1)
        .says("Verification: FAILED");
}

#[test]
fn openssl_verifies_the_timestamp_that_it_asked_for() {
    let Some(mut command) = stage::client("openssl") else {
        return;
    };
    let folder = stage::shared().folder("openssl-query");
    let (data, query, reply) = (
        folder.join("data"),
        folder.join("query.tsq"),
        folder.join("reply.tsr"),
    );
    fs::write(&data, "data of a person\n").expect("a file");
    command
        .args(["ts", "-query", "-sha256", "-cert", "-data"])
        .arg(&data)
        .arg("-out")
        .arg(&query);
    stage::run(command).success();
    let query = fs::read(&query).expect("the query");
    let kind = [("Content-Type", "application/timestamp-query")];
    let answer = stage::http("POST", stage::shared().instance().url("tsa"), &kind, &query);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.status);
    fs::write(&reply, answer.body).expect("a file");

    let chain = certificates(&folder);
    verify(&reply, &data, &chain)
        .success()
        .says("Verification: OK");
    verify(&reply, &stage::changed(&data), &chain)
        .exit(1)
        .says("message imprint mismatch");
    verify(&flipped(&reply), &data, &chain)
        .exit(1)
        .says("Verification: FAILED");
    // A root of the same instance that is not the authority's.
    let other = (stage::shared().instance().path("tls_ca"), chain.1);
    verify(&reply, &data, &other)
        .exit(1)
        .says("Verification: FAILED");
}
