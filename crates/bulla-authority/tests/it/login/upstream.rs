//! Logging in at an upstream issuer: another instance of ours, over real HTTP.

use axum::http::StatusCode;
use bulla_authority::oidc::{
    OidcSettings,
    client::{Grant, NewClient},
    connector::Upstream,
};
use bulla_core::Clock as _;
use std::{path::PathBuf, sync::Arc};

use super::world::{Browser, EMAIL, Location, PASSWORD, World, claims, pkce};

const REDIRECT: &str = "http://localhost:43117/auth/callback";
const HERE: &str = "http://127.0.0.1:4321";

/// The upstream instance, listening; and the one that lets people log in there.
pub(super) struct Pair {
    pub(super) there: Arc<World>,
    pub(super) here: World,
    _secret: tempfile::TempDir,
}

impl Pair {
    /// `change` is what differs from a good configuration.
    pub(super) async fn new(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let clock = World::clock_now();
        let there = World::build(&base, OidcSettings::default(), clock.clone()).await;
        let router = there.authority.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        there.add_user().await;
        let client = NewClient {
            id: "downstream".into(),
            redirects: vec![format!("{HERE}/oidc/login/callback")],
            grants: vec![Grant::AuthorizationCode],
            ..NewClient::default()
        };
        let login = there.authority.login();
        let (_, secret) = login.clients().add(client, clock.now()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file: PathBuf = directory.path().join("secret");
        std::fs::write(&file, secret.unwrap()).unwrap();
        let mut settings = OidcSettings {
            upstream: vec![Upstream {
                id: "corp".into(),
                name: "Corporate".into(),
                issuer: there.issuer().into(),
                client_id: Some("downstream".into()),
                client_secret_file: Some(file),
                email_domains: vec!["example.com".into()],
                ..Upstream::default()
            }],
            ..OidcSettings::default()
        };
        change(&mut settings);
        let here = World::build(HERE, settings, clock).await;
        Self {
            there: Arc::new(there),
            here,
            _secret: directory,
        }
    }

    /// As far as the upstream issuer sends the browser back; where to.
    async fn there_and_back(&self, browser: &mut Browser, challenge: &str) -> Location {
        let query = self.here.auth_query(REDIRECT, challenge);
        let page = browser.open(&self.here, &query).await;
        assert!(
            page.text().contains("Log in with Corporate"),
            "{}",
            page.text()
        );
        let away = browser
            .submit(&self.here, &page, &[("action", "at:corp")])
            .await;
        assert_eq!(away.status, StatusCode::OK, "{}", away.text());
        let url = away.between("href=\"", "\"").replace("&amp;", "&");
        let path = url.strip_prefix(self.there.issuer()).unwrap();
        let mut elsewhere = Browser::default();
        let page = elsewhere.visit(&self.there, path).await;
        let answer = elsewhere.log_in(&self.there, &page, EMAIL, PASSWORD).await;
        answer.location()
    }

    async fn come_back(&self, browser: &mut Browser, back: &Location) -> super::world::Answer {
        let path = back.to_string();
        let path = path.strip_prefix(self.here.issuer()).unwrap().to_owned();
        browser.visit(&self.here, &path).await
    }
}

#[tokio::test]
async fn people_of_another_issuer_get_our_tokens() {
    let pair = Pair::new(|_| {}).await;
    let mut browser = Browser::default();
    let (verifier, challenge) = pkce();
    let back = pair.there_and_back(&mut browser, &challenge).await;
    let answer = pair.come_back(&mut browser, &back).await;
    let location = answer.location();
    assert!(location.starts_with(REDIRECT), "{location}");
    assert_eq!(location.get("state"), "the state");
    let answer = pair
        .here
        .redeem(&location.get("code"), REDIRECT, &verifier)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let claims = claims(answer.json()["id_token"].as_str().unwrap());
    assert_eq!(claims["iss"], pair.here.issuer());
    assert_eq!(claims["email"], EMAIL);
    assert_eq!(claims["federated_claims"]["connector_id"], "corp");
    assert_eq!(claims["nonce"], "the nonce");
    // Its answer counts once.
    let again = pair.come_back(&mut browser, &back).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_answer_counts_in_the_browser_that_asked_only() {
    let pair = Pair::new(|_| {}).await;
    let (_, challenge) = pkce();
    let mut attacker = Browser::default();
    let back = pair.there_and_back(&mut attacker, &challenge).await;
    // Login CSRF: the attacker's answer in the victim's browser.
    for mut victim in [Browser::default(), {
        let mut other = Browser::default();
        pair.there_and_back(&mut other, &challenge).await;
        other
    }] {
        let answer = pair.come_back(&mut victim, &back).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(
            answer.text().contains("not begun in this browser"),
            "{}",
            answer.text()
        );
    }
    // RFC 9207: and of the issuer that was asked.
    let (from, to) = (pair.there.issuer().to_owned(), "https://evil.example");
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mixed = back.to_string().replace(&encode(&from), &encode(to));
    let path = mixed.strip_prefix(pair.here.issuer()).unwrap();
    let answer = attacker.visit(&pair.here, path).await;
    assert!(
        answer.text().contains("another issuer"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn nobody_vouches_for_addresses_beyond_its_domains() {
    let pair = Pair::new(|settings| {
        settings.upstream[0].email_domains = vec!["example.org".into(), "ple.com".into()];
    })
    .await;
    let (_, challenge) = pkce();
    let mut browser = Browser::default();
    let back = pair.there_and_back(&mut browser, &challenge).await;
    let answer = pair.come_back(&mut browser, &back).await;
    assert!(answer.text().contains("may not vouch"), "{}", answer.text());
}

#[tokio::test]
async fn who_is_disabled_here_does_not_come_in_through_there() {
    let pair = Pair::new(|_| {}).await;
    pair.here.add_user().await;
    let users = pair.here.authority.login().users();
    users
        .enable(EMAIL, false, pair.here.clock.now())
        .await
        .unwrap();
    let (_, challenge) = pkce();
    let mut browser = Browser::default();
    let back = pair.there_and_back(&mut browser, &challenge).await;
    let answer = pair.come_back(&mut browser, &back).await;
    assert!(
        answer.text().contains("may not log in"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_client_takes_people_of_its_connectors_only() {
    let pair = Pair::new(|_| {}).await;
    pair.here.add_user().await;
    let new = NewClient {
        id: "local-only".into(),
        public: true,
        redirects: vec![REDIRECT.into()],
        grants: vec![Grant::AuthorizationCode],
        connectors: Some(vec!["local".into()]),
        ..NewClient::default()
    };
    let clients = pair.here.authority.login().clients();
    clients.add(new, pair.here.clock.now()).await.unwrap();
    let (_, challenge) = pkce();
    let query = pair.here.auth_query(REDIRECT, &challenge);
    let query = query.with("client_id", "local-only");
    let mut browser = Browser::default();
    let page = browser.open(&pair.here, &query).await;
    assert!(!page.text().contains("Corporate"));
    let forced = browser
        .submit(&pair.here, &page, &[("action", "at:corp")])
        .await;
    assert_eq!(forced.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_device_can_be_allowed_by_people_of_another_issuer() {
    let pair = Pair::new(|_| {}).await;
    let (verifier, challenge) = pkce();
    let fields = [
        ("client_id", "sigstore"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
        ("code_challenge", &challenge),
    ];
    let begun = pair.here.post("/device/code", None, &fields).await.json();
    let code = begun["user_code"].as_str().unwrap();
    let mut browser = Browser::default();
    let page = browser.visit(&pair.here, "/device").await;
    let typed = [("user_code", code), ("action", "at:corp")];
    let away = browser.submit(&pair.here, &page, &typed).await;
    let url = away.between("href=\"", "\"").replace("&amp;", "&");
    let mut elsewhere = Browser::default();
    let path = url.strip_prefix(pair.there.issuer()).unwrap();
    let page = elsewhere.visit(&pair.there, path).await;
    let back = elsewhere
        .log_in(&pair.there, &page, EMAIL, PASSWORD)
        .await
        .location();
    let answer = pair.come_back(&mut browser, &back).await;
    assert!(
        answer.text().contains("You are logged in"),
        "{}",
        answer.text()
    );
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", begun["device_code"].as_str().unwrap()),
        ("code_verifier", &verifier),
    ];
    let answer = pair.here.token(None, &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}
