//! rfc3161 0.0.1: a timestamp reply, logged as it is.
//!
//! It must be granted and signed by a certificate inside it; whether that
//! authority is trusted is no question of a log.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_trust::sigstore::carries_its_signer;
use serde::Deserialize;
use serde_json::json;

use super::{Content, decode};
use crate::log::rekor_v2::RequestError;

/// Longest reply, in bytes, as in Rekor.
const MAX_BYTES: usize = 10 * 1024;

#[derive(Deserialize)]
pub(super) struct Rfc3161 {
    tsr: Tsr,
}

#[derive(Deserialize)]
struct Tsr {
    content: String,
}

pub(super) fn content(request: Rfc3161) -> Result<Content, RequestError> {
    let reply = decode(&request.tsr.content)?;
    if reply.len() > MAX_BYTES {
        return Err(RequestError::TooLarge);
    }
    if !carries_its_signer(&reply) {
        return Err(RequestError::Signature);
    }
    Ok(Content::of(
        json!({"tsr": {"content": STANDARD.encode(reply)}}),
    ))
}
