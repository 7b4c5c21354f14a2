//! Dependencies: by digest from the cache, and for real where there is a network.

use crate::setup::{Project, read, skip};
use bulla_build::{BuildError, fetch::FetchError};
use bulla_core::{Diagnose, Digest};
use flate2::{Compression, write::GzEncoder};
use std::{fs, path::PathBuf, process::Command};

const RECIPE: &str = "version = 1\nname = \"user\"\n[fetch]\nlock = \"Cargo.lock\"\n\
    [[step]]\nname = \"compile\"\nrun = [\"cargo\", \"build\", \"--frozen\"]\n\
    [[step]]\nname = \"run\"\nrun = [\"sh\", \"-c\", \"target/debug/user > out\"]\n\
    [[output]]\npath = \"out\"\nto = \"/out\"\n[image]\n";

/// A `.crate` file with one function.
fn archive(name: &str, text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let manifest =
        format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    let source = format!("pub fn text() -> &'static str {{ \"{text}\" }}\n");
    for (path, body) in [("Cargo.toml", manifest), ("src/lib.rs", source)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let path = format!("{name}-1.0.0/{path}");
        builder
            .append_data(&mut header, path, body.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// A program that depends on `greet 1.0.0`, and the place of that file in the cache.
fn project(archive: &[u8]) -> Option<(Project, PathBuf)> {
    let mut project = Project::new()?;
    project.options.offline = true;
    let digest = Digest::sha256(archive);
    project.write(
        "Cargo.toml",
        "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ngreet = \"1\"\n",
    );
    project.write(
        "Cargo.lock",
        &format!(
            "version = 4\n\n[[package]]\nname = \"greet\"\nversion = \"1.0.0\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
             checksum = \"{}\"\n\n[[package]]\nname = \"user\"\nversion = \"0.1.0\"\n\
             dependencies = [\n \"greet\",\n]\n",
            digest.hex()
        ),
    );
    project.write(
        "src/main.rs",
        "fn main() { println!(\"{}\", greet::text()); }\n",
    );
    let place = project.options.cache.join("sha256").join(digest.hex());
    Some((project, place))
}

fn keep(place: &PathBuf, bytes: &[u8]) {
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
}

#[test]
fn a_cached_crate_is_used_without_network() {
    let bytes = archive("greet", "hello from afar");
    let Some((project, place)) = project(&bytes) else {
        return;
    };
    keep(&place, &bytes);
    let built = project.build(RECIPE).unwrap();
    assert_eq!(read(&built), "hello from afar\n");
    assert_eq!(built.fetched.len(), 1);
    assert_eq!(built.fetched[0].uri, "pkg:cargo/greet@1.0.0");
    assert_eq!(built.fetched[0].digest, Digest::sha256(&bytes));
    assert!(built.fetched[0].cached);
    project.assert_clean();
}

#[test]
fn a_changed_file_in_the_cache_is_not_used() {
    let Some((project, place)) = project(&archive("greet", "good")) else {
        return;
    };
    keep(&place, &archive("greet", "evil"));
    let error = project.build(RECIPE).unwrap_err();
    assert!(
        matches!(error, BuildError::Fetch(FetchError::Offline { missing: 1 })),
        "{error:?}"
    );
    assert!(!place.exists(), "the changed file stayed");
}

#[test]
fn no_lock_file_no_fetch() {
    let Some((project, _)) = project(b"") else {
        return;
    };
    fs::remove_file(project.source().join("Cargo.lock")).unwrap();
    let error = project.build(RECIPE).unwrap_err();
    assert_eq!(error.code().0, "BUILD-0046");
    assert!(error.hint().unwrap().contains("commit the lock file"));
}

#[test]
fn fetches_for_real_and_then_needs_no_network() {
    const NAME: &str = "fetches_for_real_and_then_needs_no_network";
    let Some(mut project) = Project::new() else {
        return;
    };
    project.write(
        "Cargo.toml",
        "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nitoa = \"1\"\n",
    );
    project.write(
        "src/main.rs",
        "fn main() { println!(\"{}\", itoa::Buffer::new().format(7)); }\n",
    );
    // The configuration of a source tree may name programs; it must not count.
    project.write(
        ".cargo/config.toml",
        "[registry]\nglobal-credential-providers = [\"/bin/false\"]\n",
    );
    let locked = Command::new("cargo")
        .args(["generate-lockfile", "-q"])
        .current_dir(project.source())
        .output();
    if !locked.is_ok_and(|output| output.status.success()) {
        return skip(NAME, "no cargo, or no network");
    }
    fs::remove_dir_all(project.source().join(".cargo")).unwrap();
    let first = project.build(RECIPE).unwrap();
    assert_eq!(read(&first), "7\n");
    assert!(!first.fetched[0].cached);
    project.options.offline = true;
    let second = project.build(RECIPE).unwrap();
    assert!(second.fetched[0].cached);

    // The same crate under another checksum is refused.
    let lock = fs::read_to_string(project.source().join("Cargo.lock")).unwrap();
    let line = lock
        .lines()
        .find(|line| line.starts_with("checksum"))
        .unwrap();
    let other = lock.replace(line, &format!("checksum = \"{}\"", "ab".repeat(32)));
    project.write("Cargo.lock", &other);
    project.options.offline = false;
    let error = project.build(RECIPE).unwrap_err();
    assert!(matches!(error, BuildError::Fetch(_)), "{error:?}");
    project.assert_clean();
}
