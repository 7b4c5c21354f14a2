//! What the issuer answers over HTTP: discovery and keys, nothing that mints.

use axum::{Json, Router, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

use super::Issuer;

/// The routes of one issuer, below its own path.
pub fn router(issuer: &Issuer) -> Router {
    let (discovery, keys) = (discovery(issuer), keys(issuer));
    Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(move || async move { Json(discovery) }),
        )
        .route("/keys", get(move || async move { Json(keys) }))
}

/// OpenID Connect Discovery 1.0, §3.
fn discovery(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.url(),
        "jwks_uri": format!("{}/keys", issuer.url()),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "email"],
        "claims_supported": ["iss", "sub", "aud", "iat", "nbf", "exp", "email", "email_verified"],
    })
}

/// RFC 7517: the one key. A P-256 point is `04 || x || y`.
fn keys(issuer: &Issuer) -> Value {
    let point = issuer.key().public().raw();
    let coordinate = |range| point.get(range).map(|bytes: &[u8]| BASE64.encode(bytes));
    json!({"keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
        "kid": issuer.key_id(),
        "x": coordinate(1..33), "y": coordinate(33..65),
    }]})
}
