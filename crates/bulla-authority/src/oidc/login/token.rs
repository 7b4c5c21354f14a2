//! `/token`: codes, device codes and client secrets become ID tokens.
//!
//! RFC 6749 §4.1.3, §4.4 and §5, RFC 8628 §3.4; [`exchange`] is RFC 8693. Clients prove themselves by Basic
//! or in the body, never by both; public ones only say who they are. The access
//! token is the ID token itself: sigstore-python takes it from there.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::random;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

use super::{Login, exchange, posted::Posted};
use crate::oidc::{
    client::{Client, Grant},
    code::Redeemed,
    form::Form,
    identity::{self, Identity, Scope, pkce_fits},
    oauth_error::{OAuthError, Refusal},
};

/// The grant of RFC 8628.
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The connector of clients that come as themselves.
const CLIENT: &str = "client";
const CODE_BYTES: usize = 128;

pub(super) async fn token(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    Posted(form): Posted,
) -> Result<Response, OAuthError> {
    let answered = login.answer_token(&headers, form).await;
    if let Err(error) = &answered
        && !matches!(
            error.kind(),
            Refusal::AuthorizationPending | Refusal::SlowDown
        )
    {
        tracing::info!(
            target: "audit", event = "oidc.token.refused",
            why = error.name(), detail = error.description(),
        );
    }
    answered
}

impl Login {
    async fn answer_token(
        &self,
        headers: &HeaderMap,
        form: Result<Form, OAuthError>,
    ) -> Result<Response, OAuthError> {
        let form = form?;
        match form.need("grant_type", 128)? {
            "authorization_code" => self.by_code(headers, &form).await,
            "client_credentials" => self.by_secret(headers, &form).await,
            DEVICE => self.by_device_code(headers, &form).await,
            exchange::GRANT => self.by_exchange(headers, &form).await,
            _ => Err(OAuthError::new(
                Refusal::UnsupportedGrantType,
                "there is no such grant here",
            )),
        }
    }

    async fn by_code(&self, headers: &HeaderMap, form: &Form) -> Result<Response, OAuthError> {
        let client = self.client_of(headers, form).await?;
        allowed(&client, Grant::AuthorizationCode)?;
        let code = form.need("code", CODE_BYTES)?;
        let verifier = form.need("code_verifier", 128)?;
        let redirect = form.need("redirect_uri", 1024)?;
        let now = self.clock.now();
        let redeemed = self.codes.redeem(code, now).await;
        let authorization = match redeemed.map_err(|error| OAuthError::internal(&error))? {
            Redeemed::Now(authorization) => authorization,
            Redeemed::Replay => {
                tracing::warn!(target: "audit", event = "oidc.code.replayed", client = %client.id);
                return Err(OAuthError::grant("the code was used before"));
            }
            Redeemed::Unknown => {
                return Err(OAuthError::grant("the code is unknown or has expired"));
            }
        };
        if authorization.client != client.id {
            return Err(OAuthError::grant("the code was given to another client"));
        }
        if authorization.redirect_uri != redirect {
            return Err(OAuthError::grant("the code was sent to another address"));
        }
        if !pkce_fits(&authorization.challenge, verifier) {
            return Err(OAuthError::grant("the code verifier is wrong"));
        }
        let issue = Issue {
            nonce: authorization.nonce,
            ..Issue::of(authorization.scope)
        };
        self.issue_to_person(&client, &authorization.identity, issue)
            .await
    }

    async fn by_device_code(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Response, OAuthError> {
        let code = form.need("device_code", CODE_BYTES)?;
        let verifier = form.short("code_verifier", 128)?;
        // cosign names no client here; the code itself does.
        let named = match self.names_client(headers, form)? {
            true => Some(self.client_of(headers, form).await?),
            false => None,
        };
        let now = self.clock.now();
        let polled = self.devices.poll(code, now, |waiting| {
            if named
                .as_ref()
                .is_some_and(|client| client.id != waiting.client)
            {
                return Err(OAuthError::grant("the code was given to another client"));
            }
            let fits = match (&waiting.challenge, verifier) {
                (Some(challenge), Some(verifier)) => pkce_fits(challenge, verifier),
                (None, None) => true,
                _ => false,
            };
            match fits {
                true => Ok(()),
                false => Err(OAuthError::grant("the code verifier is wrong")),
            }
        });
        let (waiting, identity) = polled.await?;
        let client = match named {
            Some(client) => client,
            None => {
                let found = self.clients.get(&waiting.client).await;
                let found = found.map_err(|error| OAuthError::internal(&error))?;
                // One that has a secret must show it.
                found
                    .filter(Client::is_public)
                    .ok_or_else(|| OAuthError::client(false))?
            }
        };
        allowed(&client, Grant::DeviceCode)?;
        self.issue_to_person(&client, &identity, Issue::of(waiting.scope))
            .await
    }

    async fn by_secret(&self, headers: &HeaderMap, form: &Form) -> Result<Response, OAuthError> {
        let client = self.client_of(headers, form).await?;
        allowed(&client, Grant::ClientCredentials)?;
        if client.is_public() {
            return Err(OAuthError::client(false));
        }
        let scope = match form.short("scope", 1024)? {
            Some(text) => Scope::parse([text]),
            None => Scope::parse(["openid"]),
        };
        let mut audiences = vec![client.id.clone()];
        audiences.extend(client.audiences.iter().cloned());
        let asked: Vec<_> = form.all("audience").collect();
        if !asked.is_empty() {
            if !asked
                .iter()
                .all(|one| audiences.iter().any(|own| own == one))
            {
                return Err(OAuthError::new(
                    Refusal::InvalidTarget,
                    "the client was not registered for this audience",
                ));
            }
            audiences.retain(|one| asked.contains(&one.as_str()));
        }
        let now = self.clock.now();
        let identity = Identity {
            subject: format!("{}/client/{}", self.url(), client.id),
            email: None,
            name: None,
            groups: Vec::new(),
            connector: CLIENT.into(),
            user_id: client.id.clone(),
            auth_time: now.as_second(),
        };
        self.issue(&client, &identity, audiences, Issue::of(scope))
            .await
    }

    async fn issue_to_person(
        &self,
        client: &Client,
        identity: &Identity,
        issue: Issue,
    ) -> Result<Response, OAuthError> {
        let holds = self.still_holds(identity).await;
        if !holds.map_err(|error| OAuthError::internal(&error))?
            || !client.admits(&identity.connector)
        {
            return Err(OAuthError::grant("the login does not count any more"));
        }
        let audiences = vec![client.id.clone()];
        self.issue(client, identity, audiences, issue).await
    }

    /// Signs a token and answers with it.
    pub(super) async fn issue(
        &self,
        client: &Client,
        identity: &Identity,
        audiences: Vec<String>,
        issue: Issue,
    ) -> Result<Response, OAuthError> {
        let internal = |error: &dyn std::error::Error| OAuthError::internal(error);
        let expires = self.after(self.settings.token_life());
        let expires = issue.not_after.map_or(expires, |end| expires.min(end));
        let grant = identity::Grant {
            issuer: self.url(),
            identity,
            client: &client.id,
            audiences: audiences.clone(),
            scope: issue.scope,
            nonce: issue.nonce,
            act: issue.act,
            expires,
            id: random::bytes().map_err(|error| internal(&error))?,
        };
        let token = self.sign(grant).await.map_err(|error| internal(&error))?;
        tracing::info!(
            target: "audit", event = "oidc.token.issued",
            subject = %identity.subject, client = %client.id, audience = %audiences.join(" "),
        );
        let mut answer = json!({
            "access_token": token,
            "id_token": token,
            "token_type": "Bearer",
            "expires_in": expires.as_second().saturating_sub(self.clock.now().as_second()),
            "scope": issue.scope.text(),
        });
        if let Some(kind) = issue.token_type {
            answer["issued_token_type"] = kind.into();
        }
        let headers = [
            (header::CACHE_CONTROL, "no-store"),
            (header::PRAGMA, "no-cache"),
        ];
        Ok((headers, Json(answer)).into_response())
    }

    fn names_client(&self, headers: &HeaderMap, form: &Form) -> Result<bool, OAuthError> {
        let in_body = form.one("client_id")?.is_some() || form.one("client_secret")?.is_some();
        Ok(in_body || headers.contains_key(header::AUTHORIZATION))
    }

    /// The client that sends a request, proven as far as it can be.
    pub(super) async fn client_of(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Client, OAuthError> {
        let body_id = form.short("client_id", 64)?;
        let body_secret = form.short("client_secret", 256)?;
        let basic = basic(headers)?;
        let (id, secret) = match &basic {
            Some((id, secret)) => {
                if body_secret.is_some() || body_id.is_some_and(|other| other != id) {
                    return Err(OAuthError::request(
                        "a client proves itself in one way only",
                    ));
                }
                (id.as_str(), Some(secret.as_str()))
            }
            None => {
                let id = body_id.ok_or_else(|| OAuthError::client(false))?;
                (id, body_secret)
            }
        };
        let found = self.clients.get(id).await;
        let found = found.map_err(|error| OAuthError::internal(&error))?;
        found
            .filter(|client| client.accepts(secret))
            .ok_or_else(|| OAuthError::client(basic.is_some()))
    }
}

/// What a token is to say beside who it is about.
pub(super) struct Issue {
    pub(super) scope: Scope,
    pub(super) nonce: Option<String>,
    pub(super) act: Option<Value>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) token_type: Option<String>,
}

impl Issue {
    fn of(scope: Scope) -> Self {
        Self {
            scope,
            nonce: None,
            act: None,
            not_after: None,
            token_type: None,
        }
    }
}

fn allowed(client: &Client, grant: Grant) -> Result<(), OAuthError> {
    match client.may(grant) {
        true => Ok(()),
        false => Err(OAuthError::new(
            Refusal::UnauthorizedClient,
            "this client may not use this grant",
        )),
    }
}

/// Name and secret of an `Authorization: Basic` header (RFC 6749 §2.3.1: both
/// were encoded as in a form first).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    let refused = || OAuthError::client(true);
    if all.next().is_some() || value.len() > 1024 {
        return Err(refused());
    }
    let value = value.to_str().map_err(|_| refused())?;
    let (scheme, pair) = value.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let pair = STANDARD.decode(pair.trim()).map_err(|_| refused())?;
    let pair = String::from_utf8(pair).map_err(|_| refused())?;
    let (id, secret) = pair.split_once(':').ok_or_else(refused)?;
    // One field of a form each.
    let decoded = |text: &str| {
        let form = Form::parse(format!("v={text}").as_bytes()).ok()?;
        Some(form.one("v").ok()?.unwrap_or_default().to_owned())
    };
    let plain = |text: &str| !text.contains('&');
    match (decoded(id), decoded(secret)) {
        (Some(id_), Some(secret_)) if plain(id) && plain(secret) => Ok(Some((id_, secret_))),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests;
