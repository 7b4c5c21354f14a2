//! OpenSSL checks the timestamps: of a bundle, and one that it asked for itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_testkit::Outcome;
use serde_json::Value;

use super::{parts::Parts, stage};

/// The parts of the instance's root.
fn parts(folder: &Path) -> Parts {
    Parts::write(&stage::shared().instance().path("trusted_root"), folder)
}

/// Against that root; the certificate of the authority is given beside the reply, or not.
fn verify(reply: &Path, data: &Path, root: &Path, leaf: Option<&Path>) -> Outcome {
    let mut command = stage::client("openssl").expect("openssl, which this test already had");
    command.args(["ts", "-verify", "-in"]).arg(reply);
    command.arg("-data").arg(data);
    command.arg("-CAfile").arg(root);
    if let Some(leaf) = leaf {
        command.arg("-untrusted").arg(leaf);
    }
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

    let Parts {
        tsa_root, tsa_leaf, ..
    } = parts(&folder);
    let verify = |reply: &Path, data: &Path| verify(reply, data, &tsa_root, Some(&tsa_leaf));
    verify(&reply, &signature)
        .success()
        .says("Verification: OK");
    verify(&reply, &file)
        .exit(1)
        .says("message imprint mismatch");
    verify(&flipped(&reply), &signature)
        .exit(1)
        .says("Verification: FAILED");
}

/// With each hash, and with the authority's certificate in the reply or beside it.
#[test]
fn openssl_verifies_the_timestamps_that_it_asked_for() {
    if stage::client("openssl").is_none() {
        return;
    }
    let folder = stage::shared().folder("openssl-query");
    let data = folder.join("data");
    fs::write(&data, "data of a person\n").expect("a file");
    let changed = stage::changed(&data);
    let parts = parts(&folder);
    for hash in ["-sha256", "-sha384", "-sha512"] {
        for carried in [true, false] {
            let reply = folder.join(format!("reply{hash}-{carried}.tsr"));
            fs::write(&reply, stamp(&data, hash, carried)).expect("a file");
            let leaf = (!carried).then_some(&*parts.tsa_leaf);
            let verify = |reply: &Path, data: &Path, root: &Path| verify(reply, data, root, leaf);
            verify(&reply, &data, &parts.tsa_root)
                .success()
                .says("Verification: OK");
            verify(&reply, &changed, &parts.tsa_root)
                .exit(1)
                .says("message imprint mismatch");
            verify(&flipped(&reply), &data, &parts.tsa_root)
                .exit(1)
                .says("Verification: FAILED");
            // A root of the same instance that is not the authority's.
            verify(&reply, &data, &parts.fulcio_root)
                .exit(1)
                .says("Verification: FAILED");
        }
    }
    // Who did not ask for the certificate did not get it.
    let reply = folder.join("reply-sha256-false.tsr");
    verify(&reply, &data, &parts.tsa_root, None)
        .exit(1)
        .says("Verification: FAILED");
}

/// What the authority answers to a query of openssl's.
fn stamp(data: &Path, hash: &str, carried: bool) -> Vec<u8> {
    let query = data.with_extension("tsq");
    let mut command = stage::client("openssl").expect("openssl, which this test already had");
    command.args(["ts", "-query", hash]);
    command.args(carried.then_some("-cert"));
    command.arg("-data").arg(data).arg("-out").arg(&query);
    stage::run(command).success();
    let query = fs::read(&query).expect("the query");
    let kind = [("Content-Type", "application/timestamp-query")];
    let answer = stage::http("POST", stage::shared().instance().url("tsa"), &kind, &query);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.status);
    answer.body
}
