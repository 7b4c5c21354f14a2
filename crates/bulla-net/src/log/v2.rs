//! `POST /api/v2/log/entries` of rekor-tiles.
//!
//! Signatures over artifacts and DSSE envelopes are both logged as
//! `hashedrekord` 0.0.2, as cosign does: for an envelope, the digest is that of
//! its pre-authentication encoding. The answer is kept as it came.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_trust::{root::LogService, sigstore::make};
use http::StatusCode;
use serde::Serialize;

use super::{LogEntry, PATIENCE, Signed, Submission, Verifier as Who, bad};
use crate::{
    http::{HttpClient, Request},
    service::{self, ServiceError},
};

const PATH: &str = "/api/v2/log/entries";

pub(super) async fn submit(
    http: &HttpClient,
    log: &LogService,
    submission: &Submission<'_>,
) -> Result<LogEntry, ServiceError> {
    let url = service::address(&log.url, PATH)?;
    let body = serde_json::to_vec(&request(submission)).map_err(|error| bad(log, error))?;
    let request = Request::post(url, crate::Body::empty())
        .content_type("application/json")
        .accept("application/json")
        .deadline(PATIENCE);
    let json = service::post(http, request, body, StatusCode::CREATED).await?;
    let index = make::log_index(&json).map_err(|error| bad(log, error))?;
    Ok(LogEntry {
        log: log.clone(),
        json,
        index,
        promise: None,
    })
}

fn request(submission: &Submission<'_>) -> Entry {
    let digest = match submission.signed {
        Signed::Digest { digest, .. } => digest.to_vec(),
        Signed::Envelope { hash, envelope } => hash.digest(&envelope.pre_authentication_encoding()),
    };
    let raw = |der: &[u8]| RawBytes {
        raw_bytes: STANDARD.encode(der),
    };
    let (certificate, key) = match submission.verifier {
        Who::Certificate(der, _) => (Some(raw(der)), None),
        Who::Key(key) => (None, Some(raw(key.spki_der()))),
    };
    Entry {
        hashed_rekord_request_v002: HashedRekord {
            digest: STANDARD.encode(digest),
            signature: Signature {
                content: STANDARD.encode(submission.signature),
                verifier: Verifier {
                    x509_certificate: certificate,
                    public_key: key,
                    key_details: submission.verifier.key().scheme().sigstore_name(),
                },
            },
        },
    }
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
    #[serde(rename = "x509Certificate", skip_serializing_if = "Option::is_none")]
    x509_certificate: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<RawBytes>,
    key_details: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}
