//! The paths of Rekor v1, and how its errors read.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{LogEntryV1, RekorV1, consistency, index, parse_proposed_entry, retrieve};
use crate::{error::AuthorityError, log::rekor_v2::RequestError, search::SearchError};

impl RekorV1 {
    /// `/api/v1/log…` and `/api/v1/index…`
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/v1/log/entries", post(create).get(by_index))
            .route("/api/v1/log/entries/retrieve", post(retrieve::retrieve))
            .route("/api/v1/log/entries/{uuid}", get(by_uuid))
            .route("/api/v1/log/publicKey", get(public_key))
            .route("/api/v1/log/proof", get(consistency::proof))
            .route("/api/v1/log", get(state))
            .route("/api/v1/index/retrieve", post(index::retrieve))
            .with_state(self)
    }
}

/// `{code, message}`, as go-openapi servers answer.
pub(super) enum Failure {
    Internal(AuthorityError),
    Invalid(String),
    NoIndex,
    NotFound,
    ReadOnly,
    Request(RequestError),
    Search(SearchError),
}

impl Failure {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Internal(
                AuthorityError::LogUnavailable { .. } | AuthorityError::NotLeading { .. },
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) | Self::Search(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Request(RequestError::TooMany) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Invalid(_) | Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::NoIndex => StatusCode::NOT_IMPLEMENTED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::ReadOnly => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn message(self) -> String {
        match self {
            Self::Internal(_) | Self::Search(_) => "the log failed".into(),
            Self::Invalid(message) => message,
            Self::NoIndex => "Search Index API not enabled in this Rekor instance".into(),
            Self::NotFound => "entry not found".into(),
            Self::ReadOnly => "This log has been frozen, please switch to the latest log.".into(),
            Self::Request(error) => error.to_string(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        match &self {
            Self::Internal(error) => tracing::error!(%error, "rekor v1"),
            Self::Search(error) => tracing::error!(%error, "rekor v1"),
            Self::Request(error) => {
                tracing::info!(target: "audit", event = "rekor-v1.request.refused", reason = %error);
            }
            Self::Invalid(reason) => {
                tracing::info!(target: "audit", event = "rekor-v1.request.refused", reason);
            }
            Self::ReadOnly => {
                tracing::info!(target: "audit", event = "rekor-v1.request.refused", reason = "read-only");
            }
            Self::NoIndex | Self::NotFound => {}
        }
        let body = json!({"code": status.as_u16(), "message": self.message()});
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

pub(super) fn keyed(entry: LogEntryV1) -> Value {
    Value::Object(Map::from_iter([(entry.uuid, entry.entry)]))
}

async fn create(State(rekor): State<RekorV1>, body: Bytes) -> Result<Response, Failure> {
    if rekor.settings.read_only {
        return Err(Failure::ReadOnly);
    }
    let entry = parse_proposed_entry(&body).map_err(Failure::Request)?;
    // Whoever waits for the log does so without what was sent.
    drop(body);
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
    query: Result<Query<ByIndex>, QueryRejection>,
) -> Result<Json<Value>, Failure> {
    let query = query.map_err(|_| Failure::bad("logIndex is a number"))?;
    let found = rekor.at(query.index).await.map_err(Failure::Internal)?;
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

async fn public_key(State(rekor): State<RekorV1>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/x-pem-file")];
    (headers, rekor.key.public().to_pem()).into_response()
}

async fn state(State(rekor): State<RekorV1>) -> Result<Json<Value>, Failure> {
    let head = rekor.head().await.map_err(Failure::Internal)?;
    Ok(Json(json!({
        "inactiveShards": [],
        "rootHash": hex::encode(head.root),
        "signedTreeHead": &*head.checkpoint,
        "treeID": rekor.tree_id.to_string(),
        "treeSize": head.size,
    })))
}
