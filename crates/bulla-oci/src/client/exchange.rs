//! One request to a registry, with its credential when it asks for one.

use bulla_core::Reference;
use bulla_net::{HttpError, Request, Response, http::is_loopback};
use http::{HeaderName, StatusCode, header};
use std::time::Duration;
use url::Url;

use super::{
    ClientError, Registry,
    auth::{Action, Scope},
    error::parse_errors,
};

impl Registry {
    /// The address of `path` in the repository of `at`: by plain HTTP only on this
    /// machine, and not there if it speaks TLS.
    pub(super) fn address(&self, at: &Reference, path: &str) -> Result<Url, ClientError> {
        let parse = |scheme: &str| {
            let (registry, repository) = (at.registry(), at.repository());
            Url::parse(&format!("{scheme}://{registry}/v2/{repository}/{path}")).map_err(|_| {
                ClientError::Http(HttpError::Url {
                    url: at.name(),
                    why: "it is no address",
                })
            })
        };
        let url = parse("http")?;
        let secured = self.secured.as_deref() == Some(at.registry());
        if is_loopback(&url) && !secured {
            return Ok(url);
        }
        parse("https")
    }

    /// Sends what `make` makes for `path` below `/v2/REPOSITORY/`; once more,
    /// with a credential, if the registry asks for one. Every status but 401 is
    /// an answer.
    pub(super) async fn exchange(
        &self,
        at: &Reference,
        action: Action,
        path: &str,
        make: impl Fn(Url) -> Request,
    ) -> Result<Response, ClientError> {
        let url = self.address(at, path)?;
        self.exchange_at(at, action, url, self.limits.answer, make)
            .await
    }

    /// The same at a whole address of the same registry, with that much patience.
    pub(super) async fn exchange_at(
        &self,
        at: &Reference,
        action: Action,
        url: Url,
        patience: Duration,
        make: impl Fn(Url) -> Request,
    ) -> Result<Response, ClientError> {
        let scope = Scope::new(at, action);
        self.exchange_in(at, scope, url, patience, make).await
    }

    /// The same in a scope that is wider than the repository.
    pub(super) async fn exchange_in(
        &self,
        at: &Reference,
        scope: Scope,
        url: Url,
        patience: Duration,
        make: impl Fn(Url) -> Request,
    ) -> Result<Response, ClientError> {
        let mut grant = self.granted(&scope);
        for last in [false, true] {
            let request = make(url.clone()).deadline(patience);
            let request = match &grant {
                Some(grant) => request.authorization(&grant.0)?,
                None => request,
            };
            let answer = self.http.send(request).await?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            self.forget(&scope);
            let header = answer.header(header::WWW_AUTHENTICATE).unwrap_or_default();
            if last {
                break;
            }
            let fresh = self.answer(&scope, &url, header).await?;
            if grant.as_ref() == Some(&fresh) {
                self.forget(&scope);
                break;
            }
            grant = Some(fresh);
        }
        Err(ClientError::Unauthorized {
            registry: at.registry().to_owned(),
            presented: true,
        })
    }
}

/// The error of an answer that is not the one hoped for.
pub(super) async fn refusal(place: String, answer: Response) -> ClientError {
    let status = answer.status();
    if status == StatusCode::NOT_FOUND {
        return ClientError::NotFound { what: place };
    }
    let bytes = answer.bytes(64 << 10, "its error").await;
    ClientError::Refused {
        place,
        status,
        answer: parse_errors(&bytes.unwrap_or_default()),
    }
}

/// A header of an answer as owned text.
pub(super) fn text(answer: &Response, name: HeaderName) -> Option<String> {
    answer.header(name).map(str::to_owned)
}
