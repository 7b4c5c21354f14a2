//! python-tuf, the reference client, follows our TUF repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bulla_testkit::{Outcome, require, skip};
use serde_json::Value;

use super::stage;

const FOLLOW: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/interop/python_tuf.py"
);

/// The Python of sigstore-python, which brings python-tuf; `None` after saying `SKIP`.
#[track_caller]
fn python() -> Option<PathBuf> {
    let python = require("sigstore")?.with_file_name("python");
    let found = python.is_file().then_some(python);
    if found.is_none() {
        skip("no python beside sigstore: it is not from cargo xtask peers");
    }
    found
}

fn follow(python: &Path, root: &Path, folder: &Path, targets: &[&str]) -> Outcome {
    let mut command = stage::world().command(python);
    command
        .arg(FOLLOW)
        .arg(stage::shared().instance().url("tuf"))
        .arg(root)
        .arg(folder)
        .args(targets);
    stage::run(command)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("a document")
}

#[test]
fn python_tuf_fetches_the_trust_documents() {
    let Some(python) = python() else {
        return;
    };
    let folder = stage::shared().folder("python-tuf");
    let instance = stage::shared().instance();
    let (root, kept) = (instance.path("tuf_root"), folder.join("kept"));
    let names = ["trusted_root.json", "signing_config.v0.2.json"];
    follow(&python, &root, &kept, &names).success();
    for (name, ours) in names.into_iter().zip(["trusted_root", "signing_config"]) {
        assert_eq!(
            json(&kept.join("targets").join(name)),
            json(&instance.path(ours))
        );
    }
    // With what it has kept it comes again; what is not there is not there.
    follow(&python, &root, &kept, &["trusted_root.json"]).success();
    follow(&python, &root, &kept, &["nothing.json"]).exit(3);

    let mut other = json(&root);
    let signature = &mut other["signatures"][0]["sig"];
    let twin: String = signature
        .as_str()
        .expect("a signature")
        .chars()
        .rev()
        .collect();
    *signature = twin.into();
    let path = folder.join("other-root.json");
    fs::write(&path, other.to_string()).expect("a file");
    follow(&python, &path, &folder.join("other"), &names)
        .exit(1)
        .says("UnsignedMetadataError");
}
