//! `POST /api/v1/index/retrieve`: the UUIDs of entries by mail address, subject,
//! digest or key.
//!
//! At most a thousand, the oldest first; whoever wants to page uses the search
//! of every tree (`/api/bulla/v1/log/search`). A key comes inside the request,
//! never by URL (rule R8).

use axum::{Json, body::Bytes, extract::State};
use bulla_core::{Digest, limits};
use serde::Deserialize;

use super::{
    RekorV1,
    request::{self, Verifier},
    routes::Failure,
};
use crate::{
    log::rekor_v2::RequestError,
    search::{Criterion, Query, StoredV1},
};

/// UUIDs of one answer.
const LIMIT: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    public_key: Option<Key>,
    #[serde(default)]
    operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    format: String,
    #[serde(default)]
    content: Option<String>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexQuery {
    criteria: Vec<Criterion>,
    any: bool,
}

/// Reads a request.
///
/// # Errors
/// [`RequestError`] that says what is wrong with it.
pub fn parse_index_query(json: &[u8]) -> Result<IndexQuery, RequestError> {
    let request: Request = limits::parse_json(json, limits::REQUEST_BYTES, "index query")
        .map_err(|_| RequestError::Malformed)?;
    let refused = |_| RequestError::Malformed;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut criteria = Vec::new();
    for name in [given(request.email), given(request.subject)] {
        criteria.extend(
            name.map(|name| Criterion::name(&name))
                .transpose()
                .map_err(refused)?,
        );
    }
    if let Some(hash) = given(request.hash) {
        criteria.push(Criterion::digest(&hash).map_err(|_| RequestError::Digest)?);
    }
    if let Some(key) = request.public_key {
        let content = key.content.filter(|_| key.format == "x509");
        let pem = request::decode(&content.ok_or(RequestError::Verifier)?)?;
        let verifier = Verifier::from_pem(&pem)?;
        let digest = Digest::sha256(verifier.key().spki_der());
        criteria.push(Criterion::key(digest.hex()).map_err(|_| RequestError::Verifier)?);
    }
    let any = match request.operator.as_deref() {
        None | Some("" | "or") => true,
        Some("and") => false,
        Some(_) => return Err(RequestError::Malformed),
    };
    match criteria.is_empty() {
        true => Err(RequestError::Malformed),
        false => Ok(IndexQuery { criteria, any }),
    }
}

pub(super) async fn retrieve(
    State(rekor): State<RekorV1>,
    body: Bytes,
) -> Result<Json<Vec<String>>, Failure> {
    let Some(index) = &rekor.index else {
        return Err(Failure::NoIndex);
    };
    let IndexQuery { criteria, any } = parse_index_query(&body).map_err(Failure::Request)?;
    let query = Query {
        criteria,
        any,
        from: 0,
        limit: LIMIT,
    };
    let page = index.search(&query).await.map_err(Failure::Search)?;
    let found = page.found.iter();
    let uuids = found.filter_map(|found| {
        let parts = StoredV1::parse(&found.stored)?;
        Some(rekor.uuid(parts.body))
    });
    Ok(Json(uuids.collect()))
}
