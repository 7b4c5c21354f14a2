//! `POST /api/v1/log/entries` of Rekor (`openapi.yaml` of sigstore/rekor).
//!
//! A signature over bytes is logged as `hashedrekord` 0.0.1, an envelope as
//! `dsse` 0.0.1. The answer maps one UUID to one entry; it is rewritten into the
//! form that bundles hold: hex becomes base64, numbers become texts. 409 means
//! that the entry exists: its `Location` is asked for it, on the same server.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::limits;
use bulla_crypto::Hash;
use bulla_trust::{root::LogService, sigstore::make};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::Url;

use super::{LogEntry, PATIENCE, Promise, PromisePayload, SERVICE, Signed, Submission, bad};
use crate::{
    Body,
    http::{HttpClient, Request, Response},
    service::{self, ServiceError},
};

const PATH: &str = "/api/v1/log/entries";

pub(super) async fn submit(
    http: &HttpClient,
    log: &LogService,
    submission: &Submission<'_>,
) -> Result<LogEntry, ServiceError> {
    let url = service::address(&log.url, PATH)?;
    let body = request(submission).map_err(|error| bad(log, error))?;
    let post = Request::post(url.clone(), Body::bytes(body))
        .content_type("application/json")
        .accept("application/json")
        .deadline(PATIENCE);
    let answer = http.send(post).await?;
    let answer = match answer.status() {
        StatusCode::CONFLICT => existing(http, &url, answer).await?,
        _ => answer.require(&[StatusCode::CREATED]).await?,
    };
    let uuid = answer.header(header::ETAG).map(str::to_owned);
    let json = answer.bytes(limits::SERVICE_ANSWER_BYTES, SERVICE).await?;
    parse_answer(log, uuid.as_deref(), &json)
}

/// The entry that is there already. Where it is says the log; only its own
/// entries are asked for, so that it cannot send us elsewhere.
async fn existing(
    http: &HttpClient,
    entries: &Url,
    conflict: Response,
) -> Result<Response, ServiceError> {
    let place = conflict
        .header(header::LOCATION)
        .and_then(|place| entries.join(place).ok())
        .filter(|place| {
            let below = format!("{}/", entries.path());
            place.origin() == entries.origin() && place.path().starts_with(&below)
        });
    let Some(place) = place else {
        // Says why it conflicts, in its own words.
        return Ok(conflict.require(&[StatusCode::CREATED]).await?);
    };
    let get = Request::get(place).accept("application/json");
    let answer = http.send(get.deadline(PATIENCE)).await?;
    Ok(answer.require(&[StatusCode::OK]).await?)
}

fn request(submission: &Submission<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let pem = STANDARD.encode(submission.verifier.pem());
    let (kind, spec) = match submission.signed {
        Signed::Digest { hash, digest } => {
            let hash = json!({"algorithm": name(hash), "value": hex::encode(digest)});
            let signature = json!({
                "content": STANDARD.encode(submission.signature),
                "publicKey": {"content": pem},
            });
            (
                "hashedrekord",
                json!({"data": {"hash": hash}, "signature": signature}),
            )
        }
        Signed::Envelope { envelope, .. } => {
            let content = json!({
                "envelope": serde_json::to_string(envelope)?,
                "verifiers": [pem],
            });
            ("dsse", json!({"proposedContent": content}))
        }
    };
    serde_json::to_vec(&json!({"apiVersion": "0.0.1", "kind": kind, "spec": spec}))
}

fn name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    body: String,
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: Proof,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    checkpoint: String,
    #[serde(default)]
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    api_version: String,
    kind: String,
}

/// Reads the answer of a log: the entry under `uuid` where its header named
/// one, and the only one in any case.
///
/// # Errors
/// [`ServiceError::Answer`] if it is something else.
pub fn parse_answer(
    log: &LogService,
    uuid: Option<&str>,
    json: &[u8],
) -> Result<LogEntry, ServiceError> {
    let limit = limits::SERVICE_ANSWER_BYTES;
    let answer: BTreeMap<String, Entry> =
        limits::parse_json(json, limit, "log entry").map_err(|error| bad(log, error))?;
    let mut entries = answer.into_iter();
    let (Some((key, entry)), None) = (entries.next(), entries.next()) else {
        return Err(bad(log, "not exactly one entry"));
    };
    if uuid.is_some_and(|uuid| uuid.trim_matches('"') != key) {
        return Err(bad(log, "the entry is not the one that its header names"));
    }
    let json = entry.to_bundle().map_err(|detail| bad(log, detail))?;
    let index = make::log_index(&json).map_err(|error| bad(log, error))?;
    Ok(LogEntry {
        log: log.clone(),
        json,
        index,
        promise: Some(Promise {
            signed_entry_timestamp: entry.verification.signed_entry_timestamp,
            payload: PromisePayload {
                body: entry.body,
                integrated_time: entry.integrated_time,
                log_index: entry.log_index,
                log_id: entry.log_id,
            },
        }),
    })
}

impl Entry {
    fn to_bundle(&self) -> Result<Vec<u8>, String> {
        let body = STANDARD
            .decode(&self.body)
            .map_err(|_| "its body is not base64")?;
        let kind: Kind = limits::parse_json(&body, limits::SERVICE_ANSWER_BYTES, "log entry")
            .map_err(|error| error.to_string())?;
        let proof = &self.verification.inclusion_proof;
        let hashes = proof
            .hashes
            .iter()
            .map(|hash| from_hex(hash))
            .collect::<Result<Vec<_>, _>>()?;
        let entry: Value = json!({
            "logIndex": self.log_index.to_string(),
            "logId": {"keyId": from_hex(&self.log_id)?},
            "kindVersion": {"kind": kind.kind, "version": kind.api_version},
            "integratedTime": self.integrated_time.to_string(),
            "inclusionPromise": {
                "signedEntryTimestamp": self.verification.signed_entry_timestamp,
            },
            "inclusionProof": {
                "logIndex": proof.log_index.to_string(),
                "rootHash": from_hex(&proof.root_hash)?,
                "treeSize": proof.tree_size.to_string(),
                "hashes": hashes,
                "checkpoint": {"envelope": proof.checkpoint},
            },
            "canonicalizedBody": self.body,
        });
        serde_json::to_vec(&entry).map_err(|error| error.to_string())
    }
}

/// Hex of 32 bytes as base64.
fn from_hex(text: &str) -> Result<String, &'static str> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "a hash is not 64 hex digits")?;
    Ok(STANDARD.encode(bytes))
}
