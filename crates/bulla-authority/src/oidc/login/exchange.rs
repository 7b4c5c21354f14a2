//! Token exchange (RFC 8693): a token of a configured upstream issuer for ours.
//!
//! Never wider than before: only subjects, audiences, scopes and clients that a
//! rule names, never longer than the subject's own token, and never past the
//! client's list of connectors (Dex, GHSA-7qjx-gp9h-65qj: the exchange forgot it).
//! Who acts is recorded in `act`. Whatever is wrong with a token is
//! `invalid_request`, as §2.2.2 wants it.

use axum::{http::HeaderMap, response::Response};
use bulla_trust::jwt::{Claims, UnverifiedToken};
use serde_json::{Value, json};

use super::{Login, token::Issue};
use crate::oidc::{
    TokenUse,
    client::Grant,
    connector::Connector,
    form::Form,
    identity::Scope,
    oauth_error::{OAuthError, Refusal},
};

/// The grant.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TOKEN_BYTES: usize = bulla_core::limits::TOKEN_BYTES as usize;
/// Actors that are remembered, the present one included.
const ACTORS: usize = 4;

struct Presented<'a> {
    connector: &'a Connector,
    claims: Claims,
    signing_input: Vec<u8>,
}

impl Login {
    pub(super) async fn by_exchange(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Response, OAuthError> {
        let client = self.client_of(headers, form).await?;
        if !client.may(Grant::TokenExchange) {
            return Err(OAuthError::new(
                Refusal::UnauthorizedClient,
                "this client may not use this grant",
            ));
        }
        let kind = form.short("requested_token_type", 128)?.unwrap_or(ID_TOKEN);
        if ![ID_TOKEN, JWT, ACCESS_TOKEN].contains(&kind) {
            return Err(OAuthError::request("only ID tokens are given"));
        }
        let subject = self
            .presented(form, "subject_token", "subject_token_type")
            .await?;
        let subject = subject.ok_or_else(|| OAuthError::missing("subject_token"))?;
        let actor = self
            .presented(form, "actor_token", "actor_token_type")
            .await?;
        let (connector, claims) = (subject.connector, &subject.claims);
        let id = &connector.settings().id;
        let rule = self.connectors.rule(id, &claims.subject, &client.id);
        let rule = rule
            .filter(|_| client.admits(id))
            .ok_or_else(|| OAuthError::request("no rule lets this client exchange this token"))?;
        let mut audiences: Vec<String> = form.all("audience").map(str::to_owned).collect();
        if audiences.is_empty() {
            audiences.clone_from(&rule.audiences);
        }
        let known = |audience| rule.audiences.contains(audience);
        if form.one("resource")?.is_some() || !audiences.iter().all(known) {
            return Err(OAuthError::new(
                Refusal::InvalidTarget,
                "no rule allows this audience",
            ));
        }
        let mut scope = Scope::parse(rule.scopes.iter().map(String::as_str));
        if let Some(text) = form.short("scope", 1024)? {
            scope = scope.and(Scope::parse([text]));
        }
        if let Some(own) = claims.all.text("scope") {
            scope = scope.and(Scope::parse([&*own]));
        }
        let now = self.clock.now();
        let identity = match connector.person(claims, now) {
            Some(person) => person,
            None => connector.workload(self.url(), claims, now),
        };
        let holds = self.still_holds(&identity).await;
        if !holds.map_err(|error| OAuthError::internal(&error))? {
            return Err(OAuthError::request("this subject may not have tokens"));
        }
        let act = self.actor(&client.id, claims, actor.as_ref())?;
        if connector.settings().keys.single_use {
            let first = self.single_use.spend(TokenUse {
                issuer: &claims.issuer,
                jti: claims.token_id.as_deref(),
                signing_input: &subject.signing_input,
                expires: claims.expires,
            });
            if !first.await.map_err(|error| OAuthError::internal(&error))? {
                tracing::warn!(target: "audit", event = "oidc.token.replayed", connector = %id);
                return Err(OAuthError::request("the subject token was used before"));
            }
        }
        let issue = Issue {
            scope,
            nonce: None,
            act: Some(act),
            not_after: Some(claims.expires),
            token_type: Some(kind.to_owned()),
        };
        self.issue(&client, &identity, audiences, issue).await
    }

    /// A token of the request, checked.
    async fn presented(
        &self,
        form: &Form,
        name: &'static str,
        kind: &'static str,
    ) -> Result<Option<Presented<'_>>, OAuthError> {
        let kind = form.short(kind, 128)?;
        let Some(token) = form.short(name, TOKEN_BYTES)? else {
            return match kind {
                Some(_) => Err(OAuthError::missing(name)),
                None => Ok(None),
            };
        };
        if !kind.is_some_and(|kind| [ID_TOKEN, JWT].contains(&kind)) {
            return Err(OAuthError::request("only ID tokens are taken"));
        }
        let refused = |error: &dyn std::error::Error| {
            tracing::info!(target: "audit", event = "oidc.exchange.refused", why = %error);
            OAuthError::request("a token is not valid here")
        };
        let read = UnverifiedToken::parse(token.as_bytes()).map_err(|error| refused(&error))?;
        let connector = self.connectors.of_issuer(&read.claims().issuer);
        let connector = connector
            .ok_or_else(|| OAuthError::request("a token is of an issuer that nobody named"))?;
        let verified = self
            .issuers
            .verify(token.as_bytes(), &connector.for_exchange)
            .await;
        let verified = verified.map_err(|error| refused(&error))?;
        Ok(Some(Presented {
            connector,
            claims: verified.claim().clone(),
            signing_input: read.signing_input().to_vec(),
        }))
    }

    /// Who acts (§4.1): the actor's token, else the client; then who acted before.
    fn actor(
        &self,
        client: &str,
        subject: &Claims,
        actor: Option<&Presented<'_>>,
    ) -> Result<Value, OAuthError> {
        let (issuer, name) = match actor {
            Some(actor) => (actor.claims.issuer.clone(), actor.claims.subject.clone()),
            None => (
                self.url().to_owned(),
                format!("{}/client/{client}", self.url()),
            ),
        };
        // §4.4: the subject may have named who alone may act.
        if let Some(may) = subject.all.json("may_act") {
            let is = |name, value: &str| may.get(name).is_none_or(|named| named == value);
            if may.get("sub").is_none() || !is("sub", &name) || !is("iss", &issuer) {
                return Err(OAuthError::request("the subject lets somebody else act"));
            }
        }
        let mut act = json!({"iss": issuer, "sub": name});
        if let Some(before) = subject.all.json("act") {
            let mut depth = 1;
            let mut inner = Some(&before);
            while let Some(next) = inner {
                depth += 1;
                inner = next.get("act");
            }
            if depth > ACTORS {
                return Err(OAuthError::request("too many have acted before"));
            }
            act["act"] = before;
        }
        Ok(act)
    }
}
