//! The repository over HTTP: files by path, and how long they may be cached.

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::{Publisher, repository};

/// Names of what never changes: a version or a hash is part of them.
const FOREVER: &str = "public, max-age=31536000, immutable";

impl Publisher {
    /// Serves the files.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{*path}", get(serve))
            .with_state(self.clone())
    }
}

async fn serve(State(publisher): State<Publisher>, Path(path): Path<String>) -> Response {
    match publisher.file(&path).await {
        Ok(Some(bytes)) => {
            let moves = matches!(path.as_str(), repository::TIMESTAMP | repository::ROOT);
            let cache = if moves { "no-cache" } else { FOREVER };
            let kind = match path.ends_with(".json") {
                true => "application/json",
                false => "application/octet-stream",
            };
            let headers = [(header::CACHE_CONTROL, cache), (header::CONTENT_TYPE, kind)];
            (headers, bytes).into_response()
        }
        // The next root is asked for until it is there.
        Ok(None) => (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error) => {
            tracing::error!(%error, path, "a file of the TUF repository cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
