//! What a bundle says, for people and tools. Nothing here is verified.
//!
//! Reads what verification would refuse as well: whoever asks what is wrong with
//! a bundle has a wrong one. So the form is read leniently and bounded, and what
//! strict reading says is listed under `problems`. The result says `verified:
//! false`, always.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose, Digest, Statement, limits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Failure, UnverifiedBundle};

mod certificate;
mod log;
mod text;
mod timestamp;

pub use certificate::{CertificateView, PromiseView};
pub use log::{CheckpointView, LogEntryView, ProofView};
pub use timestamp::TimestampView;

/// Certificates, log entries, timestamps or subjects that are shown.
const SHOWN: usize = 32;

/// A bundle, described.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The version of this description.
    pub version: u32,
    /// `false`: nothing was verified.
    pub verified: bool,
    /// SHA-256 of the bundle's bytes.
    pub digest: Digest,
    /// The media type it gives.
    pub media_type: String,
    /// The certificates, the signer's first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateView>,
    /// Which key signed, where there is no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_hint: Option<String>,
    /// Where it is logged.
    pub log_entries: Vec<LogEntryView>,
    /// Its timestamps.
    pub timestamps: Vec<TimestampView>,
    /// What is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentView>,
    /// Why it would be refused before anything is verified.
    pub problems: Vec<Problem>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ContentView {
    /// An envelope.
    #[serde(rename_all = "camelCase")]
    DsseEnvelope {
        /// The type of the payload.
        payload_type: String,
        /// Its length in bytes.
        payload_bytes: usize,
        /// How many signatures it has.
        signatures: usize,
        /// The payload, where it is a statement.
        #[serde(skip_serializing_if = "Option::is_none")]
        statement: Option<StatementView>,
    },
    /// A signature over an artifact.
    #[serde(rename_all = "camelCase")]
    MessageSignature {
        /// The digest it gives, `algorithm:hex`.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        /// The length of the signature in bytes.
        signature_bytes: usize,
    },
}

/// A statement, described.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementView {
    /// Its version.
    pub kind: String,
    /// What is said.
    pub predicate_type: String,
    /// What it is about: `name algorithm:hex`.
    pub subjects: Vec<String>,
    /// How many subjects there are.
    pub subject_count: usize,
}

/// Something that is wrong with the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The code of the rejection that it would be.
    pub code: Code,
    /// What it is.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    #[serde(default)]
    verification_material: Material,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<DsseEnvelope>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<Bytes>,
    x509_certificate_chain: Option<Chain>,
    public_key: Option<Hint>,
    #[serde(default)]
    tlog_entries: Vec<Value>,
    #[serde(default)]
    timestamp_verification_data: Timestamps,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bytes {
    raw_bytes: String,
}

#[derive(Deserialize)]
struct Chain {
    #[serde(default)]
    certificates: Vec<Bytes>,
}

#[derive(Deserialize)]
struct Hint {
    #[serde(default)]
    hint: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<SignedTimestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedTimestamp {
    signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    #[serde(default)]
    signature: String,
}

#[derive(Deserialize)]
struct MessageDigest {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseEnvelope {
    #[serde(default)]
    payload: String,
    #[serde(default)]
    payload_type: String,
    #[serde(default)]
    signatures: Vec<Value>,
}

/// Describes a bundle.
///
/// # Errors
/// [`Failure::Limit`] or [`Failure::Malformed`] if it is too large or no bundle
/// at all; whatever else is wrong is told in the description.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Failure> {
    let wire: Wire =
        limits::parse_json(bytes, limits::BUNDLE_BYTES, "bundle").map_err(|error| match error {
            limits::LimitError::Json { source, .. } => Failure::Malformed {
                detail: source.to_string(),
            },
            other => Failure::Limit(other),
        })?;
    let mut problems = Vec::new();
    if let Err(failure) = UnverifiedBundle::parse(bytes) {
        problems.push(Problem {
            code: failure.code(),
            text: failure.to_string(),
        });
    }
    let material = wire.verification_material;
    let chain = material
        .x509_certificate_chain
        .map(|chain| chain.certificates);
    let certificates: Vec<Bytes> = match material.certificate {
        Some(leaf) => vec![leaf],
        None => chain.unwrap_or_default(),
    };
    let stamps = material.timestamp_verification_data.rfc3161_timestamps;
    Ok(Inspection {
        version: 1,
        verified: false,
        digest: Digest::sha256(bytes),
        media_type: wire.media_type,
        certificates: shown(&certificates, |c| {
            CertificateView::of(&decode(&c.raw_bytes))
        }),
        key_hint: material.public_key.map(|key| key.hint),
        log_entries: shown(&material.tlog_entries, LogEntryView::of),
        timestamps: shown(&stamps, |s| TimestampView::of(&decode(&s.signed_timestamp))),
        content: match (wire.dsse_envelope, wire.message_signature) {
            (Some(envelope), _) => Some(envelope.view()),
            (None, Some(signature)) => Some(signature.view()),
            (None, None) => None,
        },
        problems,
    })
}

impl DsseEnvelope {
    fn view(self) -> ContentView {
        let payload = decode(&self.payload);
        ContentView::DsseEnvelope {
            statement: Statement::parse(&payload)
                .ok()
                .map(|s| StatementView::of(&s)),
            payload_type: self.payload_type,
            payload_bytes: payload.len(),
            signatures: self.signatures.len(),
        }
    }
}

impl MessageSignature {
    fn view(self) -> ContentView {
        let digest = self.message_digest.map(|digest| {
            let algorithm = match digest.algorithm.as_str() {
                "SHA2_256" => "sha256",
                "SHA2_384" => "sha384",
                "SHA2_512" => "sha512",
                other => other,
            };
            format!("{algorithm}:{}", hex::encode(decode(&digest.digest)))
        });
        ContentView::MessageSignature {
            digest,
            signature_bytes: decode(&self.signature).len(),
        }
    }
}

impl StatementView {
    fn of(statement: &Statement) -> Self {
        let subject = |subject: &bulla_core::Subject| {
            let digests: Vec<String> = subject
                .digest
                .iter()
                .map(|(algorithm, hex)| format!("{algorithm}:{hex}"))
                .collect();
            format!("{} {}", subject.name, digests.join(" "))
                .trim()
                .to_owned()
        };
        Self {
            kind: statement.kind.clone(),
            predicate_type: statement.predicate_type.clone(),
            subjects: shown(&statement.subject, subject),
            subject_count: statement.subject.len(),
        }
    }
}

fn shown<T, V>(all: &[T], view: impl Fn(&T) -> V) -> Vec<V> {
    all.iter().take(SHOWN).map(view).collect()
}

/// The bytes of a base64 text; none where it is none, which strict reading tells.
fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_default()
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
