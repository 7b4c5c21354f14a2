//! Blobs: read through the repository's link, whole or in part.

use axum::{body::Body, response::Response};
use bulla_core::Digest;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Answer, DIGEST, Service, empty, set, text};
use crate::{
    config::Deletion,
    error::RegistryError,
    range::{Wanted, wanted},
};

/// GET and HEAD take the same way, and the length is that of the open file.
pub(super) async fn get(
    service: &Service,
    parts: &Parts,
    repository: &str,
    digest: &Digest,
) -> Answer {
    let unknown = || RegistryError::BlobUnknown {
        digest: digest.clone(),
    };
    let linked = service.store.registry().blob(repository, digest).await?;
    let linked = linked.ok_or_else(unknown)?;
    let reader = match service.store.blobs().open(digest).await? {
        Some(reader) if reader.size() == linked => reader,
        _ => {
            // Absent, so that a client pushes it again and thereby mends it.
            tracing::error!(%digest, "a linked blob is missing or cut short");
            return Err(unknown());
        }
    };
    let size = reader.size();
    let head = parts.method == Method::HEAD;
    let range = text(&parts.headers, header::RANGE).filter(|_| !head);
    let mut response = match wanted(range, size) {
        Wanted::Unsatisfiable => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            let total = format!("bytes */{size}");
            set(response.headers_mut(), header::CONTENT_RANGE, &total);
            return Ok(response);
        }
        Wanted::Whole if head => content(Body::empty(), StatusCode::OK, size),
        Wanted::Whole => {
            let body = Body::from_stream(reader.stream(0, size));
            content(body, StatusCode::OK, size)
        }
        Wanted::Part { offset, length } => {
            let body = Body::from_stream(reader.stream(offset, length));
            let mut response = content(body, StatusCode::PARTIAL_CONTENT, length);
            let range = format!("bytes {offset}-{}/{size}", offset + length - 1);
            set(response.headers_mut(), header::CONTENT_RANGE, &range);
            response
        }
    };
    set(response.headers_mut(), DIGEST, &digest.to_string());
    Ok(response)
}

pub(super) async fn delete(service: &Service, repository: &str, digest: &Digest) -> Answer {
    if service.config.deletion == Deletion::Refused {
        return Err(RegistryError::DeletionOff);
    }
    let digest = digest.clone();
    match service
        .store
        .registry()
        .unlink_blob(repository, &digest)
        .await?
    {
        None => Err(RegistryError::BlobUnknown { digest }),
        Some(false) => Err(RegistryError::InUse { digest }),
        Some(true) => Ok(empty(StatusCode::ACCEPTED)),
    }
}

fn content(body: Body, status: StatusCode, length: u64) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}
