//! What the clients of CA, log and timestamp authority have in common: one
//! request, one bounded answer, and errors that name the service.

use bulla_core::{
    Code, Diagnose,
    limits::{self, LimitError},
};
use bulla_crypto::KeyError;
use bulla_trust::jwt::JwtError;
use http::StatusCode;
use url::Url;

use crate::http::{Body, HttpClient, HttpError, Request};

/// Joins a service's base URL and a path that starts with a slash.
pub(crate) fn address(base: &str, path: &str) -> Result<Url, ServiceError> {
    Url::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(|_| {
        ServiceError::Address {
            url: base.to_owned(),
        }
    })
}

/// Posts `body`, expects exactly `status`, reads a bounded answer.
pub(crate) async fn post(
    http: &HttpClient,
    request: Request,
    body: Vec<u8>,
    status: StatusCode,
) -> Result<Vec<u8>, ServiceError> {
    let answer = http
        .send(request.body(Body::bytes(body)))
        .await?
        .require(&[status])
        .await?;
    Ok(answer
        .bytes(limits::SERVICE_ANSWER_BYTES, "a service's answer")
        .await?)
}

/// What can go wrong with a signing service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Not a URL.
    #[error("{url:?} is not the URL of a service")]
    Address {
        /// The text.
        url: String,
    },
    /// Something else than was agreed.
    #[error("the {service} at {url} answered something else than expected: {detail}")]
    Answer {
        /// Which kind of service.
        service: &'static str,
        /// Where.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// No exchange, or a refusal.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The signing key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The answer is too large, too deep or no JSON.
    #[error("the {service} at {url} answered badly: {source}")]
    Limit {
        /// Which kind of service.
        service: &'static str,
        /// Where.
        url: String,
        /// What is wrong.
        source: LimitError,
    },
    /// The token cannot be read.
    #[error(transparent)]
    Token(#[from] JwtError),
}

impl Diagnose for ServiceError {
    fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code("NET-0101"),
            Self::Answer { .. } => Code("NET-0102"),
            Self::Http(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Limit { .. } => Code("NET-0103"),
            Self::Token(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Http(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::Address { .. } | Self::Answer { .. } | Self::Limit { .. } => {
                Some("check the service URLs with `bulla trust show`".into())
            }
        }
    }
}
