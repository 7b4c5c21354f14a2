//! `GET /api/bulla/v1/log/search`: search over HTTP, paged, in JSON.
//!
//! Our own path, since no log protocol has one for every tree. Parameters are
//! `log` (`v2`, the default, `v1` or `ct`), `name`, `issuer`, `digest`, `key`,
//! `any`, `from` and `limit`; each at most once, others are refused (rule R15).
//! Errors are problem details (RFC 9457).

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Diagnose as _;
use bulla_crypto::merkle::leaf_hash;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use url::form_urlencoded;

use super::{Criterion, Described, Format, Found, Query, SearchError, SearchIndex, StoredV1};

/// Entries of a page unless asked otherwise, and at most.
const LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// The indexes of an instance's three trees.
#[derive(Clone)]
pub struct Indexes {
    /// Rekor v1, with the id of its tree.
    pub v1: (SearchIndex, u64),
    /// Rekor v2.
    pub v2: SearchIndex,
    /// The certificate transparency log.
    pub ct: SearchIndex,
}

/// The paths.
pub fn router(indexes: Indexes) -> Router {
    Router::new()
        .route("/api/bulla/v1/log/search", get(search))
        .with_state(Arc::new(indexes))
}

/// Reads a query string: which log, and what is asked of it.
///
/// # Errors
/// [`SearchError`] that says what is wrong with it.
pub fn parse_search(query: &str) -> Result<(Format, Query), SearchError> {
    let refused = |why| SearchError::Query { why };
    let mut format = Format::V2;
    let mut wanted = Query {
        criteria: Vec::new(),
        any: false,
        from: 0,
        limit: LIMIT,
    };
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if seen.contains(&name) {
            return Err(refused("each parameter stands once"));
        }
        match &*name {
            "log" => {
                format = match &*value {
                    "v1" => Format::V1,
                    "v2" => Format::V2,
                    "ct" => Format::Ct,
                    _ => return Err(refused("the log is v1, v2 or ct")),
                };
            }
            "name" => wanted.criteria.push(Criterion::name(&value)?),
            "issuer" => wanted.criteria.push(Criterion::issuer(&value)?),
            "digest" => wanted.criteria.push(Criterion::digest(&value)?),
            "key" => wanted.criteria.push(Criterion::key(&value)?),
            "any" => {
                wanted.any = value.parse().map_err(|_| refused("any is true or false"))?;
            }
            "from" => {
                wanted.from = value.parse().map_err(|_| refused("from is a number"))?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
                wanted.limit = limit.ok_or_else(|| refused("limit is 1 to 500"))?;
            }
            _ => return Err(refused("a parameter is not known")),
        }
        seen.push(name);
    }
    if wanted.criteria.is_empty() {
        return Err(refused("name, issuer, digest or key must be given"));
    }
    Ok((format, wanted))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// Entries that the index knows; later ones are found a little later.
    indexed_size: u64,
    entries: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    log_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    #[serde(flatten)]
    entry: Described,
    /// The leaf as the log publishes it.
    body: String,
}

async fn search(
    State(indexes): State<Arc<Indexes>>,
    RawQuery(query): RawQuery,
) -> Result<Response, SearchError> {
    let (format, query) = parse_search(query.as_deref().unwrap_or_default())?;
    let index = match format {
        Format::V1 => &indexes.v1.0,
        Format::V2 => &indexes.v2,
        Format::Ct => &indexes.ct,
    };
    let page = index.search(&query).await?;
    let show = |found| shown(found, format, indexes.v1.1);
    let answer = Answer {
        indexed_size: page.indexed,
        entries: page.found.into_iter().map(show).collect(),
        next: page.next,
    };
    Ok(Json(answer).into_response())
}

fn shown(found: Found, format: Format, tree_id: u64) -> Shown {
    let body = match format {
        Format::V1 => StoredV1::parse(&found.stored).map_or(&[][..], |parts| parts.body),
        Format::V2 | Format::Ct => &found.stored,
    };
    Shown {
        log_index: found.index,
        uuid: (format == Format::V1)
            .then(|| format!("{tree_id:016x}{}", hex::encode(leaf_hash(body)))),
        entry: found.entry,
        body: STANDARD.encode(body),
    }
}

impl IntoResponse for SearchError {
    fn into_response(self) -> Response {
        let (status, detail) = match &self {
            Self::Criterion { .. } | Self::Query { .. } => {
                tracing::info!(target: "audit", event = "search.refused", reason = %self);
                (StatusCode::BAD_REQUEST, self.to_string())
            }
            Self::Damaged { .. } | Self::Log(_) | Self::State(_) => {
                tracing::error!(error = %self, "search");
                let text = "the search failed".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        };
        let problem = json!({
            "type": "about:blank", "title": status.canonical_reason(),
            "status": status.as_u16(), "detail": detail, "code": self.code().to_string(),
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, Json(problem)).into_response()
    }
}
