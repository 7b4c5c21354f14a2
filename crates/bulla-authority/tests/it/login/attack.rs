//! What must not work, each way in once.

use axum::{body::Body, http::StatusCode};
use bulla_authority::oidc::client::{Grant, NewClient};
use bulla_core::Clock as _;

use super::world::{Browser, EMAIL, PASSWORD, Query, World, encode, pkce};

const REDIRECT: &str = "http://localhost:43117/auth/callback";

async fn with_user() -> World {
    let world = World::new().await;
    world.add_user().await;
    world
}

#[tokio::test]
async fn a_code_works_once_also_for_two_at_the_same_moment() {
    let world = with_user().await;
    let (verifier, challenge) = pkce();
    let code = world.code(REDIRECT, &challenge).await;
    let (one, two) = tokio::join!(
        world.redeem(&code, REDIRECT, &verifier),
        world.redeem(&code, REDIRECT, &verifier)
    );
    let won = [&one, &two]
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(won, 1);
    // And what it gave holds on: a replay revokes nothing.
    let token = [&one, &two]
        .iter()
        .find(|a| a.status == StatusCode::OK)
        .unwrap()
        .json();
    let again = world.redeem(&code, REDIRECT, &verifier).await;
    assert_eq!(again.error(), "invalid_grant");
    let token = token["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.userinfo(&token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_is_bound_to_verifier_address_client_and_minute() {
    let world = with_user().await;
    let (verifier, challenge) = pkce();
    let (other, _) = pkce();
    let code = async || world.code(REDIRECT, &challenge).await;
    let refused = world.redeem(&code().await, REDIRECT, &other).await;
    assert_eq!(refused.error(), "invalid_grant");
    // RFC 9700 §4.8.2: a challenge cannot be downgraded away, nor be the verifier.
    let refused = world.redeem(&code().await, REDIRECT, &challenge).await;
    assert_eq!(refused.error(), "invalid_grant");
    let refused = world.redeem(&code().await, REDIRECT, "short").await;
    assert_eq!(refused.error(), "invalid_grant");
    let elsewhere = "http://localhost:43118/auth/callback";
    let refused = world.redeem(&code().await, elsewhere, &verifier).await;
    assert_eq!(refused.error(), "invalid_grant");
    let new = NewClient {
        id: "other".into(),
        public: true,
        redirects: vec!["http://localhost/auth/callback".into()],
        grants: vec![Grant::AuthorizationCode],
        ..NewClient::default()
    };
    world
        .authority
        .login()
        .clients()
        .add(new, world.clock.now())
        .await
        .unwrap();
    let code_ = code().await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "other"),
        ("code", &code_),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &verifier),
    ];
    assert_eq!(world.token(None, &fields).await.error(), "invalid_grant");
    // What was presented wrongly is used up.
    assert_eq!(
        world.redeem(&code_, REDIRECT, &verifier).await.error(),
        "invalid_grant"
    );
    let late = code().await;
    world.clock.forward(60);
    assert_eq!(
        world.redeem(&late, REDIRECT, &verifier).await.error(),
        "invalid_grant"
    );
    for absent in ["code_verifier", "redirect_uri", "code", "grant_type"] {
        let code = code().await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "sigstore"),
            ("code", &*code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", &*verifier),
        ];
        let fields: Vec<_> = fields.into_iter().filter(|(n, _)| *n != absent).collect();
        assert_eq!(
            world.token(None, &fields).await.error(),
            "invalid_request",
            "{absent}"
        );
    }
}

#[tokio::test]
async fn who_was_disabled_in_between_gets_nothing() {
    let world = with_user().await;
    let (verifier, challenge) = pkce();
    let code = world.code(REDIRECT, &challenge).await;
    world.clock.forward(1);
    let users = world.authority.login().users();
    users.enable(EMAIL, false, world.clock.now()).await.unwrap();
    users.enable(EMAIL, true, world.clock.now()).await.unwrap();
    assert_eq!(
        world.redeem(&code, REDIRECT, &verifier).await.error(),
        "invalid_grant"
    );
}

/// Harbor CVE-2024-22244 and RFC 9700 §4.11: nobody is sent where the client did
/// not ask to be.
#[tokio::test]
async fn no_open_redirect() {
    let world = World::new().await;
    let (_, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let mut browser = Browser::default();
    for bad in [
        "https://evil.example/auth/callback",
        "http://localhost:1@evil.example/auth/callback",
        "http://localhost.evil.example/auth/callback",
        "//evil.example",
        "javascript:alert(1)",
        "http://localhost:1/auth/callback?next=https://evil.example",
        "",
    ] {
        // Whatever else is wrong with it.
        for query in [query.clone(), query.clone().without("response_type")] {
            let answer = browser.open(&world, &query.with("redirect_uri", bad)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
            assert_eq!(answer.header("location"), "", "{bad}");
            assert!(!answer.text().contains("evil"), "nothing is repeated");
        }
    }
    let unknown = browser
        .open(&world, &query.clone().with("client_id", "nobody"))
        .await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    // Twice is not once.
    let mut twice = query.clone();
    twice
        .0
        .push(("redirect_uri".into(), "https://evil.example/".into()));
    assert_eq!(
        browser.open(&world, &twice).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn malformed_requests_are_told_to_the_program() {
    let world = World::new().await;
    let (_, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let cases: [(Query, &str); 11] = [
        (
            query.clone().with("response_type", "token"),
            "unsupported_response_type",
        ),
        (
            query.clone().with("response_type", "id_token"),
            "unsupported_response_type",
        ),
        (query.clone().without("response_type"), "invalid_request"),
        (query.clone().with("scope", "email"), "invalid_scope"),
        (query.clone().without("code_challenge"), "invalid_request"),
        (
            query.clone().with("code_challenge_method", "plain"),
            "invalid_request",
        ),
        (
            query.clone().without("code_challenge_method"),
            "invalid_request",
        ),
        (
            query.clone().with("code_challenge", "short"),
            "invalid_request",
        ),
        (
            query.clone().with("request_uri", "https://evil.example/r"),
            "request_not_supported",
        ),
        (
            query.clone().with("request", "x.y.z"),
            "request_not_supported",
        ),
        (query.clone().with("max_age", "-1"), "invalid_request"),
    ];
    for (query, expected) in cases {
        let answer = Browser::default().open(&world, &query).await;
        assert_eq!(answer.location().get("error"), expected, "{:?}", query.0);
        assert_eq!(answer.location().get("state"), "the state");
    }
    let long = query.clone().with("nonce", &"n".repeat(513));
    let answer = Browser::default().open(&world, &long).await;
    assert_eq!(answer.location().get("error"), "invalid_request");
    let huge = query.with("state", &"s".repeat(1025));
    assert_eq!(
        Browser::default().open(&world, &huge).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_form_of_another_browser_logs_nobody_in() {
    let world = with_user().await;
    let (_, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let mut attacker = Browser::default();
    let page = attacker.open(&world, &query).await;
    // Login CSRF: the attacker's form and credentials in the victim's browser.
    let mut victim = Browser::default();
    let answer = victim.log_in(&world, &page, EMAIL, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("not opened in this browser"));
    // Also if it has a page of its own open.
    let mut victim = Browser::default();
    victim.open(&world, &query).await;
    let answer = victim.log_in(&world, &page, EMAIL, PASSWORD).await;
    assert!(answer.text().contains("not opened in this browser"));
}

#[tokio::test]
async fn pages_of_other_origins_and_hosts_are_refused() {
    let world = with_user().await;
    let (_, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let path = format!("/auth?{}", encode(query.0));
    let refused = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let request = world.request(method, path, headers, String::new());
        let answer = world.send(request).await;
        let refused = answer.status == StatusCode::FORBIDDEN;
        assert!(!refused || answer.error() == "access_denied");
        refused
    };
    assert!(refused("GET", &path, &[("host", "evil.example:4321")]).await);
    assert!(refused("POST", "/auth", &[("origin", "http://evil.example")]).await);
    assert!(refused("POST", "/token", &[("origin", "null")]).await);
    let site = ("sec-fetch-site", "cross-site");
    assert!(refused("GET", &path, &[site]).await);
    assert!(refused("POST", "/token", &[site]).await);
    let frame = [
        site,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    assert!(refused("GET", &path, &frame).await);
    // A program's own site may send the whole window here, and nowhere else.
    let window = [
        site,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert!(!refused("GET", &path, &window).await);
    assert!(refused("POST", "/auth", &window).await);
    assert!(refused("GET", "/userinfo", &window).await);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_everybody_alike() {
    let world = with_user().await;
    let (_, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    // A name that nobody has is treated as one that somebody has.
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..5 {
            let answer = browser.log_in(&world, &page, email, "wrong").await;
            assert_eq!(answer.status, StatusCode::OK);
        }
        let answer = browser.log_in(&world, &page, email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.header("retry-after"), "2");
    }
    world.clock.forward(2);
    let answer = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    assert!(!answer.location().get("code").is_empty());
    let answer = browser.log_in(&world, &page, EMAIL, "wrong").await;
    assert_eq!(answer.status, StatusCode::OK, "a success forgets");
}

#[tokio::test]
async fn wrong_address_and_wrong_password_read_the_same() {
    let world = with_user().await;
    world.enrol_totp().await;
    let (_, challenge) = pkce();
    let mut browser = Browser::default();
    let page = browser
        .open(&world, &world.auth_query(REDIRECT, &challenge))
        .await;
    let mut texts = std::collections::BTreeSet::new();
    for (email, password) in [
        (EMAIL, "wrong password"),
        (EMAIL, PASSWORD),
        ("eve@example.com", PASSWORD),
        ("<script>alert(1)</script>", PASSWORD),
    ] {
        texts.insert(
            browser
                .log_in(&world, &page, email, password)
                .await
                .text()
                .to_owned(),
        );
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn a_flood_of_parameters_is_refused() {
    let world = World::new().await;
    let post = async |body: String| {
        let request = world.request("POST", "/token", &[], body);
        world.send(request).await
    };
    assert_eq!(post("a=1&".repeat(65)).await.error(), "invalid_request");
    let huge = post(format!("grant_type={}", "x".repeat(200 << 10))).await;
    assert_eq!(huge.error(), "invalid_request");
    assert_eq!(
        post("grant_type=password&username=a".into()).await.error(),
        "unsupported_grant_type"
    );
    assert_eq!(
        post("grant_type=refresh_token".into()).await.error(),
        "unsupported_grant_type"
    );
    assert_eq!(
        post("grant_type=authorization_code&grant_type=x".into())
            .await
            .error(),
        "invalid_request"
    );
    let request = axum::http::Request::post("/oidc/login/token")
        .header("host", "127.0.0.1:4321")
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(world.send(request).await.error(), "invalid_request");
}

/// A clock that was set back or forward widens nothing.
#[tokio::test]
async fn clocks_that_jump() {
    let world = with_user().await;
    let (verifier, challenge) = pkce();
    let code = world.code(REDIRECT, &challenge).await;
    let token = world.redeem(&code, REDIRECT, &verifier).await.json();
    let token = token["access_token"].as_str().unwrap();
    world.clock.forward(599);
    assert_eq!(world.userinfo(token).await.status, StatusCode::OK);
    world.clock.forward(1);
    assert_eq!(world.userinfo(token).await.status, StatusCode::UNAUTHORIZED);
    // Not valid yet: issued by a clock that was ahead.
    world.clock.forward(-7200);
    assert_eq!(world.userinfo(token).await.status, StatusCode::UNAUTHORIZED);
    // A login from before the user's last change does not count.
    let code = world.code(REDIRECT, &challenge).await;
    assert_eq!(
        world.redeem(&code, REDIRECT, &verifier).await.error(),
        "invalid_grant"
    );
}
