//! The paths of Rekor v1.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bulla_core::limits;
use bulla_crypto::{checkpoint::parse_checkpoint, merkle::leaf_hash, note::parse_note};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{LogEntryV1, RekorV1, parse_proposed_entry};
use crate::{error::AuthorityError, log::rekor_v2::RequestError};

/// Entries of one `retrieve`, as in Rekor.
const RETRIEVED: usize = 10;

impl RekorV1 {
    /// `/api/v1/log…`
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/v1/log/entries", post(create).get(by_index))
            .route("/api/v1/log/entries/retrieve", post(retrieve))
            .route("/api/v1/log/entries/{uuid}", get(by_uuid))
            .route("/api/v1/log/publicKey", get(public_key))
            .route("/api/v1/log", get(state))
            .with_state(self)
    }
}

/// `{code, message}`, as go-openapi servers answer.
enum Failure {
    Internal(AuthorityError),
    NotFound,
    Request(RequestError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Internal(error) => {
                tracing::error!(%error, "rekor v1");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the log failed".to_owned(),
                )
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "entry not found".to_owned()),
            Self::Request(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        };
        (
            status,
            Json(json!({"code": status.as_u16(), "message": message})),
        )
            .into_response()
    }
}

fn keyed(entry: LogEntryV1) -> Value {
    Value::Object(Map::from_iter([(entry.uuid, entry.entry)]))
}

async fn create(State(rekor): State<RekorV1>, body: Bytes) -> Result<Response, Failure> {
    let entry = parse_proposed_entry(&body).map_err(Failure::Request)?;
    let added = rekor.add(&entry).await.map_err(Failure::Internal)?;
    let headers = [
        // Clients take it as the key into the answer: no quotes.
        (header::ETAG, added.uuid.clone()),
        (
            header::LOCATION,
            format!("/api/v1/log/entries/{}", added.uuid),
        ),
    ];
    Ok((StatusCode::CREATED, headers, Json(keyed(added))).into_response())
}

#[derive(Deserialize)]
struct ByIndex {
    #[serde(rename = "logIndex")]
    index: u64,
}

async fn by_index(
    State(rekor): State<RekorV1>,
    Query(ByIndex { index }): Query<ByIndex>,
) -> Result<Json<Value>, Failure> {
    let found = rekor.at(index).await.map_err(Failure::Internal)?;
    found
        .map(|entry| Json(keyed(entry)))
        .ok_or(Failure::NotFound)
}

async fn by_uuid(
    State(rekor): State<RekorV1>,
    Path(uuid): Path<String>,
) -> Result<Json<Value>, Failure> {
    let leaf = rekor.leaf_of(&uuid).ok_or(Failure::NotFound)?;
    let found = rekor.find(leaf).await.map_err(Failure::Internal)?;
    found
        .map(|entry| Json(keyed(entry)))
        .ok_or(Failure::NotFound)
}

impl RekorV1 {
    /// The leaf hash in a UUID, with or without this tree's id before it.
    fn leaf_of(&self, uuid: &str) -> Option<[u8; 32]> {
        let tree = format!("{:016x}", self.tree_id);
        let hash = uuid
            .strip_prefix(&tree)
            .filter(|rest| rest.len() == 64)
            .unwrap_or(uuid);
        hex::decode(hash).ok()?.try_into().ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retrieve {
    #[serde(default, rename = "entryUUIDs")]
    uuids: Option<Vec<String>>,
    #[serde(default)]
    log_indexes: Option<Vec<u64>>,
    #[serde(default)]
    entries: Option<Vec<Value>>,
}

async fn retrieve(State(rekor): State<RekorV1>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: Retrieve = limits::parse_json(&body, limits::REQUEST_BYTES, "log request")
        .map_err(|_| Failure::Request(RequestError::Malformed))?;
    let (uuids, indexes, entries) = (
        request.uuids.unwrap_or_default(),
        request.log_indexes.unwrap_or_default(),
        request.entries.unwrap_or_default(),
    );
    if uuids.len() + indexes.len() + entries.len() > RETRIEVED {
        return Err(Failure::Request(RequestError::TooMany));
    }
    let mut found = Vec::new();
    for index in indexes {
        found.extend(rekor.at(index).await.map_err(Failure::Internal)?);
    }
    let mut leaves: Vec<_> = uuids
        .iter()
        .filter_map(|uuid| rekor.leaf_of(uuid))
        .collect();
    for entry in entries {
        let entry = parse_proposed_entry(entry.to_string().as_bytes());
        leaves.push(leaf_hash(entry.map_err(Failure::Request)?.body()));
    }
    for leaf in leaves {
        found.extend(rekor.find(leaf).await.map_err(Failure::Internal)?);
    }
    Ok(Json(found.into_iter().map(keyed).collect()))
}

async fn public_key(State(rekor): State<RekorV1>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/x-pem-file")];
    (headers, rekor.key.public().to_pem()).into_response()
}

async fn state(State(rekor): State<RekorV1>) -> Result<Json<Value>, Failure> {
    let signed = rekor.log.checkpoint();
    let note = parse_note(signed.as_bytes()).map_err(|e| Failure::Internal(e.into()))?;
    let head = parse_checkpoint(note.text.as_bytes()).map_err(|e| Failure::Internal(e.into()))?;
    Ok(Json(json!({
        "inactiveShards": [],
        "rootHash": hex::encode(head.root),
        "signedTreeHead": &*signed,
        "treeID": rekor.tree_id.to_string(),
        "treeSize": head.size,
    })))
}
