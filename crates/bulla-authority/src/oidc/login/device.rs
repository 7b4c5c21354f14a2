//! Device logins: `/device/code` for programs, `/device` for the person's code.
//!
//! The page asks for everything at once and looks nothing up before it knows who
//! asks, so that codes cannot be guessed by passers-by; each wrong code counts
//! against the person who typed it. The text warns of codes that somebody else
//! sent (RFC 8628 §5.4).

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;

use super::{
    Login,
    authorize::{broken, refuse},
    credentials::Denied,
    posted::Posted,
    request,
    upstream::Errand,
};
use crate::oidc::{
    LoginError,
    attempts::Leave,
    client::{Client, Grant},
    device::{self, INTERVAL, LIFE},
    form::Form,
    identity::{Identity, Scope},
    oauth_error::{OAuthError, Refusal},
    page::{Html, Page},
};

const ATTEMPT: &str = "device";
const CODE_BYTES: usize = 32;
const NO_CODE: &str = "There is no such code, or it is too old. Ask the program for a new one.";

pub(super) async fn begin(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    Posted(form): Posted,
) -> Result<Response, OAuthError> {
    let form = form?;
    let client = login.client_of(&headers, &form).await?;
    if !client.may(Grant::DeviceCode) {
        return Err(OAuthError::new(
            Refusal::UnauthorizedClient,
            "this client may not use device logins",
        ));
    }
    let scope = Scope::parse(form.short("scope", 1024)?);
    if !scope.openid {
        return Err(OAuthError::new(
            Refusal::InvalidScope,
            "the scope openid must be asked for",
        ));
    }
    let challenge = request::challenge(&form)?;
    if !login.throttle.admits(login.clock.now()) {
        return Err(OAuthError::new(
            Refusal::TemporarilyUnavailable,
            "too many device logins begin at once",
        ));
    }
    let begun = login
        .devices
        .begin(client.id, scope, challenge, login.after(LIFE))
        .await;
    let (device_code, user_code) = begun.map_err(|error| OAuthError::internal(&error))?;
    let shown = device::shown(&user_code);
    let page = format!("{}/device", login.url());
    let answer = Json(json!({
        "device_code": device_code,
        "user_code": shown,
        "verification_uri_complete": format!("{page}?user_code={shown}"),
        "verification_uri": page,
        "expires_in": LIFE,
        "interval": INTERVAL,
    }));
    Ok(([(header::CACHE_CONTROL, "no-store")], answer).into_response())
}

pub(super) async fn ask(
    State(login): State<Arc<Login>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let form = match Form::parse(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return refuse(&error),
    };
    let code = form.short("user_code", CODE_BYTES).ok().flatten();
    let code = code.and_then(device::normal).unwrap_or_default();
    login.show_device(&headers, &code, None).await
}

pub(super) async fn answer(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    Posted(form): Posted,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(error) => return refuse(&error),
    };
    let typed = form.short("user_code", CODE_BYTES).ok().flatten();
    let typed = typed.unwrap_or_default();
    let code = device::normal(typed).unwrap_or_default();
    let again = async |text: &str, status, retry: Option<i64>| {
        let note = Some((text, status, retry));
        login.show_device(&headers, &code, note).await
    };
    if !login.own_form(&headers, &form) {
        let text = "The page was open too long, or it was not opened in this browser. Try again.";
        return again(text, StatusCode::OK, None).await;
    }
    if let Some(connector) = login.connector_of(&form) {
        return login.send_away(connector, Errand::Device(code)).await;
    }
    let decided = async {
        let identity = login.device_person(&headers, &form).await?;
        let allowed = form.one("action").ok().flatten() == Some("allow");
        login.decide(identity, typed, allowed).await
    };
    match decided.await {
        Ok(page) => page.into_response(),
        Err(Refused::Code) => again(NO_CODE, StatusCode::OK, None).await,
        Err(Refused::Person(denied)) => {
            let status = match &denied {
                Denied::Wrong => StatusCode::OK,
                Denied::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
                Denied::Internal(error) => {
                    tracing::error!(%error, "a device login could not be checked");
                    StatusCode::SERVICE_UNAVAILABLE
                }
            };
            again(&denied.text(), status, denied.retry_after()).await
        }
    }
}

enum Refused {
    Code,
    Person(Denied),
}

impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        Self::Person(Denied::Internal(error))
    }
}

impl Login {
    /// Goes on with a code whose person logged in at an upstream issuer.
    pub(super) async fn resume_device(
        &self,
        headers: &HeaderMap,
        code: &str,
        identity: Identity,
    ) -> Response {
        match self.decide(identity, code, true).await {
            Ok(page) => page.into_response(),
            Err(Refused::Code) => {
                let note = Some((NO_CODE, StatusCode::OK, None));
                self.show_device(headers, code, note).await
            }
            Err(Refused::Person(denied)) => {
                let text = denied.text();
                let status = StatusCode::TOO_MANY_REQUESTS;
                let note = Some((text.as_str(), status, denied.retry_after()));
                self.show_device(headers, code, note).await
            }
        }
    }

    async fn decide(
        &self,
        identity: Identity,
        typed: &str,
        allowed: bool,
    ) -> Result<Page, Refused> {
        let now = self.clock.now();
        let audit = |event: &'static str, client: &str| {
            tracing::info!(target: "audit", event, user = %identity.subject, client);
        };
        let leave = self.attempts.count(ATTEMPT, &identity.subject, now).await?;
        if let Leave::Wait(time) = leave {
            audit("oidc.device.too-many", "");
            return Err(Refused::Person(Denied::Wait(time)));
        }
        let Some(waiting) = self.devices.find(typed, now).await? else {
            audit("oidc.device.unknown-code", "");
            return Err(Refused::Code);
        };
        let id = waiting.value.client.clone();
        let client = self.clients.get(&id).await?;
        if !client.is_some_and(|client| client.admits(&identity.connector)) {
            audit("oidc.device.refused", &id);
            return Err(Refused::Code);
        }
        self.attempts.forget(ATTEMPT, &identity.subject).await?;
        let answer = allowed.then(|| identity.clone());
        if !self.devices.answer(&waiting, answer).await? {
            return Err(Refused::Code);
        }
        let (title, text) = match allowed {
            true => {
                audit("oidc.device.allowed", &id);
                (
                    "You are logged in",
                    "is told who you are. You can close this page.",
                )
            }
            false => {
                audit("oidc.device.denied", &id);
                ("Refused", "is told nothing. You can close this page.")
            }
        };
        let html = Html::default()
            .raw("<p>The program <strong>")
            .text(&id)
            .raw("</strong> ")
            .text(text)
            .raw("</p>");
        Ok(Page::new(title, html))
    }

    async fn device_person(&self, headers: &HeaderMap, form: &Form) -> Result<Identity, Refused> {
        if form.all("email").next().is_none()
            && let Some(identity) = self.session(headers, self.clock.now()).await?
        {
            return Ok(identity);
        }
        // Which client it is for is not looked up yet; its own rule is asked after.
        let any = Client::sigstore();
        self.log_in(form, &any).await.map_err(Refused::Person)
    }

    async fn show_device(
        &self,
        headers: &HeaderMap,
        code: &str,
        note: Option<(&str, StatusCode, Option<i64>)>,
    ) -> Response {
        let session = match self.session(headers, self.clock.now()).await {
            Ok(session) => session,
            Err(error) => return broken(&error),
        };
        let page = |csrf: &str| {
            let html = Html::default()
                .alert(note.map(|(text, ..)| text))
                .raw("<p>Enter the code that a program shows on another screen. <strong>Go on only if you started that program yourself just now</strong>: it will be able to sign in your name.</p><form method=\"post\" action=\"device\">")
                .hidden("csrf", csrf)
                .raw("<label>Code<input name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" required maxlength=\"16\" value=\"")
                .text(&device::shown(code))
                .raw("\"></label>");
            let html = match &session {
                Some(identity) => html
                    .raw("<p>You are logged in as <strong>")
                    .text(identity.email.as_deref().unwrap_or(&identity.subject))
                    .raw("</strong>.</p>"),
                None => html.credentials(""),
            };
            let html = html.raw("<button name=\"action\" value=\"allow\">Allow</button><button name=\"action\" value=\"deny\">Refuse</button>");
            let html = match session {
                Some(_) => html,
                None => self.buttons(html, self.connectors.for_login()),
            };
            let html = html.raw("</form>");
            let mut page = Page::new("Log in on another device", html);
            if let Some((_, status, retry)) = note {
                page = page.status(status);
                if let Some(seconds) = retry {
                    page = page.retry_after(seconds);
                }
            }
            page
        };
        self.with_form(headers, page)
            .unwrap_or_else(|error| broken(&error.into()))
    }
}
