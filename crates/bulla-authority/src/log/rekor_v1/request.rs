//! Proposed entries: read, verified, and brought into the form that is logged.
//!
//! The kinds that clients of Sigstore send: hashedrekord 0.0.1, dsse 0.0.1,
//! intoto 0.0.1 and 0.0.2, rfc3161 0.0.1. What is logged is byte for byte what
//! Rekor logs for the same request. Keys come inside the request, never by URL
//! (rule R8); nothing is decompressed (rule R4).

mod dsse;
mod hashedrekord;
mod intoto;
mod rfc3161;
mod verifier;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Statement, canonical_json, limits};
use bulla_crypto::{Hash, Scheme, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{http::base64, log::rekor_v2::RequestError};

pub(super) use verifier::Verifier;

/// Signatures of one envelope that are looked at.
const MAX_SIGNATURES: usize = 8;
/// Digests of a statement's subjects that are kept for the search.
const MAX_SUBJECTS: usize = 64;
/// Longest digest of a subject that is kept: SHA-512 in hex, with its name.
const MAX_SUBJECT_BYTES: usize = 160;

/// An entry whose signatures have been verified, as its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryV1 {
    body: Vec<u8>,
    subjects: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proposed {
    kind: String,
    api_version: String,
    spec: Value,
}

/// Reads a proposed entry, verifies its signatures and gives the entry to be logged.
///
/// # Errors
/// [`RequestError`] that says what is wrong with it.
pub fn parse_proposed_entry(json: &[u8]) -> Result<EntryV1, RequestError> {
    let proposed: Proposed = limits::parse_json(json, limits::REQUEST_BYTES, "log request")
        .map_err(|_| RequestError::Malformed)?;
    proposed.entry()
}

impl Proposed {
    fn entry(self) -> Result<EntryV1, RequestError> {
        let Self {
            kind,
            api_version,
            spec,
        } = self;
        let content = match (kind.as_str(), api_version.as_str()) {
            ("hashedrekord", "0.0.1") => hashedrekord::content(read(spec)?)?,
            ("dsse", "0.0.1") => dsse::content(read(spec)?)?,
            ("intoto", "0.0.1") => intoto::content_v001(read(spec)?)?,
            ("intoto", "0.0.2") => intoto::content_v002(read(spec)?)?,
            ("rfc3161", "0.0.1") => rfc3161::content(read(spec)?)?,
            _ => return Err(RequestError::Kind),
        };
        let body =
            canonical(&json!({"apiVersion": api_version, "kind": kind, "spec": content.spec}))?;
        Ok(EntryV1 {
            body,
            subjects: content.subjects,
        })
    }
}

impl EntryV1 {
    /// RFC 8785 JSON: the leaf.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// `algorithm:hex` of what a logged statement is about: not part of the leaf.
    pub fn subjects(&self) -> &[String] {
        &self.subjects
    }

    /// The first entry of a new log, by a key that is thrown away.
    pub(super) fn genesis(tree_id: u64) -> Result<Self, crate::error::AuthorityError> {
        let text = format!("genesis entry of the transparency log tree {tree_id}\n");
        let throwaway = SigningKey::generate(Scheme::EcdsaP256)?;
        let request = json!({
            "kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
                "data": {"hash": {
                    "algorithm": "sha256",
                    "value": hex::encode(Hash::Sha256.digest(text.as_bytes())),
                }},
                "signature": {
                    "content": STANDARD.encode(throwaway.sign(text.as_bytes())?),
                    "publicKey": {"content": STANDARD.encode(throwaway.public().to_pem())},
                },
            },
        });
        Ok(parse_proposed_entry(request.to_string().as_bytes())?)
    }
}

/// What an entry says, and what its statement is about.
struct Content {
    spec: Value,
    subjects: Vec<String>,
}

impl Content {
    fn of(spec: Value) -> Self {
        Self {
            spec,
            subjects: Vec::new(),
        }
    }

    /// With the digests of what `payload` is about, if it is a statement: a
    /// search finds the entry by them, though they are not logged.
    fn about(spec: Value, payload_type: &str, payload: &[u8]) -> Self {
        let statement = (payload_type == "application/vnd.in-toto+json")
            .then(|| Statement::parse(payload).ok())
            .flatten();
        let digests = statement
            .into_iter()
            .flat_map(|statement| statement.subject);
        let digests = digests.flat_map(|subject| subject.digest);
        let plain = |text: &String| {
            text.len() <= MAX_SUBJECT_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let subjects = digests.map(|(algorithm, value)| format!("{algorithm}:{value}"));
        Self {
            spec,
            subjects: subjects.filter(plain).take(MAX_SUBJECTS).collect(),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(spec: Value) -> Result<T, RequestError> {
    serde_json::from_value(spec).map_err(|_| RequestError::Malformed)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, RequestError> {
    base64(text)
        .filter(|bytes| !bytes.is_empty())
        .ok_or(RequestError::Malformed)
}

/// The SHA-256 of `bytes` as Rekor writes hashes.
fn sha256(bytes: &[u8]) -> Value {
    json!({"algorithm": "sha256", "value": hex::encode(Hash::Sha256.digest(bytes))})
}

fn canonical(body: &Value) -> Result<Vec<u8>, RequestError> {
    let bytes = canonical_json::jcs(body).map_err(|_| RequestError::Malformed)?;
    if bytes.len() > limits::LOG_LEAF_BYTES {
        return Err(RequestError::TooLarge);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
