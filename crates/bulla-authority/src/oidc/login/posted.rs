//! A form that was posted, as browsers and OAuth clients post them.
//!
//! What is no form — another content type, too many bytes, a body that breaks off —
//! is a refusal in OAuth's words, for whoever answers to give and to note.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use std::convert::Infallible;

use crate::oidc::{form::Form, oauth_error::OAuthError};

const TYPE: &str = "application/x-www-form-urlencoded";

/// The form of a request, or why there is none.
pub(super) struct Posted(pub(super) Result<Form, OAuthError>);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(TYPE) {
            return Ok(Self(Err(OAuthError::request(
                "the content type must be application/x-www-form-urlencoded",
            ))));
        }
        Ok(Self(match Bytes::from_request(request, state).await {
            Ok(body) => Form::parse(&body),
            Err(_) => Err(OAuthError::request(
                "the request is too large, or broke off",
            )),
        }))
    }
}
