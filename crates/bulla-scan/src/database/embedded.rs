//! The small database inside the program: crates.io, Go and PyPI, facts alone.
//!
//! The file beside it is made by [`build_embedded`] (`cargo xtask gen`) and
//! committed; its sources, their licences and their dates are in `data/README.md`.

use std::path::Path;

use super::{Builder, DatabaseError, import::osv};

/// The committed file.
pub(super) const BYTES: &[u8] = include_bytes!("../../data/advisories.bulladb");

/// Makes the bytes of the embedded database from OSV archives or folders.
///
/// # Errors
/// If a source cannot be read.
pub fn build_embedded(paths: &[&Path]) -> Result<Vec<u8>, DatabaseError> {
    let mut builder = Builder::new();
    for path in paths {
        osv::import(path, &mut builder)?;
    }
    builder.build("embedded")?.to_bytes()
}
