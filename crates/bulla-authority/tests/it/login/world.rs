//! An authority with a clock of its own, and a browser without a screen.

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bulla_authority::{
    Authority, AuthorityConfig,
    oidc::{OidcSettings, password::Password},
};
use bulla_core::{Clock, Digest};
use bulla_crypto::otp;
use bulla_store::Store;
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tower::ServiceExt as _;
use url::Url;

pub(crate) const EMAIL: &str = "dana@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct TestClock(Mutex<Timestamp>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl TestClock {
    pub(crate) fn forward(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) clock: Arc<TestClock>,
    host: String,
    _directory: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Where a browser is sent.
pub(crate) struct Location(Url);

impl Location {
    pub(crate) fn get(&self, name: &str) -> String {
        let mut found = self.0.query_pairs().filter(|(key, _)| key == name);
        found
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    pub(crate) fn starts_with(&self, text: &str) -> bool {
        self.0.as_str().starts_with(text)
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    pub(crate) fn location(&self) -> Location {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text());
        Location(Url::parse(self.header("location")).unwrap())
    }

    pub(crate) fn between(&self, from: &str, to: &str) -> String {
        let (_, rest) = self.text().split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    }

    /// The refusal of an OAuth endpoint.
    pub(crate) fn error(&self) -> String {
        assert!(!self.status.is_success(), "{}", self.text());
        self.json()["error"].as_str().unwrap().to_owned()
    }

    /// The fields of the page's form that are not shown.
    fn hidden(&self) -> Vec<(String, String)> {
        let inputs = self.text().split("<input type=\"hidden\" name=\"").skip(1);
        let fields = inputs.map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            let value = rest.split_once('"').unwrap().0;
            let value = value
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            (name.to_owned(), value)
        });
        fields.collect()
    }
}

/// A query under construction.
#[derive(Clone)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(key, _)| key != name);
        self
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut query = self.without(name);
        query.0.push((name.into(), value.into()));
        query
    }
}

pub(crate) fn encode<T: AsRef<str>>(fields: impl IntoIterator<Item = (T, T)>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

pub(crate) fn pkce() -> (String, String) {
    let verifier = URL_SAFE_NO_PAD.encode(bulla_crypto::random::bytes::<32>().unwrap());
    let challenge = URL_SAFE_NO_PAD.encode(Digest::sha256(verifier.as_bytes()).bytes());
    (verifier, challenge)
}

pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at("http://127.0.0.1:4321").await
    }

    pub(crate) async fn https() -> Self {
        Self::at("https://sign.example").await
    }

    async fn at(base_url: &str) -> Self {
        Self::build(base_url, OidcSettings::default(), Self::clock_now()).await
    }

    pub(crate) fn clock_now() -> Arc<TestClock> {
        Arc::new(TestClock(Mutex::new(Timestamp::now())))
    }

    pub(crate) async fn build(base_url: &str, oidc: OidcSettings, clock: Arc<TestClock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        let config = AuthorityConfig {
            base_url: base_url.into(),
            oidc,
            ..AuthorityConfig::loopback(4321)
        };
        let authority = Authority::open(&store, config, clock.clone()).await;
        Self {
            authority: authority.unwrap(),
            clock,
            host: base_url.split_once("://").unwrap().1.into(),
            _directory: directory,
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.authority.login().url()
    }

    pub(crate) async fn add_user(&self) {
        let groups = vec!["release".into()];
        let password = Some(Password::new(PASSWORD));
        let users = self.authority.login().users();
        let now = self.clock.now();
        users
            .add(EMAIL, Some("Dana".into()), groups, password, now)
            .await
            .unwrap();
    }

    pub(crate) async fn set_password(&self, password: &str) {
        let users = self.authority.login().users();
        let (password, now) = (Password::new(password), self.clock.now());
        users.set_password(EMAIL, password, now).await.unwrap();
    }

    /// Enrols a second factor; gives its secret in base32.
    pub(crate) async fn enrol_totp(&self) -> String {
        let users = self.authority.login().users();
        let secret = users.enrol_totp(EMAIL).await.unwrap().secret;
        let code = self.totp(&secret);
        users
            .confirm_totp(EMAIL, &code, self.clock.now())
            .await
            .unwrap();
        secret
    }

    /// What an authenticator app shows now.
    pub(crate) fn totp(&self, secret: &str) -> String {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bytes = Vec::new();
        let (mut bits, mut count) = (0u32, 0);
        for letter in secret.chars() {
            bits = bits << 5 | letters.find(letter).unwrap() as u32;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
            }
        }
        let step = self.clock.now().as_second() as u64 / 30;
        format!("{:06}", otp::hotp(&bytes, step))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.authority.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path, &[], String::new()))
            .await
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/oidc/login{path}"));
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, &self.host);
        }
        if method == "POST" {
            let kind = "application/x-www-form-urlencoded";
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body)).unwrap()
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        basic: Option<&str>,
        fields: &[(&str, &str)],
    ) -> Answer {
        let basic = basic.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
        let headers: Vec<_> = basic
            .iter()
            .map(|value| ("authorization", value.as_str()))
            .collect();
        self.send(self.request("POST", path, &headers, encode(fields.iter().copied())))
            .await
    }

    pub(crate) async fn token(&self, basic: Option<&str>, fields: &[(&str, &str)]) -> Answer {
        self.post("/token", basic, fields).await
    }

    /// As sigstore-js: the client in the body.
    pub(crate) async fn redeem(&self, code: &str, redirect: &str, verifier: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "sigstore"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        self.token(None, &fields).await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(self.request(
            "GET",
            "/userinfo",
            &[("authorization", &bearer)],
            String::new(),
        ))
        .await
    }

    /// What cosign sends, state and nonce included.
    pub(crate) fn auth_query(&self, redirect: &str, challenge: &str) -> Query {
        let fields = [
            ("access_type", "online"),
            ("client_id", "sigstore"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("nonce", "the nonce"),
            ("redirect_uri", redirect),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("state", "the state"),
        ];
        Query(
            fields
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
        )
    }

    /// A code for a person who has logged in.
    pub(crate) async fn code(&self, redirect: &str, challenge: &str) -> String {
        let mut browser = Browser::default();
        let page = browser
            .open(self, &self.auth_query(redirect, challenge))
            .await;
        let answer = browser.log_in(self, &page, EMAIL, PASSWORD).await;
        answer.location().get("code")
    }
}

/// Keeps cookies and sends forms, nothing more.
#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) async fn open(&mut self, world: &World, query: &Query) -> Answer {
        let path = format!("/auth?{}", encode(query.0.clone()));
        self.visit(world, &path).await
    }

    pub(crate) async fn visit(&mut self, world: &World, path: &str) -> Answer {
        let cookies = self.header();
        let request = world.request("GET", path, &[("cookie", &cookies)], String::new());
        self.keep(world.send(request).await)
    }

    pub(crate) async fn log_in(
        &mut self,
        world: &World,
        page: &Answer,
        email: &str,
        password: &str,
    ) -> Answer {
        let fields = [
            ("action", "login"),
            ("email", email),
            ("password", password),
        ];
        self.submit(world, page, &fields).await
    }

    /// Sends the page's form with these fields filled in.
    pub(crate) async fn submit(
        &mut self,
        world: &World,
        page: &Answer,
        fields: &[(&str, &str)],
    ) -> Answer {
        let action = page.between("<form method=\"post\" action=\"", "\"");
        let mut all = page.hidden();
        let typed = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        all.extend(typed);
        let cookies = self.header();
        let request = world.request(
            "POST",
            &format!("/{action}"),
            &[("cookie", &cookies)],
            encode(all),
        );
        self.keep(world.send(request).await)
    }

    fn header(&self) -> String {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        pairs.join("; ")
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        answer
    }
}
