//! Discovery (OpenID Connect Discovery 1.0 §3, RFC 8414) and keys (RFC 7517).

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use std::sync::Arc;

use super::Login;
use crate::oidc::oauth_error::OAuthError;

/// How long a client may keep the keys, in seconds: well below their overlap.
const CACHE: &str = "public, max-age=3600";

pub(super) async fn document(State(login): State<Arc<Login>>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", login.url());
    Json(json!({
        "issuer": login.url(),
        "authorization_endpoint": at("auth"),
        "token_endpoint": at("token"),
        "device_authorization_endpoint": at("device/code"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "none",
        ],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "claims_supported": [
            "iss", "sub", "aud", "azp", "iat", "nbf", "exp", "jti", "auth_time", "nonce",
            "email", "email_verified", "name", "groups", "federated_claims", "act",
        ],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    }))
}

/// A P-256 point is `04 || x || y`.
pub(super) async fn keys(State(login): State<Arc<Login>>) -> Result<Response, OAuthError> {
    let published = login.keys.published(login.clock.now()).await;
    let published = published.map_err(|error| OAuthError::internal(&error))?;
    let keys = published.iter().map(|key| {
        let point = key.public().raw();
        let coordinate = |range| point.get(range).map(|bytes: &[u8]| BASE64.encode(bytes));
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key.id,
            "x": coordinate(1..33), "y": coordinate(33..65),
        })
    });
    let keys = json!({"keys": keys.collect::<Vec<_>>()});
    Ok(([(header::CACHE_CONTROL, CACHE)], Json(keys)).into_response())
}
