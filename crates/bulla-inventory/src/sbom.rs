//! Inventories as documents that others read: CycloneDX 1.6, SPDX 2.3.
//!
//! Writing is deterministic: the same inventory, subject and time give the same
//! bytes, and serial number and namespace are derived from the content. Reading
//! takes documents of any tool, within bounds.

use bulla_core::{Digest, canonical_json};
use jiff::Timestamp;
use serde_json::Value;

pub mod cyclonedx16;
mod read;
pub mod spdx23;

pub use read::{SbomError, read};

/// The name of the program in the documents it writes.
pub(crate) const TOOL: &str = "bulla";
/// Its version.
pub(crate) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a document is about, and when it is written.
#[derive(Clone, Debug)]
pub struct About {
    /// The artifact's name: a repository, a folder.
    pub name: String,
    /// Digest of the image manifest, or of the source tree.
    pub digest: Digest,
    /// What kind of thing it is.
    pub kind: SubjectKind,
    /// When the document is written; cut to whole seconds.
    pub created: Timestamp,
}

/// What kind of thing a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A container image.
    Image,
    /// A source tree or directory.
    Source,
}

/// The bytes of a document: canonical JSON (RFC 8785), so that equal documents
/// have equal digests.
///
/// # Errors
/// If a value cannot be written as JSON, which no document of ours holds.
pub fn to_bytes(document: &Value) -> Result<Vec<u8>, serde_json::Error> {
    canonical_json::jcs(document)
}

/// RFC 3339 in whole seconds, as both formats want it.
fn written(created: Timestamp) -> String {
    Timestamp::from_second(created.as_second())
        .unwrap_or(created)
        .to_string()
}

/// A UUID (version 8, RFC 9562) from the content of a document.
fn uuid_of(document: &Value) -> String {
    let text = canonical_json::jcs(document).unwrap_or_default();
    let digest = Digest::sha256(&text);
    let hex = digest.hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests;
