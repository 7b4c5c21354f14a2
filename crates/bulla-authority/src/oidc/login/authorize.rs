//! `/auth`: a program sends a person here, and gets a code if they log in.
//!
//! The request travels through the form unchanged and is checked anew each time;
//! nothing is stored before somebody has logged in. A session shortens the form to
//! one button, never to none: programs on one's own machine can be anybody
//! (RFC 8252 §8.6).

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use bulla_crypto::KeyError;
use std::sync::Arc;

use super::{
    Login,
    credentials::Denied,
    posted::Posted,
    request::{AuthRequest, Destination},
    upstream::Errand,
};
use crate::oidc::{
    LoginError,
    code::{self, Authorization},
    connector::Connector,
    cookie::{FormCookie, Kind},
    form::Form,
    identity::Identity,
    oauth_error::{OAuthError, Refusal},
    page::{Html, Page},
};

/// How long a form may stay open, in seconds.
const FORM_SECONDS: i64 = 3600;
const ID_BYTES: usize = 64;
/// Before the id of an upstream issuer, in the name of a button.
const ELSEWHERE: &str = "at:";

pub(super) async fn ask(
    State(login): State<Arc<Login>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    match login.read(form).await {
        Ok(request) => login.show(&request, &headers, None).await,
        Err(response) => response,
    }
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
    let request = match login.read(Ok(form.clone())).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    if !login.own_form(&headers, &form) {
        let text =
            "The page was open too long, or it was not opened in this browser. Log in again.";
        return login.show(&request, &headers, Some(Note::text(text))).await;
    }
    let action = form.short("action", 64).ok().flatten().unwrap_or_default();
    let outcome = match action {
        "deny" => {
            let error = OAuthError::new(Refusal::AccessDenied, "the person refused");
            return login.send_back(&request.destination(), &error);
        }
        "continue" => match login.usable_session(&request, &headers).await {
            Ok(Some(identity)) => Ok((identity, None)),
            Ok(None) => {
                let text = "You are not logged in any more.";
                return login.show(&request, &headers, Some(Note::text(text))).await;
            }
            Err(error) => Err(Denied::Internal(error)),
        },
        "switch" => return login.switch(&request, &headers).await,
        action => match action.strip_prefix(ELSEWHERE) {
            Some(id) => return login.elsewhere(id, &request).await,
            None => login.log_in_and_remember(&form, &request).await,
        },
    };
    match outcome {
        Ok((identity, cookie)) => login.grant(&request, identity, cookie).await,
        Err(denied) => {
            let note = Note {
                text: denied.text(),
                status: match denied {
                    Denied::Wrong => StatusCode::OK,
                    Denied::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
                    Denied::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
                },
                retry_after: denied.retry_after(),
            };
            if let Denied::Internal(error) = &denied {
                tracing::error!(%error, "a login could not be checked");
            }
            login.show(&request, &headers, Some(note)).await
        }
    }
}

/// Something to tell on the login page.
struct Note {
    text: String,
    status: StatusCode,
    retry_after: Option<i64>,
}

impl Note {
    fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            status: StatusCode::OK,
            retry_after: None,
        }
    }
}

impl Login {
    /// The request of a form, or the response that refuses it.
    async fn read(&self, form: Result<Form, OAuthError>) -> Result<AuthRequest, Response> {
        let form = form.map_err(|error| refuse(&error))?;
        let shown = |text: &str| {
            tracing::info!(target: "audit", event = "oidc.auth.refused", why = text);
            Page::message(StatusCode::BAD_REQUEST, "This login cannot go on", text).into_response()
        };
        let id = form.need("client_id", ID_BYTES);
        let id = id.map_err(|_| shown("The request does not say which program it is from."))?;
        let client = self.clients.get(id).await.map_err(|error| broken(&error))?;
        let Some(client) = client else {
            return Err(shown("The program that sent you here is not registered."));
        };
        let to = Destination::of(&form, &client).map_err(shown)?;
        let parsed = AuthRequest::parse(&form, client, &to);
        parsed.map_err(|error| self.send_back(&to, &error))
    }

    /// Whether the form was one that we gave to this browser.
    pub(super) fn own_form(&self, headers: &HeaderMap, form: &Form) -> bool {
        let token = form.short("csrf", 64).ok().flatten();
        let cookie = FormCookie::of(&self.jar, headers);
        let own = cookie.is_ok_and(|cookie| cookie.vouches_for(token));
        if !own {
            tracing::info!(target: "audit", event = "oidc.form.refused", why = "not a form of this browser");
        }
        own
    }

    /// A page with a form on it, and the cookie that ties it to the browser.
    pub(super) fn with_form(
        &self,
        headers: &HeaderMap,
        page: impl FnOnce(&str) -> Page,
    ) -> Result<Response, KeyError> {
        let cookie = FormCookie::of(&self.jar, headers)?;
        let mut response = page(&cookie.token()).into_response();
        let set = self.jar.set(Kind::Form, cookie.value(), FORM_SECONDS);
        if let Some(set) = set {
            response.headers_mut().append(header::SET_COOKIE, set);
        }
        Ok(response)
    }

    async fn usable_session(
        &self,
        request: &AuthRequest,
        headers: &HeaderMap,
    ) -> Result<Option<Identity>, LoginError> {
        let now = self.clock.now();
        let session = self.session(headers, now).await?;
        Ok(session.filter(|identity| {
            let age = now.as_second().saturating_sub(identity.auth_time);
            !request.fresh
                && request.max_age.is_none_or(|most| age <= most)
                && request.client.admits(&identity.connector)
        }))
    }

    async fn show(
        &self,
        request: &AuthRequest,
        headers: &HeaderMap,
        note: Option<Note>,
    ) -> Response {
        if request.silent {
            let error = OAuthError::new(
                Refusal::InteractionRequired,
                "nobody is let in without a click",
            );
            return self.send_back(&request.destination(), &error);
        }
        let session = match self.usable_session(request, headers).await {
            Ok(session) => session,
            Err(error) => return broken(&error),
        };
        let page = |csrf: &str| {
            let html = Html::default()
                .alert(note.as_ref().map(|note| note.text.as_str()))
                .raw("<p>The program <strong>")
                .text(&request.client.id)
                .raw("</strong> asks who you are.</p><form method=\"post\" action=\"auth\">")
                .hidden("csrf", csrf)
                .hidden_all(&request.fields());
            let html = match &session {
                Some(identity) => html
                    .raw("<p>You are logged in as <strong>")
                    .text(identity.email.as_deref().unwrap_or(&identity.subject))
                    .raw("</strong>.</p><button name=\"action\" value=\"continue\">Continue</button><button name=\"action\" value=\"switch\">Be somebody else</button>"),
                None => html
                    .credentials("")
                    .raw("<button name=\"action\" value=\"login\">Log in</button>"),
            };
            let connectors = self.connectors.for_login();
            let connectors = connectors.filter(|one| request.client.admits(&one.settings().id));
            let html = match session {
                Some(_) => html,
                None => self.buttons(html, connectors),
            };
            let html = html.raw(
                "<button name=\"action\" value=\"deny\" formnovalidate>Cancel</button></form>",
            );
            let mut page = Page::new("Log in", html).forms_to(&request.redirect_uri);
            if let Some(note) = &note {
                page = page.status(note.status);
                if let Some(seconds) = note.retry_after {
                    page = page.retry_after(seconds);
                }
            }
            page
        };
        self.with_form(headers, page)
            .unwrap_or_else(|error| broken(&error.into()))
    }

    /// Ends the session, and asks who it is.
    async fn switch(&self, request: &AuthRequest, headers: &HeaderMap) -> Response {
        if let Some(cookie) = self.jar.get(headers, Kind::Session) {
            let ended = self.sessions.end(&cookie, self.clock.now()).await;
            if let Err(error) = ended {
                return broken(&error);
            }
        }
        self.show(request, headers, None).await
    }

    /// A button for each upstream issuer.
    pub(super) fn buttons<'a>(
        &self,
        html: Html,
        connectors: impl Iterator<Item = &'a Connector>,
    ) -> Html {
        connectors.fold(html, |html, connector| {
            let settings = connector.settings();
            html.raw("<button name=\"action\" formnovalidate value=\"")
                .raw(ELSEWHERE)
                .text(&settings.id)
                .raw("\">Log in with ")
                .text(&settings.name)
                .raw("</button>")
        })
    }

    /// The upstream issuer that a button names.
    pub(super) fn connector_of<'a>(&'a self, form: &Form) -> Option<&'a Connector> {
        let action = form.short("action", 64).ok().flatten()?;
        let connector = self.connectors.get(action.strip_prefix(ELSEWHERE)?)?;
        connector.for_login.is_some().then_some(connector)
    }

    async fn elsewhere(&self, id: &str, request: &AuthRequest) -> Response {
        let connector = self.connectors.get(id);
        let connector = connector.filter(|one| one.for_login.is_some());
        match connector.filter(|_| request.client.admits(id)) {
            Some(connector) => {
                let fields = request.fields().into_iter();
                let fields = fields.map(|(name, value)| (name.to_owned(), value));
                self.send_away(connector, Errand::Authorize(fields.collect()))
                    .await
            }
            None => refuse(&OAuthError::request("nobody logs in there")),
        }
    }

    /// Goes on with a request whose person logged in at an upstream issuer.
    pub(super) async fn resume_auth(
        &self,
        fields: &[(String, String)],
        identity: Identity,
    ) -> Response {
        let form = Form::parse(Form::encode(fields).as_bytes());
        let request = match self.read(form).await {
            Ok(request) => request,
            Err(response) => return response,
        };
        if !request.client.admits(&identity.connector) {
            let error = OAuthError::new(
                Refusal::AccessDenied,
                "this client takes nobody of that issuer",
            );
            return self.send_back(&request.destination(), &error);
        }
        match self.remember(&identity).await {
            Ok(cookie) => self.grant(&request, identity, cookie).await,
            Err(error) => broken(&error),
        }
    }

    async fn log_in_and_remember(
        &self,
        form: &Form,
        request: &AuthRequest,
    ) -> Result<(Identity, Option<String>), Denied> {
        let identity = self.log_in(form, &request.client).await?;
        let cookie = self.remember(&identity).await?;
        Ok((identity, cookie))
    }

    /// A session, where sessions are kept.
    async fn remember(&self, identity: &Identity) -> Result<Option<String>, LoginError> {
        if !self.keeps_sessions() {
            return Ok(None);
        }
        let life = i64::from(self.settings.session_seconds);
        let cookie = self.sessions.begin(identity, self.after(life)).await?;
        Ok(Some(cookie))
    }

    /// A code for somebody who has logged in.
    async fn grant(
        &self,
        request: &AuthRequest,
        identity: Identity,
        cookie: Option<String>,
    ) -> Response {
        let authorization = Authorization {
            client: request.client.id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            scope: request.scope,
            identity,
        };
        let code = self
            .codes
            .issue(authorization, self.after(code::LIFE))
            .await;
        let code = match code {
            Ok(code) => code,
            Err(error) => return broken(&error),
        };
        let to = request.destination();
        let mut response = if to.is_out_of_band() {
            let html = Html::default()
                .raw("<p>Copy this code into the program that asked for it. Give it to nobody else: whoever has it can sign in your name.</p><p><code>")
                .text(&code)
                .raw("</code></p>");
            Page::new("Your code", html).into_response()
        } else {
            self.redirect(&to, &[("code", &code)])
        };
        if let Some(cookie) = cookie {
            let life = i64::from(self.settings.session_seconds);
            let set = self.jar.set(Kind::Session, &cookie, life);
            if let Some(set) = set {
                response.headers_mut().append(header::SET_COOKIE, set);
            }
        }
        response
    }

    /// Tells the program why there is no code (RFC 6749 §4.1.2.1).
    fn send_back(&self, to: &Destination, error: &OAuthError) -> Response {
        tracing::info!(target: "audit", event = "oidc.auth.refused", why = error.name());
        if to.is_out_of_band() {
            return refuse(error);
        }
        let answer = [
            ("error", error.name()),
            ("error_description", error.description()),
        ];
        self.redirect(to, &answer)
    }

    fn redirect(&self, to: &Destination, answer: &[(&str, &str)]) -> Response {
        let Some(url) = to.with(self.url(), answer) else {
            return refuse(&OAuthError::request("the redirect address cannot be used"));
        };
        let headers = [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        (headers, Redirect::to(&url)).into_response()
    }
}

/// A page for a request that cannot be answered anywhere else.
pub(super) fn refuse(error: &OAuthError) -> Response {
    let text = format!("The request cannot be answered: {}.", error.description());
    Page::message(StatusCode::BAD_REQUEST, "This login cannot go on", &text).into_response()
}

/// A page for a failure of ours.
pub(super) fn broken(error: &LoginError) -> Response {
    tracing::error!(%error, "the login pages failed");
    let text = "The issuer could not do its work. The operator finds the reason in the log.";
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Page::message(status, "Something went wrong", text).into_response()
}
