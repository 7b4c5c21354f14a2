//! Where tests find the shared data, and how they say that it is missing.

use std::path::PathBuf;

/// A file or folder of the shared data; `None` (said aloud) if it is absent.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BULLA_SUITES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let found = [
        root.join("data").join(path),
        root.join("../data").join(path),
    ]
    .into_iter()
    .find(|p| p.exists());
    if found.is_none() {
        println!("SKIP {path}: the shared data is not here; set BULLA_SUITES");
        assert!(
            std::env::var_os("BULLA_NO_SKIP").is_none_or(|v| v != "1"),
            "{path} may not be skipped"
        );
    }
    found
}

/// The three archives of which the embedded database is made.
pub(crate) fn osv_archives() -> Option<[PathBuf; 3]> {
    Some([
        data("osv/crates.io/all.zip")?,
        data("osv/Go/all.zip")?,
        data("osv/PyPI/all.zip")?,
    ])
}
