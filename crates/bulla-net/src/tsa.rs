//! Client of a timestamp authority: RFC 3161 over HTTP, DER in both directions.
//!
//! SHA-256 only, no nonce (what is stamped is a fresh signature, so an old reply
//! cannot fit), no certificates (the trust root has them). Here only the status
//! of the reply is read; its signature is checked by `bulla-trust`.

use bulla_core::Digest;
use der::Decode;
use http::StatusCode;
use url::Url;
use x509_tsp::TimeStampResp;

use crate::{
    http::{HttpClient, Request},
    service::ServiceError,
};

const SERVICE: &str = "timestamp authority";
/// A `TimeStampReq` up to the imprint: version 1, SHA-256 with NULL parameters,
/// then an OCTET STRING of 32 bytes.
const QUERY: [u8; 24] = [
    0x30, 0x36, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];

/// Asks the authority at `url` (its whole endpoint) to stamp `message`, and
/// gives its reply: a DER `TimeStampResp`.
///
/// # Errors
/// [`ServiceError`] if the authority refuses.
pub async fn stamp(http: &HttpClient, url: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
    let address = Url::parse(url).map_err(|_| ServiceError::Address {
        url: url.to_owned(),
    })?;
    let request = Request::post(address, crate::Body::empty())
        .content_type("application/timestamp-query")
        .accept("application/timestamp-reply");
    // The reference server answers 201, others 200.
    let body = crate::Body::bytes(query(message));
    let answer = http
        .send(request.body(body))
        .await?
        .require(&[StatusCode::OK, StatusCode::CREATED])
        .await?
        .bytes(bulla_core::limits::SERVICE_ANSWER_BYTES, "a timestamp")
        .await?;
    check_reply(&answer).map_err(|detail| ServiceError::Answer {
        service: SERVICE,
        url: url.to_owned(),
        detail,
    })?;
    Ok(answer)
}

/// The query for `message`, DER.
pub fn query(message: &[u8]) -> Vec<u8> {
    let mut der = QUERY.to_vec();
    der.extend(Digest::sha256(message).bytes());
    der
}

/// Whether a reply grants a token.
///
/// # Errors
/// What the authority says instead.
pub fn check_reply(der: &[u8]) -> Result<(), String> {
    let reply = TimeStampResp::from_der(der).map_err(|error| format!("no reply: {error}"))?;
    match reply.time_stamp_token {
        Some(_) => Ok(()),
        None => Err(format!("refused: {:?}", reply.status.status)),
    }
}
