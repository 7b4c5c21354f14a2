//! in-toto statements: subjects and a predicate about them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    digest::Digest,
    limits::{self, LimitError},
    subject::Subject,
};

/// Predicate types bulla knows.
pub mod predicate_type {
    /// SLSA provenance, version 1.
    pub const SLSA_PROVENANCE_V1: &str = "https://slsa.dev/provenance/v1";
    /// What `cosign sign` writes for an image.
    pub const COSIGN_SIGN_V1: &str = "https://sigstore.dev/cosign/sign/v1";
    /// A CycloneDX document.
    pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
    /// An SPDX document.
    pub const SPDX: &str = "https://spdx.dev/Document";
    /// A vulnerability scan (in-toto vulns, version 0.2).
    pub const VULNS_V02: &str = "https://in-toto.io/attestation/vulns/v0.2";
    /// An OpenVEX document.
    pub const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
    /// A SLSA verification summary.
    pub const VSA_V1: &str = "https://slsa.dev/verification_summary/v1";
}

/// The type of a version 1 statement.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The type of a version 0.1 statement, still read.
pub const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// A statement, parsed and not verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_V1`] or [`STATEMENT_V01`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What is said.
    pub predicate_type: String,
    /// The saying itself.
    #[serde(default)]
    pub predicate: Value,
}

impl Statement {
    /// A version 1 statement.
    pub fn new(subject: Vec<Subject>, predicate_type: impl Into<String>, predicate: Value) -> Self {
        Self {
            kind: STATEMENT_V1.into(),
            subject,
            predicate_type: predicate_type.into(),
            predicate,
        }
    }

    /// Parses the payload of an envelope, version 1 or 0.1. Members that are there
    /// twice are refused; digests are kept as they are written, so that only
    /// lower-case hex ever equals an artifact's.
    ///
    /// # Errors
    /// If it is too large, too deep, not a statement, of an unknown version, or
    /// about more than [`limits::SUBJECTS`] subjects.
    pub fn parse(payload: &[u8]) -> Result<Self, LimitError> {
        let statement: Self = limits::parse_json(payload, limits::BUNDLE_BYTES, "statement")?;
        if statement.kind != STATEMENT_V1 && statement.kind != STATEMENT_V01 {
            let source = serde::de::Error::custom(format!("unknown _type {:?}", statement.kind));
            return Err(LimitError::Json {
                what: "statement",
                source,
            });
        }
        if statement.subject.len() > limits::SUBJECTS {
            return Err(LimitError::Count {
                what: "subjects of a statement",
                limit: limits::SUBJECTS,
            });
        }
        Ok(statement)
    }

    /// Whether one of its subjects is that artifact.
    pub fn is_about(&self, digest: &Digest) -> bool {
        self.subject.iter().any(|subject| subject.is(digest))
    }
}

#[cfg(test)]
mod tests;
