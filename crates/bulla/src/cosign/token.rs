//! The ID token to sign with: given, from the surroundings, or by signing in.

use bulla_net::{
    HttpClient, Token,
    oidc::{self, Detect, Flow, OidcError, Provider},
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
        let mut options = Detect::default();
        if let Some(name) = given.text("oidc-provider") {
            options.provider = Some(name.parse::<Provider>().map_err(failed)?);
        }
        if let Some(found) = oidc::detect(http, &options).await.map_err(failed)? {
            return Ok(found.token);
        }
        if let Some(name) = given.text("oidc-provider") {
            return Err(Failure::coded("CLI-0463", format!("the provider {name} gives no token here")));
        }
    }
    sign_in(given, http, services).await
}

async fn sign_in(
    given: &Given,
    http: &HttpClient,
    services: &SigningServices,
) -> Result<Token, Failure> {
    let failed = |error: OidcError| Failure::from_error("retrieving ID token", &error);
    let issuer = services.oidc.as_deref().ok_or_else(|| {
        Failure::coded("CLI-0464", "retrieving ID token: no token was found, and no issuer is named")
            .hint("give one with --identity-token, or SIGSTORE_ID_TOKEN")
    })?;
    let mut flow = Flow::new(issuer);
    if let Some(id) = given.text("oidc-client-id") {
        flow = flow.client(id);
    }
    if let Some(path) = given.text("oidc-client-secret-file") {
        let bytes = material::small(path, "client secret")?;
        flow = flow.secret(String::from_utf8_lossy(&bytes).trim());
    }
    if let Some(url) = given.text("oidc-redirect-url") {
        flow = flow.redirect(url).map_err(failed)?;
    }
    let notify = |line: &str| say::line(line);
    let name = given.text("fulcio-auth-flow").unwrap_or_default();
    let token = match name {
        "client_credentials" => oidc::client_credentials(http, &flow).await,
        "device" => oidc::device(http, &flow, &notify).await,
        "normal" => oidc::browser(http, &flow, &notify).await,
        "" if std::io::stderr().is_terminal() => oidc::browser(http, &flow, &notify).await,
        "" => oidc::device(http, &flow, &notify).await,
        other => {
            return Err(Failure::coded("CLI-0465", format!("unknown oauth flow {other:?}"))
                .hint("normal, device or client_credentials; with a token at hand, --identity-token"));
        }
    };
    token.map_err(failed)
}
