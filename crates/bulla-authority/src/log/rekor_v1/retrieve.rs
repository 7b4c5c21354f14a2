//! `POST /api/v1/log/entries/retrieve`: up to ten entries at once, by UUID, index
//! or content.

use axum::{Json, body::Bytes, extract::State};
use bulla_core::limits;
use bulla_crypto::merkle::leaf_hash;
use serde::Deserialize;
use serde_json::Value;

use super::{
    RekorV1, parse_proposed_entry,
    routes::{Failure, keyed},
};
use crate::log::rekor_v2::RequestError;

/// Entries of one request, as in Rekor.
const RETRIEVED: usize = 10;

/// What is asked for; clients send `null` for what they leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retrieve {
    #[serde(default, rename = "entryUUIDs")]
    uuids: Option<Vec<String>>,
    #[serde(default)]
    log_indexes: Option<Vec<u64>>,
    #[serde(default)]
    entries: Option<Vec<Value>>,
}

/// Reads a request.
///
/// # Errors
/// [`RequestError::Malformed`] or [`RequestError::TooMany`].
pub fn parse_retrieve(json: &[u8]) -> Result<Retrieve, RequestError> {
    let request: Retrieve = limits::parse_json(json, limits::REQUEST_BYTES, "log request")
        .map_err(|_| RequestError::Malformed)?;
    let count = request.uuids.as_ref().map_or(0, Vec::len)
        + request.log_indexes.as_ref().map_or(0, Vec::len)
        + request.entries.as_ref().map_or(0, Vec::len);
    match count <= RETRIEVED {
        true => Ok(request),
        false => Err(RequestError::TooMany),
    }
}

pub(super) async fn retrieve(
    State(rekor): State<RekorV1>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let request = parse_retrieve(&body).map_err(Failure::Request)?;
    let mut found = Vec::new();
    for index in request.log_indexes.into_iter().flatten() {
        found.extend(rekor.at(index).await.map_err(Failure::Internal)?);
    }
    let mut leaves = Vec::new();
    for uuid in request.uuids.into_iter().flatten() {
        let leaf = rekor.leaf_of(&uuid);
        leaves.push(leaf.ok_or_else(|| Failure::bad("a UUID has 64 or 80 hex digits"))?);
    }
    for entry in request.entries.into_iter().flatten() {
        let entry = parse_proposed_entry(entry.to_string().as_bytes());
        leaves.push(leaf_hash(entry.map_err(Failure::Request)?.body()));
    }
    for leaf in leaves {
        found.extend(rekor.find(leaf).await.map_err(Failure::Internal)?);
    }
    Ok(Json(found.into_iter().map(keyed).collect()))
}
