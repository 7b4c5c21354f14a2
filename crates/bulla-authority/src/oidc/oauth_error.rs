//! Why an OAuth request is refused, in the one shape that every client reads:
//! `{"error": …, "error_description": …}` (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8693
//! §2.2.2). Descriptions say what to change and never repeat what was sent.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bulla_core::{Code, Diagnose};
use serde_json::json;
use std::borrow::Cow;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", kind.name())]
pub struct OAuthError {
    kind: Refusal,
    description: Cow<'static, str>,
    basic: bool,
}

/// The kinds of refusals, each with its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The person said no, or may not.
    #[error("access_denied: the person said no, or may not")]
    AccessDenied,
    /// The person has not decided yet.
    #[error("authorization_pending: the person has not decided yet")]
    AuthorizationPending,
    /// The device code is too old.
    #[error("expired_token: the device code is too old")]
    ExpiredToken,
    /// No session to answer from without showing a page.
    #[error("interaction_required: no session to answer from without showing a page")]
    InteractionRequired,
    /// The client is unknown, or did not prove itself.
    #[error("invalid_client: the client is unknown, or did not prove itself")]
    InvalidClient,
    /// The code, device code or subject token does not hold.
    #[error("invalid_grant: the code, device code or subject token does not hold")]
    InvalidGrant,
    /// The request is malformed.
    #[error("invalid_request: the request is malformed")]
    InvalidRequest,
    /// The scope is not one that can be had.
    #[error("invalid_scope: the scope is not one that can be had")]
    InvalidScope,
    /// The audience is not one that can be had.
    #[error("invalid_target: the audience is not one that can be had")]
    InvalidTarget,
    /// The access token does not hold (RFC 6750).
    #[error("invalid_token: the access token does not hold (RFC 6750)")]
    InvalidToken,
    /// Request objects are not taken.
    #[error("request_not_supported: request objects are not taken")]
    RequestNotSupported,
    /// Our own fault.
    #[error("server_error: our own fault")]
    ServerError,
    /// Asked too often.
    #[error("slow_down: asked too often")]
    SlowDown,
    /// Too much to do.
    #[error("temporarily_unavailable: too much to do")]
    TemporarilyUnavailable,
    /// The client may not use this way.
    #[error("unauthorized_client: the client may not use this way")]
    UnauthorizedClient,
    /// There is no such grant.
    #[error("unsupported_grant_type: there is no such grant")]
    UnsupportedGrantType,
    /// Only codes are given.
    #[error("unsupported_response_type: only codes are given")]
    UnsupportedResponseType,
}

impl Refusal {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::RequestNotSupported => "request_not_supported",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl OAuthError {
    /// A refusal with a description of printable ASCII without quotes.
    pub fn new(kind: Refusal, description: &'static str) -> Self {
        Self {
            kind,
            description: description.into(),
            basic: false,
        }
    }

    /// `invalid_request`
    pub fn request(description: &'static str) -> Self {
        Self::new(Refusal::InvalidRequest, description)
    }

    /// `invalid_grant`
    pub fn grant(description: &'static str) -> Self {
        Self::new(Refusal::InvalidGrant, description)
    }

    /// `server_error`; the cause goes to the log, not to the client.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %cause, "the login issuer failed");
        Self::new(Refusal::ServerError, "the issuer could not do its work")
    }

    /// `invalid_client`; `basic`: the client used that header, and is told so.
    pub fn client(basic: bool) -> Self {
        Self {
            basic,
            ..Self::new(
                Refusal::InvalidClient,
                "the client is unknown, or its secret is wrong",
            )
        }
    }

    pub(super) fn missing(name: &'static str) -> Self {
        Self::about(name, "is missing")
    }

    pub(super) fn repeated(name: &'static str) -> Self {
        Self::about(name, "is there more than once")
    }

    pub(super) fn long(name: &'static str) -> Self {
        Self::about(name, "is too long")
    }

    fn about(name: &'static str, what: &'static str) -> Self {
        Self {
            description: format!("the parameter {name} {what}").into(),
            ..Self::request("")
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Refusal {
        self.kind
    }

    /// Its registered name.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What to change.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl Diagnose for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::AccessDenied => Code("AUTH-0510"),
            Self::AuthorizationPending => Code("AUTH-0511"),
            Self::ExpiredToken => Code("AUTH-0512"),
            Self::InteractionRequired => Code("AUTH-0513"),
            Self::InvalidClient => Code("AUTH-0514"),
            Self::InvalidGrant => Code("AUTH-0515"),
            Self::InvalidRequest => Code("AUTH-0516"),
            Self::InvalidScope => Code("AUTH-0517"),
            Self::InvalidTarget => Code("AUTH-0518"),
            Self::InvalidToken => Code("AUTH-0519"),
            Self::RequestNotSupported => Code("AUTH-0520"),
            Self::ServerError => Code("AUTH-0521"),
            Self::SlowDown => Code("AUTH-0522"),
            Self::TemporarilyUnavailable => Code("AUTH-0523"),
            Self::UnauthorizedClient => Code("AUTH-0524"),
            Self::UnsupportedGrantType => Code("AUTH-0525"),
            Self::UnsupportedResponseType => Code("AUTH-0526"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::InvalidClient | Self::UnauthorizedClient => {
                Some("see the clients with `bulla client list`".into())
            }
            Self::AccessDenied => Some("see the users with `bulla user list`".into()),
            _ => None,
        }
    }
}

impl Diagnose for OAuthError {
    fn code(&self) -> Code {
        self.kind.code()
    }

    fn hint(&self) -> Option<String> {
        self.kind.hint()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({"error": self.name(), "error_description": self.description});
        let mut response = (self.kind.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.kind {
            Refusal::InvalidClient if self.basic => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"bulla\""),
                );
            }
            Refusal::InvalidToken => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer error=\"invalid_token\""),
                );
            }
            Refusal::TemporarilyUnavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}
