//! Client of a transparency log: `POST /api/v2/log/entries` of rekor-tiles.
//!
//! Both signatures over artifacts and DSSE envelopes are logged as
//! `hashedrekord`: for an envelope, the digest is that of its pre-authentication
//! encoding. The answer is kept as it came; `bulla-trust` reads it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::Digest;
use bulla_crypto::Scheme;
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;

use crate::{
    http::{HttpClient, Request},
    service::{self, ServiceError},
};

const PATH: &str = "/api/v2/log/entries";
/// A log answers when a published checkpoint covers the entry.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be logged: one signature over one digest, and who made it.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// SHA-256 of what was signed.
    pub digest: &'a Digest,
    /// The signature.
    pub signature: &'a [u8],
    /// The signing certificate, DER.
    pub certificate: &'a [u8],
    /// The scheme of the signing key.
    pub scheme: Scheme,
}

/// Logs a signature and gives the log's answer: a `TransparencyLogEntry`, JSON.
///
/// # Errors
/// [`ServiceError`] if the log refuses.
pub async fn submit(
    http: &HttpClient,
    base: &str,
    submission: &Submission<'_>,
) -> Result<Vec<u8>, ServiceError> {
    let url = service::address(base, PATH)?;
    let body = Entry {
        hashed_rekord_request_v002: HashedRekord {
            digest: STANDARD.encode(submission.digest.bytes()),
            signature: Signature {
                content: STANDARD.encode(submission.signature),
                verifier: Verifier {
                    x509_certificate: RawBytes {
                        raw_bytes: STANDARD.encode(submission.certificate),
                    },
                    key_details: submission.scheme.sigstore_name(),
                },
            },
        },
    };
    let body = serde_json::to_vec(&body).map_err(|error| ServiceError::Answer {
        service: "log",
        url: base.to_owned(),
        detail: error.to_string(),
    })?;
    let request = Request::post(url, crate::Body::empty())
        .content_type("application/json")
        .accept("application/json")
        .deadline(PATIENCE);
    service::post(http, request, body, StatusCode::CREATED).await
}

#[derive(Serialize)]
struct Entry {
    #[serde(rename = "hashedRekordRequestV002")]
    hashed_rekord_request_v002: HashedRekord,
}

#[derive(Serialize)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Serialize)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    #[serde(rename = "x509Certificate")]
    x509_certificate: RawBytes,
    key_details: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}
