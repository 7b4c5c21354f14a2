//! Where tests find the shared suites, and how they say that they are missing.

use std::path::{Path, PathBuf};

/// A folder below the shared suites; `None` (said aloud) if they are absent.
pub(crate) fn suite(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BULLA_SUITES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let found = [root.join("suites").join(path), root.join(path)]
        .into_iter()
        .find(|p| p.exists());
    if found.is_none() {
        skip(path, "the shared suites are not here; set BULLA_SUITES");
    }
    found
}

/// Says that a test lacks something; fails where skipping is forbidden.
pub(crate) fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    assert!(
        std::env::var_os("BULLA_NO_SKIP").is_none_or(|v| v != "1"),
        "{name} may not be skipped: {reason}"
    );
}

/// All files with that extension, sorted.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
