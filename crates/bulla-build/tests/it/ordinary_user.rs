//! Everything once more as an ordinary user, where root runs the tests.

use crate::setup::{is_root, skip};
use std::{env, fs, os::unix::fs::PermissionsExt, process::Command};

#[test]
fn all_of_it_as_an_ordinary_user() {
    const NAME: &str = "all_of_it_as_an_ordinary_user";
    if !is_root() {
        // Then all the others just did.
        return;
    }
    // The toolchains in root's home are out of reach for others: what needs them
    // stays out.
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(env::current_exe().unwrap())
        .args([
            "--skip",
            "cargo::",
            "--skip",
            "detect::",
            "--skip",
            "fetch::",
            "--skip",
            "fetch_others::",
            "--skip",
            NAME,
            "--test-threads=2",
        ])
        .env("TMPDIR", directory.path())
        .current_dir("/")
        .output();
    let Ok(ran) = ran else {
        return skip(NAME, "setpriv is not installed");
    };
    let text = String::from_utf8_lossy(&ran.stdout);
    if ran.stdout.is_empty() {
        return skip(NAME, "the tests cannot be started as another user");
    }
    assert!(
        ran.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(!text.contains("running 0 tests"), "{text}");
}
