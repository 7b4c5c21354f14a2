//! Token sources against servers, programs and sockets that speak as documented,
//! and against those that do not.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

mod ambient;
mod issuer;
mod login;
mod spiffe;

/// A token that nobody signed: sources do not verify.
fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "ES256"})), part(claims))
}

fn claims(issuer: &str, audience: &str) -> Value {
    json!({"iss": issuer, "sub": "job", "aud": audience, "exp": 4_000_000_000u64})
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

async fn serve(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}
