//! Pinning: a JSON Patch (RFC 6902) that puts the judged digest where a tag stood.
//!
//! The tag is left out: some runtimes refuse a reference with both, and the
//! digest is what was judged.

use bulla_core::{Digest, Reference};
use serde::Serialize;

/// One operation of a JSON Patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    op: &'static str,
    path: String,
    value: String,
}

impl Operation {
    /// Replaces the text at `pointer` by `image` at `digest`; `None` if it says
    /// exactly that already.
    pub fn pin(pointer: &str, text: &str, image: &Reference, digest: &Digest) -> Option<Self> {
        let value = image.by_digest(digest.clone()).to_string();
        (value != text).then(|| Self {
            op: "replace",
            path: pointer.to_owned(),
            value,
        })
    }

    /// Where.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The pinned reference.
    pub fn value(&self) -> &str {
        &self.value
    }
}
