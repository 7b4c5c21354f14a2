//! Our own policy document: `policy.bulla.dev/v1alpha1`, kind `ArtifactPolicy`.
//!
//! Shaped like Sigstore's ClusterImagePolicy (`spec.images[].glob`, `spec.mode`,
//! `spec.authorities[].keyless`), with typed rules in place of CUE and Rego, and
//! a trust root in every authority. YAML or JSON; an unknown field, a second
//! document or a name that nothing defines is an error with its line (rule R15).
//! CEL conditions are not part of this version: the engine has no cost limit yet
//! (rule R17).

mod render;
mod resolve;

use bulla_core::{Code, Diagnose, limits};
use serde::{Deserialize, Serialize};

use crate::{
    InstanceNames,
    ir::{self, Mode, Policy},
    pattern::{ImagePattern, SubjectPattern},
    text::{clean, one_line},
};

pub(crate) use render::render;

/// The version this reads.
pub const API_VERSION: &str = "policy.bulla.dev/v1alpha1";
/// The kind this reads.
pub const KIND: &str = "ArtifactPolicy";
/// Bytes of the largest document.
pub const DOCUMENT_BYTES: u64 = 1 << 20;

const _: () = assert!(DOCUMENT_BYTES <= limits::TRUST_DOCUMENT_BYTES);

impl Policy {
    /// Parses a document. `instance` fills in what the document leaves to it.
    ///
    /// # Errors
    /// [`PolicyError`], with the line where there is one.
    pub fn parse(bytes: &[u8], instance: Option<&InstanceNames>) -> Result<Self, PolicyError> {
        resolve::resolve(parse_document(bytes)?, instance).map_err(|error| error.at_line_of(bytes))
    }

    /// The policy that holds when no other is given.
    ///
    /// # Errors
    /// Never for well-formed names; a registry or issuer that is empty is refused.
    pub fn embedded_default(instance: &InstanceNames) -> Result<Self, PolicyError> {
        Self::parse(EMBEDDED_DEFAULT.as_bytes(), Some(instance))
    }
}

/// The text of the default policy, for `bulla` to show or to start from.
pub const EMBEDDED_DEFAULT: &str = include_str!("default.yaml");

/// Parses a document without resolving names in it. Fuzzed.
///
/// # Errors
/// [`PolicyError`].
pub fn parse_document(bytes: &[u8]) -> Result<Document, PolicyError> {
    if bytes.len() as u64 > DOCUMENT_BYTES {
        return Err(PolicyError::Size);
    }
    let starts_as_json = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let document: Document = if starts_as_json {
        limits::parse_json(bytes, DOCUMENT_BYTES, "the policy").map_err(|error| {
            PolicyError::Syntax {
                place: String::new(),
                message: clean(&error.to_string()),
            }
        })?
    } else {
        if flow_depth(bytes) > limits::JSON_DEPTH {
            return Err(PolicyError::Syntax {
                place: String::new(),
                message: format!("nested deeper than {} levels", limits::JSON_DEPTH),
            });
        }
        yaml_serde::from_slice(bytes).map_err(|error| PolicyError::Syntax {
            place: error
                .location()
                .map(|at| format!("line {}, column {}: ", at.line(), at.column()))
                .unwrap_or_default(),
            message: one_line(&without_place(&error.to_string())),
        })?
    };
    if document.api_version != API_VERSION || document.kind != KIND {
        return Err(PolicyError::Kind {
            api_version: clean(&document.api_version),
            kind: clean(&document.kind),
        });
    }
    Ok(document)
}

/// The deepest nesting of brackets in YAML, comments left out: the reader takes
/// quadratic time over them, so they are counted before it starts.
fn flow_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut comment, mut before) = (0usize, 0usize, false, b'\n');
    for &byte in bytes {
        match byte {
            b'\n' => comment = false,
            _ if comment => {}
            b'#' if before.is_ascii_whitespace() => comment = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = byte;
    }
    deepest
}

/// yaml_serde repeats the place at the end of its message.
fn without_place(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(at) => message.get(..at).unwrap_or(message).to_owned(),
        None => message.to_owned(),
    }
}

/// A policy document as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    mode: Mode,
    images: Vec<Image>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<AuthorityEntry>,
    rules: Vec<RuleEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Image {
    glob: ImagePattern,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthorityEntry {
    name: String,
    keyless: Keyless,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Keyless {
    root: String,
    identities: Vec<IdentityEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityEntry {
    issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject_pattern: Option<SubjectPattern>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleEntry {
    name: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attestation: Option<ir::Attestation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coverage: Option<ir::Coverage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    findings: Option<ir::Findings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    isolation: Option<ir::Isolation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<ir::Provenance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<ir::Registry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sbom: Option<ir::Sbom>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<ir::Signature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<ir::Source>,
}

/// Why a policy was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It contradicts itself or names what it does not define.
    #[error("policy: {place}{message}")]
    Contradiction {
        /// `line N: `, where known.
        place: String,
        /// What is wrong.
        message: String,
        /// The value it is about, to find the line by.
        value: String,
    },
    /// It names the local instance, and there is none.
    #[error("policy: {place}{value:?} stands for the local instance, and none is open here")]
    Instance {
        /// `line N: `, where known.
        place: String,
        /// The name.
        value: String,
    },
    /// Another version or kind.
    #[error(
        "policy: apiVersion {api_version:?}, kind {kind:?} is not known here; {API_VERSION}, {KIND} is"
    )]
    Kind {
        /// What it says.
        api_version: String,
        /// What it says.
        kind: String,
    },
    /// Too large.
    #[error("policy: larger than {DOCUMENT_BYTES} bytes")]
    Size,
    /// Neither YAML nor JSON of the expected shape.
    #[error("policy: {place}{message}")]
    Syntax {
        /// `line N, column M: `, where known.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl PolicyError {
    fn contradiction(value: &str, message: impl Into<String>) -> Self {
        Self::Contradiction {
            place: String::new(),
            message: message.into(),
            value: value.to_owned(),
        }
    }

    /// Adds the line on which the value stands, if there is exactly one.
    fn at_line_of(mut self, bytes: &[u8]) -> Self {
        if let Self::Contradiction { place, value, .. } | Self::Instance { place, value } =
            &mut self
            && !value.is_empty()
        {
            let text = String::from_utf8_lossy(bytes);
            let mut lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| holds_word(line, value));
            if let (Some((index, _)), None) = (lines.next(), lines.next()) {
                *place = format!("line {}: ", index + 1);
            }
        }
        self
    }
}

/// Whether `word` stands in `line` with no word character beside it.
fn holds_word(line: &str, word: &str) -> bool {
    let beside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "-_/.@".contains(c));
    line.match_indices(word).any(|(at, found)| {
        let (before, rest) = line.split_at(at);
        !beside(before.chars().next_back())
            && !beside(rest.get(found.len()..).and_then(|r| r.chars().next()))
    })
}

impl Diagnose for PolicyError {
    fn code(&self) -> Code {
        match self {
            Self::Syntax { .. } => Code("POLICY-0001"),
            Self::Size => Code("POLICY-0002"),
            Self::Kind { .. } => Code("POLICY-0003"),
            Self::Contradiction { .. } => Code("POLICY-0004"),
            Self::Instance { .. } => Code("POLICY-0005"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Instance { .. } => Some(
                "start one with `bulla up`, or write the root's sha256 from `bulla trust show` in its place".into(),
            ),
            _ => Some("correct the file that --policy names, or leave --policy out to use the default".into()),
        }
    }
}

#[cfg(test)]
mod tests;
