//! `POST /witness/add-checkpoint`, with the statuses of tlog-witness; and the
//! witness's verifier key, to be configured where logs are.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{WitnessRefusal, WitnessServer, parse_add_checkpoint, request::MAX_BYTES};

/// The paths.
pub fn router(witness: WitnessServer) -> Router {
    Router::new()
        .route("/witness/add-checkpoint", post(add_checkpoint))
        .route("/witness/key", get(key))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(witness)
}

async fn add_checkpoint(
    State(witness): State<WitnessServer>,
    body: Bytes,
) -> Result<String, WitnessRefusal> {
    let request = parse_add_checkpoint(&body)?;
    let line = witness.add_checkpoint(&request).await?;
    let (origin, size) = (&request.checkpoint.origin, request.checkpoint.size);
    tracing::info!(target: "audit", event = "witness.checkpoint.cosigned", origin, size);
    Ok(line)
}

async fn key(State(witness): State<WitnessServer>) -> Result<String, WitnessRefusal> {
    let key = witness.verifier_key().map_err(WitnessRefusal::Failed)?;
    Ok(format!("{key}\n"))
}

impl IntoResponse for WitnessRefusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Failed(error) => {
                tracing::error!(%error, "witness");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Malformed | Self::Shrinking => StatusCode::BAD_REQUEST,
            Self::Proof => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Signature => StatusCode::FORBIDDEN,
            Self::UnknownOrigin => StatusCode::NOT_FOUND,
        };
        tracing::info!(target: "audit", event = "witness.checkpoint.refused", reason = %self);
        match self {
            Self::Conflict { size } => {
                let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
                (status, kind, format!("{size}\n")).into_response()
            }
            other => (status, format!("{other}\n")).into_response(),
        }
    }
}
