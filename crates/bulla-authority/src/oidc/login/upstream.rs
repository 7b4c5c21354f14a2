//! Logging in at an upstream issuer (OpenID Connect Core 1.0 as relying party).
//!
//! Authorization code with PKCE, state and nonce; the state is a ticket of one
//! use and ten minutes, tied to the browser by a cookie, so that nobody can have
//! their own login finished in somebody else's browser. What comes back is checked
//! by the same code that checks tokens for certificates.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bulla_core::{Digest, limits};
use bulla_crypto::random;
use bulla_net::{Body, Request};
use bulla_store::Values;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{
    Login,
    authorize::{broken, refuse},
};
use crate::{
    ca::issuer::IssuerError,
    oidc::{
        LoginError,
        connector::Connector,
        cookie::Kind,
        expiring::{Expiring, Ticket},
        form::Form,
        identity::Identity,
        page::{Html, Page},
    },
};

/// How long somebody may take there, in seconds.
const LIFE: i64 = 600;
const SPACE: &str = "oidc-upstream";
const CODE_BYTES: usize = 4096;
const ANSWER_BYTES: u64 = 256 << 10;
/// How long the upstream issuer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What somebody was about to do when they were sent away.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Errand {
    /// An authorization request, its parameters as they came.
    Authorize(Vec<(String, String)>),
    /// Allowing a device, by the code that they typed.
    Device(String),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pending {
    connector: String,
    verifier: String,
    nonce: String,
    errand: Errand,
}

/// Logins that are under way at upstream issuers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Errands {
    open: Expiring,
}

impl Errands {
    pub(super) fn new(values: Values) -> Self {
        Self {
            open: Expiring::new(values, SPACE),
        }
    }

    pub(super) async fn purge(&self, now: jiff::Timestamp) -> Result<(), LoginError> {
        self.open.purge(now).await
    }
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
}

pub(super) async fn callback(
    State(login): State<Arc<Login>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let form = match Form::parse(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return refuse(&error),
    };
    match login.come_back(&headers, &form).await {
        Ok((identity, errand)) => login.resume(&headers, identity, errand).await,
        Err(why) => {
            let cause = std::error::Error::source(&why).map(ToString::to_string);
            tracing::info!(
                target: "audit", event = "oidc.upstream.refused", why = %why, cause,
            );
            let text = format!("The login elsewhere does not count: {why}.");
            Page::message(StatusCode::BAD_REQUEST, "This login cannot go on", &text).into_response()
        }
    }
}

impl Login {
    /// Sends a person to an upstream issuer.
    pub(super) async fn send_away(&self, connector: &Connector, errand: Errand) -> Response {
        if !self.throttle.admits(self.clock.now()) {
            let text = "Too many people are logging in. Try again in a moment.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Page::message(status, "Busy", text)
                .retry_after(5)
                .into_response();
        }
        match self.leave(connector, errand).await {
            Ok((url, cookie)) => {
                // Not a redirect: browsers would hold `form-action` against it.
                let html = Html::default()
                    .raw("<p><a rel=\"noreferrer\" href=\"")
                    .text(url.as_str())
                    .raw("\">Go on to ")
                    .text(&connector.settings().name)
                    .raw("</a></p>");
                let page = Page::new("Log in elsewhere", html).leads_to(url.as_str());
                let mut response = page.into_response();
                if let Some(set) = self.jar.set(Kind::Upstream, &cookie, LIFE) {
                    response.headers_mut().append(header::SET_COOKIE, set);
                }
                response
            }
            Err(error) => broken(&error),
        }
    }

    async fn leave(
        &self,
        connector: &Connector,
        errand: Errand,
    ) -> Result<(Url, String), LoginError> {
        let (mut url, _, _) = connector.endpoints(&self.issuers).await?;
        let random = || random::bytes::<32>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let pending = Pending {
            connector: connector.settings().id.clone(),
            verifier: random()?,
            nonce: random()?,
            errand,
        };
        let ticket = Ticket::new(self.after(LIFE))?;
        if !self
            .errands
            .open
            .create(&ticket.key(), &Some(&pending))
            .await?
        {
            return Err(LoginError::Busy);
        }
        let challenge = Digest::sha256(pending.verifier.as_bytes()).bytes();
        let client = connector.settings().client_id.as_deref();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client.unwrap_or_default())
            .append_pair("redirect_uri", &self.callback_url())
            .append_pair("scope", "openid email profile")
            .append_pair("state", &ticket.text())
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        Ok((url, cookie_of(&ticket.text())))
    }

    /// Who came back, and for what.
    async fn come_back(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<(Identity, Errand), Astray> {
        let text = |name, limit| form.short(name, limit).map_err(|_| Astray::Unclear);
        let state = text("state", 128)?.ok_or(Astray::Unclear)?;
        let cookie = self.jar.get(headers, Kind::Upstream).unwrap_or_default();
        if !bool::from(cookie.as_bytes().ct_eq(cookie_of(state).as_bytes())) {
            return Err(Astray::Browser);
        }
        let pending = self.take(state).await?.ok_or(Astray::Late)?;
        let connector = self.connectors.get(&pending.connector);
        let connector = connector.ok_or(Astray::Gone)?;
        let settings = connector.settings();
        // RFC 9207: an answer of another issuer.
        if text("iss", 1024)?.is_some_and(|issuer| issuer != settings.issuer) {
            return Err(Astray::Issuer);
        }
        if text("error", 1024)?.is_some() {
            return Err(Astray::Refused);
        }
        let code = text("code", CODE_BYTES)?.ok_or(Astray::Unclear)?;
        let token = self
            .redeem_there(connector, code, &pending.verifier)
            .await?;
        let trust = connector.for_login.as_ref().ok_or(Astray::Gone)?;
        let claims = self.issuers.verify(token.as_bytes(), trust).await?;
        let claims = claims.claim();
        let nonce = claims.nonce.as_deref().unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(pending.nonce.as_bytes())) {
            return Err(Astray::Nonce);
        }
        let person = connector.person(claims, self.clock.now());
        let person = person.ok_or(Astray::Address)?;
        match self.still_holds(&person).await? {
            true => Ok((person, pending.errand)),
            false => Err(Astray::Disabled),
        }
    }

    async fn take(&self, state: &str) -> Result<Option<Pending>, LoginError> {
        let Some(ticket) = Ticket::parse(state) else {
            return Ok(None);
        };
        let open = &self.errands.open;
        let now = self.clock.now();
        let Some(found) = open.get::<Option<Pending>>(ticket.key(), now).await? else {
            return Ok(None);
        };
        let first = open.replace(&found, &None).await?;
        Ok(found.value.filter(|_| first))
    }

    async fn redeem_there(
        &self,
        connector: &Connector,
        code: &str,
        verifier: &str,
    ) -> Result<String, LoginError> {
        let settings = connector.settings();
        let client = settings.client_id.as_deref().unwrap_or_default();
        let failed = |why: String| LoginError::Upstream {
            id: settings.id.clone(),
            why,
        };
        let (_, url, http) = connector.endpoints(&self.issuers).await?;
        let callback = self.callback_url();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", verifier),
        ];
        if connector.secret().is_none() {
            fields.push(("client_id", client));
        }
        let mut request = Request::post(url, Body::bytes(Form::encode(&fields)))
            .content_type("application/x-www-form-urlencoded")
            .accept("application/json")
            .deadline(DEADLINE);
        if let Some(secret) = connector.secret() {
            let encode = |text: &str| -> String {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let pair = STANDARD.encode(format!("{}:{}", encode(client), encode(secret)));
            let request_ = request.authorization(&format!("Basic {pair}"));
            request = request_.map_err(|error| failed(error.to_string()))?;
        }
        let answer = http
            .send(request)
            .await
            .map_err(|error| failed(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(failed(format!("it answered {}", answer.status())));
        }
        let bytes = answer.bytes(ANSWER_BYTES, "an issuer's answer").await;
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        let granted: Granted = limits::parse_json(&bytes, ANSWER_BYTES, "issuer's answer")
            .map_err(|_| failed("its answer holds no ID token".into()))?;
        Ok(granted.id_token)
    }

    async fn resume(&self, headers: &HeaderMap, identity: Identity, errand: Errand) -> Response {
        tracing::info!(
            target: "audit", event = "oidc.login.accepted",
            user = %identity.subject, connector = %identity.connector,
        );
        let mut response = match errand {
            Errand::Authorize(fields) => self.resume_auth(&fields, identity).await,
            Errand::Device(code) => self.resume_device(headers, &code, identity).await,
        };
        if let Some(set) = self.jar.set(Kind::Upstream, "", 0) {
            response.headers_mut().append(header::SET_COOKIE, set);
        }
        response
    }

    fn callback_url(&self) -> String {
        format!("{}/callback", self.url())
    }
}

/// What the browser keeps of a state: it cannot be sent to it from outside.
fn cookie_of(state: &str) -> String {
    let text = format!("bulla upstream {state}");
    URL_SAFE_NO_PAD.encode(Digest::sha256(text.as_bytes()).bytes())
}

/// Why somebody who came back is not let in. Causes go to the log, not to the page.
#[derive(Debug, thiserror::Error)]
enum Astray {
    #[error("the issuer may not vouch for this address, or did not verify it")]
    Address,
    #[error("it was not begun in this browser")]
    Browser,
    #[error("this address may not log in")]
    Disabled,
    #[error("the issuer is not configured any more")]
    Gone,
    #[error("the answer is another issuer's")]
    Issuer,
    #[error("it took too long, or was finished before")]
    Late,
    #[error("its token is for another login")]
    Nonce,
    #[error("the issuer refused")]
    Refused,
    #[error("the answer of the issuer could not be checked")]
    State(#[from] LoginError),
    #[error("the token of the issuer is not valid")]
    Token(#[from] IssuerError),
    #[error("the answer is not clear")]
    Unclear,
}
