//! Credentials on request: HTTP Basic, and the bearer-token flow.
//!
//! RFC 7617, and the distribution project's *token authentication*. A token is
//! fetched from the realm that the registry names; a credential goes along only
//! if that realm is the registry's own: the same host, or a name under the same
//! two last labels, by HTTPS or on this machine.

use bulla_core::{Reference, limits};
use bulla_net::{Body, Request};
use http::StatusCode;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::PoisonError};
use url::{Host, Url};

use super::{ClientError, Registry};
use crate::credentials::Credential;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Pull,
    Push,
    Delete,
}

/// What a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    registry: String,
    repository: String,
    action: Action,
    /// Another repository of the registry that is read on the way.
    reading: Option<String>,
}

impl Scope {
    pub(super) fn new(at: &Reference, action: Action) -> Self {
        Self {
            registry: at.registry().to_owned(),
            repository: at.repository().to_owned(),
            action,
            reading: None,
        }
    }

    /// The same, while reading from another repository.
    pub(super) fn reading(self, from: &Reference) -> Self {
        let reading = Some(from.repository().to_owned());
        Self { reading, ..self }
    }

    /// What a token service calls it, one text for each repository.
    fn texts(&self) -> Vec<String> {
        let actions = match self.action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "delete,pull",
        };
        let own = format!("repository:{}:{actions}", self.repository);
        let reading = self.reading.iter();
        let reading = reading.map(|from| format!("repository:{from}:pull"));
        std::iter::once(own).chain(reading).collect()
    }
}

/// What stands in the Authorization header.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Grant(pub(super) String);

/// One challenge of a WWW-Authenticate header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case, `basic` or `bearer`.
    pub scheme: String,
    /// Its parameters, names in lower case.
    pub parameters: BTreeMap<String, String>,
}

/// Reads a WWW-Authenticate header (RFC 9110, 11.6.1); what cannot be read is left out.
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header.get(..8192).unwrap_or(header);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
            .unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        if token.is_empty() {
            return found;
        }
        let after = after.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = parse_value(value.trim_start_matches([' ', '\t']))
                else {
                    return found;
                };
                challenge
                    .parameters
                    .entry(token.to_ascii_lowercase())
                    .or_insert(value);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge {
                    scheme: token.to_ascii_lowercase(),
                    parameters: BTreeMap::new(),
                });
                rest = after;
            }
        }
    }
}

/// A token or quoted string, and what follows.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (index, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((value, quoted.get(index + 1..).unwrap_or_default())),
            _ => value.push(c),
        }
    }
    None
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registry {
    pub(super) fn granted(&self, scope: &Scope) -> Option<Grant> {
        let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.get(scope).cloned()
    }

    /// Answers the challenge of a 401 to `url`; what it grants is remembered.
    pub(super) async fn answer(
        &self,
        scope: &Scope,
        url: &Url,
        header: &str,
    ) -> Result<Grant, ClientError> {
        let credential = self.credentials.find(&scope.registry, &scope.repository)?;
        let challenges = parse_challenges(header);
        let of = |scheme: &str| challenges.iter().find(|c| c.scheme == scheme);
        let unauthorized = || ClientError::Unauthorized {
            registry: scope.registry.clone(),
            presented: false,
        };
        let grant = if let Some(Credential::RegistryToken(token)) = credential {
            Grant(format!("Bearer {token}"))
        } else if let Some(bearer) = of("bearer") {
            self.token(scope, url, bearer, credential).await?
        } else if of("basic").is_some() {
            let basic = credential.and_then(Credential::basic);
            Grant(format!("Basic {}", basic.ok_or_else(unauthorized)?))
        } else {
            return Err(unauthorized());
        };
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.insert(scope.clone(), grant.clone());
        Ok(grant)
    }

    pub(super) fn forget(&self, scope: &Scope) {
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        granted.remove(scope);
    }

    async fn token(
        &self,
        scope: &Scope,
        url: &Url,
        bearer: &Challenge,
        credential: Option<&Credential>,
    ) -> Result<Grant, ClientError> {
        let broken = |what| ClientError::Protocol {
            place: scope.registry.clone(),
            what,
        };
        let realm = bearer.parameters.get("realm");
        let mut realm = realm
            .and_then(|realm| Url::parse(realm).ok())
            .ok_or_else(|| broken("its challenge names no realm"))?;
        if credential.is_some() && !is_own(url, &realm) {
            return Err(ClientError::ForeignRealm {
                registry: scope.registry.clone(),
                realm: realm.host_str().unwrap_or_default().to_owned(),
            });
        }
        let service = bearer.parameters.get("service").map_or("", String::as_str);
        let request = match credential {
            Some(Credential::IdentityToken(token)) => {
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("service", service)
                    .append_pair("client_id", "bulla")
                    .append_pair("scope", &scope.texts().join(" "))
                    .append_pair("refresh_token", token)
                    .finish();
                Request::post(realm, Body::bytes(form))
                    .content_type("application/x-www-form-urlencoded")
            }
            other => {
                let mut query = realm.query_pairs_mut();
                query.append_pair("service", service);
                for text in scope.texts() {
                    query.append_pair("scope", &text);
                }
                drop(query);
                let request = Request::get(realm);
                match other.and_then(Credential::basic) {
                    Some(basic) => request.authorization(&format!("Basic {basic}"))?,
                    None => request,
                }
            }
        };
        let request = request.deadline(self.limits.answer);
        let answer = self.http.send(request).await?;
        if matches!(
            answer.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Err(ClientError::Unauthorized {
                registry: scope.registry.clone(),
                presented: credential.is_some(),
            });
        }
        let answer = answer.require(&[StatusCode::OK]).await?;
        let what = "the token service's answer";
        let bytes = answer.bytes(limits::SERVICE_ANSWER_BYTES, what).await?;
        let answer: TokenAnswer = limits::parse_json(&bytes, limits::SERVICE_ANSWER_BYTES, what)
            .map_err(|_| broken("its token service does not answer with JSON"))?;
        let token = answer.token.or(answer.access_token);
        let token = token.ok_or_else(|| broken("its token service gives no token"))?;
        Ok(Grant(format!("Bearer {token}")))
    }
}

/// Whether a token service may have the credential of the registry at `registry`.
fn is_own(registry: &Url, realm: &Url) -> bool {
    if registry.scheme() == "https" && realm.scheme() != "https" {
        return false;
    }
    match (registry.host(), realm.host()) {
        (Some(Host::Domain(registry)), Some(Host::Domain(realm))) => {
            let site = |name: &str| -> Vec<String> {
                let name = name.to_ascii_lowercase();
                name.rsplit('.').take(2).map(str::to_owned).collect()
            };
            registry == realm || (registry.contains('.') && site(registry) == site(realm))
        }
        (registry, realm) => registry == realm,
    }
}

#[cfg(test)]
mod tests;
