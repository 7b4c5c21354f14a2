//! The timestamp authority: RFC 3161 over HTTP, with Sigstore's paths.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bulla_core::Clock;
use bulla_crypto::{
    timestamp::{
        TimestampError, TimestampSigner, parse_timestamp_query, parse_timestamp_query_json,
    },
    x509::to_pem_chain,
};
use std::sync::Arc;

use crate::http::RpcError;

/// Longest query in bytes; a real one has less than 200.
const QUERY_BYTES: usize = 4096;

/// The authority.
pub struct Tsa {
    /// Signs.
    pub signer: TimestampSigner,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// `/api/v1/timestamp` and `/api/v1/timestamp/certchain`
pub fn router(tsa: Arc<Tsa>) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(timestamp))
        .route("/api/v1/timestamp/certchain", get(chain))
        .with_state(tsa)
}

async fn timestamp(
    State(tsa): State<Arc<Tsa>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, RpcError> {
    if body.len() > QUERY_BYTES {
        return Err(RpcError::invalid("the timestamp query is too large"));
    }
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = media_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let query = match media_type {
        "application/timestamp-query" => parse_timestamp_query(&body),
        "application/json" => parse_timestamp_query_json(&body),
        _ => return Err(RpcError::media_type("unsupported media type")),
    };
    let reply = query.and_then(|query| tsa.signer.reply(&query, tsa.clock.now()));
    let reply = reply.map_err(|error| match error {
        TimestampError::Algorithm
        | TimestampError::Extension
        | TimestampError::Malformed
        | TimestampError::Policy(_) => RpcError::invalid(error.to_string()),
        error => RpcError::internal("error generating timestamp response", &error),
    })?;
    let headers = [(header::CONTENT_TYPE, "application/timestamp-reply")];
    // Not 201, as the server of Sigstore answers: notation takes 200 alone.
    Ok((StatusCode::OK, headers, reply).into_response())
}

async fn chain(State(tsa): State<Arc<Tsa>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    (headers, to_pem_chain(tsa.signer.chain())).into_response()
}
