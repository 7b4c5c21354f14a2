//! What other replicas ask the one that leads: a promise for a certificate that they
//! are about to issue.
//!
//! On the internal listener alone, whose callers showed an identity of this
//! authority by mutual TLS. Only what our own intermediates signed is logged.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::post,
};
use std::sync::Arc;

use super::CertificateAuthority;
use crate::http::{BODY_BYTES, RpcError};

/// Where: a precertificate (DER) comes in, an SCT in its TLS form goes out.
pub(crate) const PROMISE: &str = "/internal/ct/promise";

/// The route.
pub(crate) fn router(ca: Arc<CertificateAuthority>) -> Router {
    Router::new()
        .route(PROMISE, post(promise))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(ca)
}

async fn promise(
    State(ca): State<Arc<CertificateAuthority>>,
    body: Bytes,
) -> Result<Vec<u8>, RpcError> {
    let precert = match ca.ct.issued_elsewhere(&body) {
        Ok(precert) => precert,
        // The other may have taken up its next intermediate before us.
        Err(_) => {
            let failed = |error| RpcError::of(&error, "the intermediates cannot be read");
            ca.renew(ca.clock.now()).await.map_err(failed)?;
            ca.ct.issued_elsewhere(&body)?
        }
    };
    let sct = ca.ct.promise_here(&precert).await;
    let sct = sct.map_err(|error| RpcError::of(&error, "not logged"))?;
    sct.encode()
        .map_err(|error| RpcError::internal("not logged", &error))
}
