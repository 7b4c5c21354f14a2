//! Client of an instance's revocations: the list as it is, and a new one.
//!
//! The list travels as a Sigstore bundle in both directions. Nothing is believed
//! here: who reads it verifies it under the instance's root, and so does the
//! instance before it publishes one, which is why publishing needs no login.

use bulla_core::limits;
use http::StatusCode;

use crate::{
    http::{HttpClient, Request},
    service::{self, ServiceError},
};

const PATH: &str = "/api/v1/revocations";

/// The list of the instance at `base`, a bundle; `None` if it has none yet.
///
/// # Errors
/// [`ServiceError`] if it does not answer.
pub async fn fetch(http: &HttpClient, base: &str) -> Result<Option<Vec<u8>>, ServiceError> {
    let request = Request::get(service::address(base, PATH)?);
    let answer = http
        .send(request)
        .await?
        .require(&[StatusCode::OK, StatusCode::NOT_FOUND])
        .await?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let bundle = answer
        .bytes(limits::BUNDLE_BYTES, "a revocation list")
        .await?;
    Ok(Some(bundle))
}

/// Has the instance at `base` publish a new list.
///
/// # Errors
/// [`ServiceError`] if it refuses: the list is not the instance's own, or another
/// one came first.
pub async fn publish(http: &HttpClient, base: &str, bundle: Vec<u8>) -> Result<(), ServiceError> {
    let request = Request::post(service::address(base, PATH)?, crate::Body::empty())
        .content_type("application/vnd.dev.sigstore.bundle.v0.3+json");
    service::post(http, request, bundle, StatusCode::CREATED)
        .await
        .map(drop)
}
