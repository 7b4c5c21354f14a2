//! An issuer as OpenID Connect describes it, for one login at a time. What it
//! answers can be bent.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::Digest;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::token;

/// What the issuer does, and has seen.
#[derive(Default)]
pub(super) struct Book {
    pub(super) base: String,
    /// What it says of itself where that is not the truth.
    pub(super) document: Value,
    /// What it claims where that is not the truth.
    pub(super) claims: Value,
    /// Errors it answers before it gives a token.
    pub(super) errors: Vec<&'static str>,
    /// The challenge and nonce of the login that was begun.
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) seen: Vec<BTreeMap<String, String>>,
}

#[derive(Clone)]
pub(super) struct Issuer {
    book: Arc<Mutex<Book>>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let issuer = Self {
            book: Arc::default(),
        };
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/device/code", post(device))
            .route("/token", post(grant))
            .with_state(issuer.clone());
        issuer.book().base = super::serve(app).await;
        issuer
    }

    pub(super) fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    pub(super) fn base(&self) -> String {
        self.book().base.clone()
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn bent(mut truth: Value, lies: &Value) -> Value {
    for (name, value) in lies.as_object().into_iter().flatten() {
        truth[name] = value.clone();
    }
    truth
}

async fn document(State(issuer): State<Issuer>) -> Json<Value> {
    let book = issuer.book();
    let base = &book.base;
    let truth = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/auth"),
        "token_endpoint": format!("{base}/token"),
        "device_authorization_endpoint": format!("{base}/device/code"),
    });
    Json(bent(truth, &book.document))
}

async fn device(State(issuer): State<Issuer>, body: Bytes) -> Json<Value> {
    let form = form(&body);
    let mut book = issuer.book();
    book.challenge = form["code_challenge"].clone();
    book.seen.push(form);
    Json(json!({
        "device_code": "device-secret", "user_code": "ABCD-EFGH", "expires_in": 60,
        "interval": 0, "verification_uri": "https://issuer.example/device",
        "verification_uri_complete": "https://issuer.example/device?code=ABCD-EFGH",
    }))
}

async fn grant(State(issuer): State<Issuer>, body: Bytes) -> Response {
    let form = form(&body);
    let mut book = issuer.book();
    book.seen.push(form.clone());
    let no = |error: &str| {
        let body = json!({"error": error, "error_description": "it says no"});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    };
    if !book.errors.is_empty() {
        return no(book.errors.remove(0));
    }
    let proven = match form["grant_type"].as_str() {
        "client_credentials" => form
            .get("client_secret")
            .is_some_and(|s| s == "client-secret"),
        _ => {
            let verifier = Digest::sha256(form["code_verifier"].as_bytes()).bytes();
            URL_SAFE_NO_PAD.encode(verifier) == book.challenge
        }
    };
    if !proven {
        return no("invalid_grant");
    }
    let mut truth = json!({"iss": book.base, "sub": "s", "aud": form["client_id"],
        "email": "dana@example.com", "exp": 4_000_000_000u64});
    if let Some(nonce) = &book.nonce {
        truth["nonce"] = nonce.as_str().into();
    }
    let token = token(&bent(truth, &book.claims));
    Json(json!({"id_token": token, "access_token": "opaque", "token_type": "Bearer"}))
        .into_response()
}
