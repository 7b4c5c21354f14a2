//! Logging in as a program (RFC 6749 §4.4), where an issuer knows one.

use jiff::Timestamp;

use super::{
    Login, OidcError, Token,
    issuer::{Discovery, grant},
};
use crate::http::HttpClient;

/// The ID token of the client itself, who has a secret.
///
/// # Errors
/// [`OidcError`] if the issuer refuses.
pub async fn client_credentials(
    http: &HttpClient,
    login: &Login,
    now: Timestamp,
) -> Result<Token, OidcError> {
    let issuer = Discovery::fetch(http, login).await?;
    let form = login.form(&[
        ("grant_type", "client_credentials"),
        ("scope", "openid email"),
    ]);
    let token = grant(http, issuer.token()?, form).await?.or_denied()?;
    login.accept(token, None, now)
}
