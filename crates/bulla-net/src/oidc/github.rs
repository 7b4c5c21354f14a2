//! GitHub Actions: a job with `id-token: write` may ask for tokens.
//!
//! `ACTIONS_ID_TOKEN_REQUEST_URL` and `_TOKEN`, as GitHub documents them under
//! *OpenID Connect reference*. The address carries a query already, and the
//! audience is appended to it.

use bulla_core::limits;
use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::{OidcError, Token};
use crate::{
    environment::Environment,
    http::{HttpClient, Request},
};

const FROM: &str = "GitHub";
const NAME: &str = "github-actions";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const CREDENTIAL: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

pub(super) fn is_there(environment: &Environment) -> bool {
    environment.get(URL).is_some() && environment.get(CREDENTIAL).is_some()
}

pub(super) async fn token(
    http: &HttpClient,
    environment: &Environment,
    audience: &str,
) -> Result<Token, OidcError> {
    let variable = |name: &str| {
        environment.text(name).ok_or_else(|| OidcError::Missing {
            provider: NAME,
            missing: name.to_owned(),
        })
    };
    let (address, credential) = (variable(URL)?, variable(CREDENTIAL)?);
    let mut url = Url::parse(address).map_err(|_| OidcError::Answer {
        from: FROM,
        detail: format!("{URL} is not a URL"),
    })?;
    url.query_pairs_mut().append_pair("audience", audience);
    let request = Request::get(url)
        .accept("application/json")
        .authorization(&format!("bearer {credential}"))?;
    let answer = http.send(request).await?;
    let answer = answer.require(&[StatusCode::OK]).await?;
    let bytes = answer.bytes(limits::TOKEN_BYTES + 1024, "a token").await?;
    let answer: Answer = limits::parse_json(&bytes, limits::TOKEN_BYTES + 1024, "token answer")
        .map_err(|source| OidcError::Limit { from: FROM, source })?;
    Ok(Token::new(answer.value))
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}
