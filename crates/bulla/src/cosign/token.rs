//! The ID token to sign with: given, from the surroundings, or by signing in.

use bulla_core::{Clock as _, SystemClock};
use bulla_net::{
    HttpClient, Token,
    oidc::{self, Ambient, Login, Notice, OidcError, Provider, Secret},
};
use bulla_trust::root::SigningServices;
use std::io::IsTerminal as _;

use super::{failure::Failure, given::Given, material, say};

/// Gets it.
///
/// # Errors
/// If there is none to be had.
pub async fn get(
    given: &Given,
    http: &HttpClient,
    services: &SigningServices,
) -> Result<Token, Failure> {
    let failed = |error: OidcError| Failure::from_error("retrieving ID token", &error);
    if let Some(text) = given.text("identity-token") {
        return oidc::given(text).map_err(failed);
    }
    if !given.on("oidc-disable-ambient-providers") {
        let mut ambient = Ambient::process();
        if let Some(name) = given.text("oidc-provider") {
            ambient.provider = Some(name.parse::<Provider>().map_err(failed)?);
        }
        let found = oidc::detect(http, &ambient, SystemClock.now()).await;
        if let Some(found) = found.map_err(failed)? {
            return Ok(found.token);
        }
    }
    sign_in(given, http, services).await
}

async fn sign_in(
    given: &Given,
    http: &HttpClient,
    services: &SigningServices,
) -> Result<Token, Failure> {
    let issuer = services.oidc.as_deref().ok_or_else(|| {
        Failure::coded(
            "CLI-0464",
            "retrieving ID token: no token was found, and no issuer is named",
        )
        .hint("give one with --identity-token, or SIGSTORE_ID_TOKEN")
    })?;
    let mut login = Login::at(issuer);
    if let Some(id) = given.text("oidc-client-id") {
        login.client_id = id.to_owned();
    }
    if let Some(path) = given.text("oidc-client-secret-file") {
        let bytes = material::small(path, "client secret")?;
        login.client_secret = Some(Secret::new(String::from_utf8_lossy(&bytes).trim()));
    }
    if let Some(text) = given.text("oidc-redirect-url") {
        let url = text.parse().map_err(|error| {
            Failure::coded("CLI-0463", format!("--oidc-redirect-url {text}: {error}"))
        })?;
        login.redirect = Some(url);
    }
    let notify = |notice: Notice<'_>| match notice {
        Notice::Visit { url, opened: true } => {
            say::line(&format!("Your browser will now be opened to:\n{url}"));
        }
        Notice::Visit { url, .. } => say::line(&format!("Go to the following link:\n{url}")),
        Notice::Enter { url, code, .. } => {
            say::line(&format!("Enter the verification code {code} at: {url}"));
        }
        _ => {}
    };
    let flow = given.text("fulcio-auth-flow").unwrap_or_default();
    let token = match flow {
        "client_credentials" => oidc::client_credentials(http, &login, SystemClock.now()).await,
        "device" => oidc::device(http, &login, &notify, &SystemClock).await,
        "normal" => oidc::browser(http, &login, &notify, &SystemClock).await,
        "" if std::io::stderr().is_terminal() => {
            oidc::browser(http, &login, &notify, &SystemClock).await
        }
        "" => oidc::device(http, &login, &notify, &SystemClock).await,
        other => {
            return Err(
                Failure::coded("CLI-0465", format!("unknown oauth flow {other:?}")).hint(
                    "normal, device or client_credentials; with a token at hand, --identity-token",
                ),
            );
        }
    };
    token.map_err(|error| Failure::from_error("retrieving ID token", &error))
}
