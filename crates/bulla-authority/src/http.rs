//! What every HTTP service here shares: who may ask, how much, and how an error
//! reads (gRPC gateway form, since the clients know Fulcio and Rekor).

mod door;
mod intake;

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bulla_core::limits;
use serde::Serialize;
use std::sync::Arc;

use crate::error::AuthorityError;

pub use door::{Door, enter};

/// Longest request body, in bytes: token, certificate and envelope fit well.
pub const BODY_BYTES: usize = limits::REQUEST_BYTES as usize;

/// The hosts and origins that may speak to us: against DNS rebinding and pages
/// of other sites in the user's browser.
#[derive(Clone, Debug)]
pub struct AllowedHosts(Arc<[String]>);

impl AllowedHosts {
    /// `HOST:PORT` forms, lower case.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        Self(
            hosts
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        )
    }

    /// Whether these headers are of a client that was given our address.
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        self.allow_from(headers, false)
    }

    /// As [`Self::allow`]; a person may be sent here by another site if they
    /// see where they are.
    fn allow_from(&self, headers: &HeaderMap, navigates: bool) -> bool {
        let known = |host: &str| self.0.iter().any(|known| known.eq_ignore_ascii_case(host));
        let text = |name| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap_or_default())
        };
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok());
        if hosts.next().is_some() || !host.is_some_and(known) {
            return false;
        }
        let same_site = |origin: &str| {
            origin
                .split_once("://")
                .is_some_and(|(_, host)| known(host))
        };
        if text(header::ORIGIN.as_str()).is_some_and(|origin| !same_site(origin)) {
            return false;
        }
        navigates || !matches!(text("sec-fetch-site"), Some("cross-site" | "same-site"))
    }

    /// The answer to a request that is not allowed.
    fn refusal(&self, request: &Request) -> Option<Response> {
        if self.allow_from(request.headers(), is_navigation(request)) {
            return None;
        }
        let refused = "this address is not served to that host or origin";
        tracing::info!(target: "audit", event = "http.refused", path = request.uri().path());
        if request.uri().path().starts_with("/oidc/") {
            // As OAuth clients read it.
            let body = serde_json::json!({"error": "access_denied", "error_description": refused});
            return Some((StatusCode::FORBIDDEN, Json(body)).into_response());
        }
        Some(RpcError::permission(refused).into_response())
    }
}

/// Pages that other sites send people to: logins that begin, and that come back
/// from another issuer.
const VISITED: [&str; 3] = [
    "/oidc/login/auth",
    "/oidc/login/callback",
    "/oidc/login/device",
];

/// Whether a person's whole window goes to one of those pages; a frame, an image
/// or a script of another site does not count.
fn is_navigation(request: &Request) -> bool {
    let is = |name: &str, value: &str| {
        let found = request.headers().get(name);
        found.is_some_and(|found| found.as_bytes() == value.as_bytes())
    };
    request.method() == Method::GET
        && VISITED.contains(&request.uri().path())
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// An error as gRPC gateways write it.
#[derive(Debug)]
pub struct RpcError {
    status: StatusCode,
    code: u8,
    message: String,
}

#[derive(Serialize)]
struct RpcErrorBody<'a> {
    code: u8,
    message: &'a str,
    details: [(); 0],
}

impl RpcError {
    /// 400, `INVALID_ARGUMENT`
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: 3,
            message: message.into(),
        }
    }

    /// 403, `PERMISSION_DENIED`
    pub fn permission(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: 7,
            message: message.into(),
        }
    }

    /// 404, `NOT_FOUND`
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: 5,
            message: "Not Found".into(),
        }
    }

    /// 405, as Rekor answers writes to a log that is only read any more.
    pub fn frozen() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: 12,
            message: "This log has been frozen, please switch to the latest log.".into(),
        }
    }

    /// 503, `UNAVAILABLE`: too many wait already.
    pub fn busy() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: 14,
            message: "too many requests wait; try again".into(),
        }
    }

    /// 408, `DEADLINE_EXCEEDED`
    pub fn too_slow() -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: 4,
            message: "the request took too long to come".into(),
        }
    }

    /// 413: more than [`BODY_BYTES`].
    pub fn too_large() -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: 3,
            message: format!("the request is larger than {BODY_BYTES} bytes"),
        }
    }

    /// 415, as the real timestamp authority answers other media types.
    pub fn media_type(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: 3,
            message: message.into(),
        }
    }

    /// 500, `INTERNAL`; the cause goes to the log, not to the client.
    pub fn internal(message: &'static str, cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %cause, "{message}");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: 13,
            message: message.into(),
        }
    }

    /// 503, `UNAVAILABLE`, with `Retry-After`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: 14,
            message: message.into(),
        }
    }

    /// 503 while a log cannot be written or another replica leads it, else 500;
    /// the cause goes to our log, not to the client.
    pub fn of(error: &AuthorityError, message: &'static str) -> Self {
        match error {
            AuthorityError::LogUnavailable { .. } | AuthorityError::NotLeading { .. } => {
                tracing::warn!(%error, "{message}");
                Self {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    code: 14,
                    message: "the log cannot be written now, try again".into(),
                }
            }
            error => Self::internal(message, error),
        }
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for RpcError {
    fn into_response(self) -> Response {
        let body = RpcErrorBody {
            code: self.code,
            message: &self.message,
            details: [],
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

/// Reads standard or URL-safe base64, padded or not, as protojson does.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::{
        Engine as _,
        alphabet::{STANDARD, URL_SAFE},
        engine::{DecodePaddingMode::Indifferent, GeneralPurpose, GeneralPurposeConfig},
    };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok();
    decode(&STANDARD).or_else(|| decode(&URL_SAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_clients_that_were_given_the_address() {
        let allowed = AllowedHosts::new(["127.0.0.1:80".into(), "localhost:80".into()]);
        let allow = |list: &[_]| allowed.allow(&headers(list));
        assert!(allow(&[("host", "127.0.0.1:80")]));
        assert!(allow(&[
            ("host", "LocalHost:80"),
            ("origin", "http://localhost:80")
        ]));
        assert!(!allow(&[]));
        assert!(!allow(&[("host", "evil.example:80")]));
        assert!(!allow(&[("host", "127.0.0.1:81")]));
        assert!(!allow(&[
            ("host", "127.0.0.1:80"),
            ("host", "evil.example")
        ]));
        assert!(!allow(&[
            ("host", "127.0.0.1:80"),
            ("origin", "http://evil.example")
        ]));
        assert!(!allow(&[("host", "127.0.0.1:80"), ("origin", "null")]));
        assert!(!allow(&[
            ("host", "127.0.0.1:80"),
            ("sec-fetch-site", "cross-site")
        ]));
    }

    #[test]
    fn every_base64_of_protojson() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(base64(text).unwrap(), [0xfb, 0xff]);
        }
        assert_eq!(base64("*"), None);
    }
}
