//! The timestamp authority: RFC 3161 over HTTP, with the paths, statuses and
//! error texts of Sigstore's.
//!
//! DER queries and Sigstore's JSON form. What is asked for and not given here —
//! weak hashes, foreign policies, extensions — is refused with 400 and an audit
//! line; a clock that runs backwards stops everything ([`guard`]). The time is
//! the machine's: whether that clock is right is not asked of others.

pub mod guard;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bulla_core::{Clock, Diagnose};
use bulla_crypto::{
    timestamp::{
        TimestampError, TimestampSigner, parse_timestamp_query, parse_timestamp_query_json,
    },
    x509::{Certificate, to_pem_chain},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

use crate::{
    certified::{CertificateRequest, Certified},
    error::AuthorityError,
    health::Lifetime,
    store::LogStore,
};
use guard::{ClockBehind, ClockGuard};

/// Longest query in bytes; a real one has less than 200.
const QUERY_BYTES: usize = 4096;
/// The document of the latest time given.
const FLOOR: &str = "tsa-floor";
/// Longest `Content-Type` that is looked at, in bytes.
const MEDIA_TYPE_BYTES: usize = 256;

/// Settings of the timestamp authority: section `[tsa]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TsaSettings {
    /// Policies that queries may ask for beside Sigstore's 1.3.6.1.4.1.57264.2,
    /// as dotted object identifiers.
    pub policies: Vec<String>,
    /// How exact the time is, in milliseconds: what timestamps say. 0 says nothing.
    pub accuracy_ms: u32,
}

impl Default for TsaSettings {
    fn default() -> Self {
        Self {
            policies: Vec::new(),
            accuracy_ms: 1000,
        }
    }
}

impl TsaSettings {
    /// The signer as these settings want it.
    ///
    /// # Errors
    /// [`TimestampError::Malformed`] if a policy is no object identifier.
    pub fn apply(&self, signer: TimestampSigner) -> Result<TimestampSigner, TimestampError> {
        Ok(signer
            .with_policies(&self.policies)?
            .with_accuracy_ms(self.accuracy_ms))
    }
}

/// The authority.
pub struct Tsa {
    /// What signs: key, certificate, root.
    pub signers: Certified<TimestampSigner>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Sees that it does not run backwards.
    pub guard: ClockGuard,
    /// Where the guard's floor is kept.
    pub store: Arc<dyn LogStore>,
}

impl Tsa {
    /// Answers a query that was read.
    ///
    /// # Errors
    /// [`TsaRefusal`] as Sigstore's authority words it.
    pub fn stamp(
        &self,
        query: Result<bulla_crypto::timestamp::TimestampQuery, TimestampError>,
    ) -> Result<Vec<u8>, TsaRefusal> {
        let now = self.clock.now();
        let query = query?;
        self.guard.admit(now)?;
        let current = self.signers.current(now).map_err(TsaRefusal::own)?;
        Ok(current.signs.reply(&query, now)?)
    }

    /// The certificate that is signed with now, and the root.
    ///
    /// # Errors
    /// As [`Certified::current`].
    pub fn chain(&self) -> Result<Arc<[Certificate]>, AuthorityError> {
        Ok(self.signers.current(self.clock.now())?.chain.clone())
    }

    /// Each certificate with the root behind it, oldest first: what trust roots
    /// must list.
    pub fn chains(&self) -> Vec<Arc<[Certificate]>> {
        let all = self.signers.all();
        all.iter().map(|one| one.chain.clone()).collect()
    }

    /// What the next ceremony shall certify.
    ///
    /// # Errors
    /// As [`Certified::request`].
    pub async fn certificate_requests(&self) -> Result<Vec<CertificateRequest>, AuthorityError> {
        Ok(vec![self.signers.request().await?])
    }

    /// Takes what a ceremony certified: the leaf, and the root.
    ///
    /// # Errors
    /// As [`Certified::accept`].
    pub async fn accept(&self, chain: Vec<Certificate>) -> Result<(), AuthorityError> {
        self.signers.accept(&chain).await
    }

    /// The lives of root and certificate.
    pub fn lifetimes(&self) -> Vec<Lifetime> {
        self.signers.lifetimes()
    }

    /// Takes up what another replica accepted, and keeps in the store how late
    /// it is, for the guard of whoever starts next.
    ///
    /// # Errors
    /// Of the store, or as [`Certified::refresh`].
    pub async fn renew(&self, _now: Timestamp) -> Result<(), AuthorityError> {
        self.signers.refresh().await?;
        let kept = floor(&*self.store).await?;
        if let Some(kept) = kept {
            self.guard.raise(kept);
        }
        match self.guard.latest().filter(|latest| Some(*latest) > kept) {
            Some(latest) => {
                let text = latest.as_second().to_string();
                Ok(self.store.put_document(FLOOR, text.as_bytes()).await?)
            }
            None => Ok(()),
        }
    }
}

/// The latest time that is known to have been given.
///
/// # Errors
/// Of the store.
pub(crate) async fn floor(store: &dyn LogStore) -> Result<Option<Timestamp>, AuthorityError> {
    let Some(bytes) = store.document(FLOOR).await? else {
        return Ok(None);
    };
    let damaged = || AuthorityError::Damaged { what: FLOOR.into() };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let seconds = text.parse().map_err(|_| damaged())?;
    Timestamp::from_second(seconds)
        .map(Some)
        .map_err(|_| damaged())
}

/// `/api/v1/timestamp` and `/api/v1/timestamp/certchain`
pub fn router(tsa: Arc<Tsa>) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(timestamp))
        .route("/api/v1/timestamp/certchain", get(chain))
        .with_state(tsa)
}

async fn timestamp(
    State(tsa): State<Arc<Tsa>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TsaRefusal> {
    let reply = answer(&tsa, &headers, &body).inspect_err(TsaRefusal::audit)?;
    let headers = [(header::CONTENT_TYPE, "application/timestamp-reply")];
    // Not 201, as the server of Sigstore answers: notation takes 200 alone.
    // Not 201, as the server of Sigstore answers: notation takes 200 alone.
    Ok((StatusCode::OK, headers, reply).into_response())
}

fn answer(tsa: &Tsa, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, TsaRefusal> {
    let media_type = media_type(headers).ok_or(TsaRefusal::MediaType)?;
    if body.len() > QUERY_BYTES {
        return Err(TsaRefusal::Size);
    }
    tsa.stamp(match media_type {
        MediaType::Der => parse_timestamp_query(body),
        MediaType::Json => parse_timestamp_query_json(body),
    })
}

enum MediaType {
    Der,
    Json,
}

/// What the body says it is; parameters do not matter. A header of any length
/// costs no more than its first 256 bytes (CVE-2025-66564).
fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
    let value = std::str::from_utf8(value.get(..MEDIA_TYPE_BYTES).unwrap_or(value)).ok()?;
    let name = value.split_once(';').map_or(value, |(name, _)| name).trim();
    match name.to_ascii_lowercase().as_str() {
        "application/timestamp-query" => Some(MediaType::Der),
        "application/json" => Some(MediaType::Json),
        _ => None,
    }
}

async fn chain(State(tsa): State<Arc<Tsa>>) -> Result<Response, TsaRefusal> {
    let headers = [(header::CONTENT_TYPE, "application/pem-certificate-chain")];
    let chain = tsa.chain().map_err(TsaRefusal::own)?;
    Ok((headers, to_pem_chain(chain.iter())).into_response())
}

/// Why no timestamp is given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TsaRefusal {
    /// The clock is behind.
    #[error(transparent)]
    Clock(#[from] ClockBehind),
    /// Neither DER nor JSON.
    #[error("the body is neither application/timestamp-query nor application/json")]
    MediaType,
    /// Our own fault.
    #[error("no key to sign with: {0}")]
    Own(String),
    /// The query, or our own fault.
    #[error(transparent)]
    Query(#[from] TimestampError),
    /// More than a query.
    #[error("the timestamp query is larger than {QUERY_BYTES} bytes")]
    Size,
}

impl TsaRefusal {
    fn own(error: AuthorityError) -> Self {
        Self::Own(error.to_string())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Size => StatusCode::BAD_REQUEST,
            Self::Query(error) if error.is_of_the_query() => StatusCode::BAD_REQUEST,
            Self::Clock(_) | Self::Own(_) | Self::Query(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The text of Sigstore's authority, which clients show.
    fn message(&self) -> &'static str {
        match self {
            Self::Query(TimestampError::Weak) => "Weak hash algorithm in timestamp request",
            Self::Query(TimestampError::Imprint) => {
                "Message digest has incorrect length for specified algorithm"
            }
            Self::Query(TimestampError::Policy(_)) => {
                "unaccepted policy: requested TSA policy is not supported by the TSA"
            }
            Self::Query(TimestampError::Extension) => {
                "unaccepted extension: requested extensions are not supported by the TSA"
            }
            _ => "Error generating timestamp response",
        }
    }

    fn audit(&self) {
        tracing::info!(
            target: "audit",
            event = "timestamp refused",
            code = self.code().0,
            reason = %self,
        );
        if self.status().is_server_error() {
            tracing::error!(error = %self, "no timestamp");
        }
    }
}

impl IntoResponse for TsaRefusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = json!({"code": status.as_u16(), "message": self.message()});
        (status, Json(body)).into_response()
    }
}

impl Diagnose for TsaRefusal {
    fn code(&self) -> bulla_core::Code {
        match self {
            Self::Clock(error) => error.code(),
            Self::MediaType => bulla_core::Code("AUTH-0431"),
            Self::Query(error) => error.code(),
            Self::Own(_) => bulla_core::Code("AUTH-0433"),
            Self::Size => bulla_core::Code("AUTH-0432"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Clock(error) => error.hint(),
            Self::Query(error) => error.hint(),
            _ => None,
        }
    }
}
