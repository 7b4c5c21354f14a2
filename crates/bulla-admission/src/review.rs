//! `AdmissionReview`, version `admission.k8s.io/v1`: what is asked and answered.
//!
//! Only the fields that a decision needs are read; Kubernetes adds fields in
//! every release, so unknown ones are passed over here (and only here). The
//! `uid` is echoed; a review without one cannot be answered at all.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Code, Diagnose, Outcome,
    limits::{self, LimitError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::{mutate::Operation, report::DecisionRecord};

/// Bytes of the largest review: an object and its predecessor, each as large as
/// the API server stores.
pub const REVIEW_BYTES: u64 = 8 << 20;
const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";
const UID_CHARS: usize = 256;

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Names the request; echoed.
    #[serde(default)]
    pub uid: String,
    /// The kind of the object.
    pub kind: GroupKind,
    /// The subresource, `ephemeralcontainers` for one.
    #[serde(default)]
    pub sub_resource: Option<String>,
    /// The object's name, if it has one yet.
    #[serde(default)]
    pub name: Option<String>,
    /// Its namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: String,
    /// The object as it would be stored.
    #[serde(default)]
    pub object: Value,
    /// The object as it is stored now.
    #[serde(default)]
    pub old_object: Value,
    /// Whether nothing may be changed by answering.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// A kind of objects. Its version is left out: what we read has not moved since
/// the first one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupKind {
    /// The API group; empty for the core.
    #[serde(default)]
    pub group: String,
    /// The kind.
    pub kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
}

/// A review that can be answered.
#[derive(Clone, Debug)]
pub struct Review {
    /// What is asked.
    pub request: Request,
}

/// Parses a review. Fuzzed.
///
/// # Errors
/// [`ReviewError`] if it cannot be answered.
pub fn parse_review(bytes: &[u8]) -> Result<Review, ReviewError> {
    let mut value: Value = limits::parse_json(bytes, REVIEW_BYTES, KIND)?;
    let head = Head::deserialize(&value).map_err(json)?;
    if head.api_version != API_VERSION || head.kind != KIND {
        return Err(ReviewError::Kind {
            api_version: bulla_policy::text::clean(&head.api_version),
            kind: bulla_policy::text::clean(&head.kind),
        });
    }
    let request = match value.get_mut("request").map(Value::take) {
        Some(request @ Value::Object(_)) => Request::deserialize(request).map_err(json)?,
        _ => return Err(ReviewError::NoRequest),
    };
    if request.uid.is_empty() || request.uid.chars().count() > UID_CHARS {
        return Err(ReviewError::Uid);
    }
    Ok(Review { request })
}

fn json(source: serde_json::Error) -> ReviewError {
    ReviewError::Limit(LimitError::Json { what: KIND, source })
}

/// What is answered, and what came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The worst outcome of its images; `Allow` if it has none.
    pub outcome: Outcome,
    /// What to record, one for each image.
    pub records: Vec<DecisionRecord>,
    pub(crate) uid: String,
    pub(crate) message: Option<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) patch: Vec<Operation>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Answer {
    /// Why not, as `kubectl` shows it.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What the person should read although it is allowed.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Which images are pinned to which digests.
    pub fn patch(&self) -> &[Operation] {
        &self.patch
    }

    /// As the API server reads it.
    pub fn to_json(&self) -> Value {
        let response = Response {
            uid: &self.uid,
            allowed: self.outcome.is_allowed(),
            status: self.message.as_deref().map(|message| Status {
                code: 403,
                message,
                reason: "Forbidden",
                status: "Failure",
            }),
            patch: (!self.patch.is_empty())
                .then(|| serde_json::to_vec(&self.patch).ok())
                .flatten()
                .map(|patch| STANDARD.encode(patch)),
            patch_type: (!self.patch.is_empty()).then_some("JSONPatch"),
            warnings: &self.warnings,
            audit_annotations: &self.annotations,
        };
        serde_json::json!({"apiVersion": API_VERSION, "kind": KIND, "response": response})
    }
}

/// The wire form of an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    message: &'a str,
    reason: &'static str,
    status: &'static str,
}

/// Why a review cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Something else than a review.
    #[error("apiVersion {api_version:?}, kind {kind:?} is not {API_VERSION} {KIND}")]
    Kind {
        /// What it says.
        api_version: String,
        /// What it says.
        kind: String,
    },
    /// Too large, too deep, or not of the expected shape.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Nothing is asked.
    #[error("the AdmissionReview holds no request")]
    NoRequest,
    /// No uid to answer to.
    #[error("the AdmissionReview's request has no uid of 1 to {UID_CHARS} characters")]
    Uid,
}

impl Diagnose for ReviewError {
    fn code(&self) -> Code {
        match self {
            Self::Kind { .. } => Code("ADMIT-0001"),
            Self::Limit(_) => Code("ADMIT-0002"),
            Self::NoRequest => Code("ADMIT-0003"),
            Self::Uid => Code("ADMIT-0004"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("send what the API server sends; `bulla admit --help` shows how to make a review from a manifest".into())
    }
}

#[cfg(test)]
mod tests;
