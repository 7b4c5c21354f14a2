//! A file and its bundles: read, bounded, judged. No connection, no runtime.

use bulla_core::{Digest, limits};
use bulla_trust::{report::Layout, sigstore::Artifact};
use std::{fs, path::PathBuf};

use super::{Candidate, Collected, Demand, Judged, Seal, Subject, judge};
use crate::failure::{Failure, OnPath, OrFail};

/// Which file, and which bundles.
#[derive(Clone, Debug)]
pub struct FileQuestion {
    /// The file, or `sha256:HEX`.
    pub file: PathBuf,
    /// Bundles about it.
    pub bundles: Vec<PathBuf>,
}

impl FileQuestion {
    /// The bundles, for a person.
    pub fn named_bundles(&self) -> String {
        let names: Vec<String> = self
            .bundles
            .iter()
            .map(|b| b.display().to_string())
            .collect();
        names.join(", ")
    }

    /// The digest, where the file is named by it and no file has that name.
    fn as_digest(&self) -> Option<Digest> {
        let text = self.file.to_str()?;
        let digest: Digest = text.parse().ok()?;
        (!self.file.exists()).then_some(digest)
    }
}

/// What is known of it.
pub struct FileAnswer {
    /// SHA-256 of the file.
    pub digest: Digest,
    /// What came out.
    pub judged: Judged,
}

/// Verifies a file.
///
/// # Errors
/// If a file cannot be read.
pub fn file(question: &FileQuestion, demand: &Demand) -> Result<FileAnswer, Failure> {
    let mut collected = Collected::default();
    for path in &question.bundles {
        let open = fs::File::open(path).on_path("read", path)?;
        let bytes = limits::read_bounded(open, limits::BUNDLE_BYTES, "bundle").or_denied()?;
        let name = path.display().to_string();
        let candidate = Candidate::new(Layout::File, name, Seal::bundle(bytes));
        collected.candidates.push(candidate);
    }
    let (digest, judged) = match question.as_digest() {
        Some(digest) => {
            let subject = Subject::File(Artifact::from(&digest), &digest);
            let judged = judge(&collected, subject, demand)?;
            (digest, judged)
        }
        None => {
            let bytes = fs::read(&question.file).on_path("read", &question.file)?;
            let digest = Digest::sha256(&bytes);
            let subject = Subject::File(Artifact::from(bytes.as_slice()), &digest);
            let judged = judge(&collected, subject, demand)?;
            (digest, judged)
        }
    };
    Ok(FileAnswer { digest, judged })
}
