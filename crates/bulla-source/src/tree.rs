//! The SHA-256 digest of a tree of files, which stands beside git's SHA-1 ids.
//!
//! Canonical form, version 1: for each file and symbolic link one line
//! `MODE SP PATH NUL HEX LF`, where MODE is `100644`, `100755` or `120000`, PATH
//! is relative to the exported folder with `/` between names, and HEX is the
//! lower-case SHA-256 of the file's bytes (of a link: of its target). Lines are
//! sorted by the bytes of PATH; the digest is the SHA-256 of all lines. Folders
//! do not appear. As PATH holds no NUL and HEX has 64 digits, no two trees share
//! a form.

use bulla_core::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What a file is, as git stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A program or script: `100755`.
    Executable,
    /// A plain file: `100644`.
    File,
    /// A symbolic link: `120000`.
    Link,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Executable => "100755",
            Self::File => "100644",
            Self::Link => "120000",
        })
    }
}

/// Collects the lines of the canonical form, in any order.
#[derive(Clone, Debug, Default)]
pub struct TreeDigest {
    lines: Vec<(Vec<u8>, Mode, String)>,
}

impl TreeDigest {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one file or link with the SHA-256 of its contents.
    pub fn add(&mut self, path: &[u8], mode: Mode, sha256: &Digest) {
        self.lines
            .push((path.to_vec(), mode, sha256.hex().to_owned()));
    }

    /// The digest of the canonical form.
    pub fn finish(mut self) -> Digest {
        self.lines.sort();
        let mut state = Sha256::new();
        for (path, mode, hex) in &self.lines {
            state.update(mode.to_string());
            state.update(b" ");
            state.update(path);
            state.update(b"\0");
            state.update(hex);
            state.update(b"\n");
        }
        Digest::from_sha256(state.finalize().into())
    }
}
