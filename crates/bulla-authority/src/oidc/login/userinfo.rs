//! `/userinfo` (OpenID Connect Core 1.0 §5.3): what the token says, said again.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bulla_trust::jwt::{self, TokenExpectation, UnverifiedToken};
use serde_json::json;
use std::sync::Arc;

use super::Login;
use crate::oidc::oauth_error::{OAuthError, Refusal};

pub(super) async fn userinfo(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
) -> Result<Response, OAuthError> {
    let refused = || OAuthError::new(Refusal::InvalidToken, "the access token does not hold");
    let token = crate::ca::bearer(&headers).ok_or_else(refused)?.as_bytes();
    let read = UnverifiedToken::parse(token).map_err(|_| refused())?;
    // Whichever client it was given to: it says the same to each.
    let audience = read.claims().audience.first().ok_or_else(refused)?;
    let expected = TokenExpectation::new(login.url(), audience);
    let keys = login.keys.key_set(read.key_id(), login.clock.now()).await;
    let claims = jwt::check(token, &keys, expected, login.clock.now());
    let claims = claims.map_err(|_| refused())?;
    let claims = claims.claim();
    let mut answer = json!({"sub": claims.subject});
    if let Some(email) = &claims.email {
        answer["email"] = email.as_str().into();
        answer["email_verified"] = claims.email_verified.into();
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
