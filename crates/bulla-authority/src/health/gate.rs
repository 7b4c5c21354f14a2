//! Before a service whose certificate ended: says so, instead of handing out
//! what nobody could verify.

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

use super::Expired;
use crate::http::RpcError;

/// Tells whether what a service signs with still holds.
pub type Holds = Arc<dyn Fn() -> Result<(), Expired> + Send + Sync>;

/// Middleware: refuses what would be signed in vain. Reading goes on.
pub async fn gate(State(holds): State<Holds>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST
        && let Err(expired) = holds()
    {
        tracing::info!(target: "audit", event = "refused", reason = %expired, "nothing was issued");
        return RpcError::unavailable(expired.to_string()).into_response();
    }
    next.run(request).await
}
