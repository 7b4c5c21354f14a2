//! Reading a log: checkpoint, hash tiles, entry bundles (C2SP tlog-tiles), or
//! data tiles (static-ct-api), as static files that happen to be in a database.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use bulla_crypto::merkle::{TileId, parse_tile_path};

use super::Log;
use crate::http::RpcError;

const FOREVER: &str = "public, max-age=31536000, immutable";

#[derive(Clone)]
struct Tiles {
    log: Log,
    entries: &'static str,
}

/// `checkpoint` and `tile/…`. `entries` is the name of the entry level:
/// `entries` (each with a 16-bit length) or `data` (as they are).
pub fn router(log: Log, entries: &'static str) -> Router {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{level}/{*path}", get(tile))
        .with_state(Tiles { log, entries })
}

async fn checkpoint(State(tiles): State<Tiles>) -> Result<Response, RpcError> {
    let checkpoint = tiles.log.checkpoint();
    if checkpoint.is_empty() {
        let why = "this log has not published a checkpoint yet";
        return Err(RpcError::unavailable(why));
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, checkpoint.to_string()).into_response())
}

async fn tile(
    State(tiles): State<Tiles>,
    Path((level, path)): Path<(String, String)>,
) -> Result<Response, RpcError> {
    let (index, width) = parse_tile_path(path.as_bytes()).map_err(|_| RpcError::not_found())?;
    let found = if level == tiles.entries {
        let entries = tiles.log.entries(index, width).await;
        entries.map(|entries| entries.map(|entries| bundle(&entries, tiles.entries == "entries")))
    } else {
        let number = level
            .parse()
            .ok()
            .filter(|n: &u8| *n < 8 && n.to_string() == level);
        let level = number.ok_or_else(RpcError::not_found)?;
        tiles
            .log
            .tile(TileId {
                level,
                index,
                width,
            })
            .await
    };
    let found = found.map_err(|error| RpcError::internal("the log cannot be read", &error))?;
    let bytes = found.ok_or_else(RpcError::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, FOREVER),
    ];
    Ok((headers, bytes).into_response())
}

fn bundle(entries: &[Bytes], lengths: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        if lengths {
            let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
        out.extend_from_slice(entry);
    }
    out
}
