//! Logins on another device, as cosign does them without a terminal.

use axum::http::StatusCode;
use bulla_authority::oidc::client::{Grant, NewClient};
use bulla_core::Clock as _;
use serde_json::Value;

use super::world::{Answer, Browser, EMAIL, PASSWORD, World, claims, pkce};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(world: &World, challenge: &str) -> Value {
    let fields = [
        ("client_id", "sigstore"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
        ("code_challenge", challenge),
    ];
    let answer = world.post("/device/code", None, &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// As cosign polls: no client, the scope in two parameters.
async fn poll(world: &World, begun: &Value, verifier: &str) -> Answer {
    let fields = [
        ("grant_type", GRANT),
        ("device_code", begun["device_code"].as_str().unwrap()),
        ("scope", "openid"),
        ("scope", "email"),
        ("code_verifier", verifier),
    ];
    world.token(None, &fields).await
}

async fn decide(world: &World, code: &str, action: &str) -> Answer {
    let mut browser = Browser::default();
    let page = browser
        .visit(world, &format!("/device?user_code={code}"))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    let fields = [
        ("user_code", code),
        ("email", EMAIL),
        ("password", PASSWORD),
        ("action", action),
    ];
    browser.submit(world, &page, &fields).await
}

#[tokio::test]
async fn a_program_without_a_browser_gets_a_token() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let begun = begin(&world, &challenge).await;
    assert_eq!(begun["interval"], 5);
    let code = begun["user_code"].as_str().unwrap();
    assert_eq!(
        begun["verification_uri_complete"],
        format!("{}/device?user_code={code}", world.issuer())
    );
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "authorization_pending"
    );
    // As people type it.
    let typed = code.to_lowercase().replace('-', " ");
    let page = decide(&world, &typed.replace(' ', "-"), "allow").await;
    assert!(page.text().contains("You are logged in"), "{}", page.text());
    world.clock.forward(5);
    let answer = poll(&world, &begun, &verifier).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let claims = claims(answer.json()["id_token"].as_str().unwrap());
    assert_eq!(claims["aud"], "sigstore");
    assert_eq!(claims["email"], EMAIL);
    world.clock.forward(5);
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "invalid_grant",
        "once"
    );
    let again = decide(&world, code, "allow").await;
    assert!(again.text().contains("no such code"));
}

#[tokio::test]
async fn whoever_asks_too_fast_waits_longer_each_time() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let begun = begin(&world, &challenge).await;
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "authorization_pending"
    );
    assert_eq!(poll(&world, &begun, &verifier).await.error(), "slow_down");
    world.clock.forward(9);
    assert_eq!(poll(&world, &begun, &verifier).await.error(), "slow_down");
    world.clock.forward(15);
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "authorization_pending"
    );
}

#[tokio::test]
async fn refusal_and_expiry_are_told() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let begun = begin(&world, &challenge).await;
    let page = decide(&world, begun["user_code"].as_str().unwrap(), "deny").await;
    assert!(page.text().contains("Refused"), "{}", page.text());
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "access_denied"
    );
    let begun = begin(&world, &challenge).await;
    world.clock.forward(600);
    let page = decide(&world, begun["user_code"].as_str().unwrap(), "allow").await;
    assert!(page.text().contains("no such code"));
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "expired_token"
    );
    world
        .authority
        .login()
        .renew(world.clock.now())
        .await
        .unwrap();
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "expired_token"
    );
}

#[tokio::test]
async fn codes_of_others_and_guessed_ones_are_worth_nothing() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let (other, _) = pkce();
    let begun = begin(&world, &challenge).await;
    assert_eq!(poll(&world, &begun, &other).await.error(), "invalid_grant");
    assert_eq!(poll(&world, &begun, "").await.error(), "invalid_grant");
    let mut guessed = begun.clone();
    let text = begun["device_code"].as_str().unwrap();
    // The time is part of the code: another time is another code.
    guessed["device_code"] = format!("B{}", &text[1..]).into();
    assert_eq!(
        poll(&world, &guessed, &verifier).await.error(),
        "invalid_grant"
    );
    // Another client cannot take it over by naming itself.
    let new = NewClient {
        id: "other".into(),
        public: true,
        grants: vec![Grant::DeviceCode],
        ..NewClient::default()
    };
    world
        .authority
        .login()
        .clients()
        .add(new, world.clock.now())
        .await
        .unwrap();
    let fields = [
        ("grant_type", GRANT),
        ("client_id", "other"),
        ("device_code", text),
        ("code_verifier", &verifier),
    ];
    assert_eq!(world.token(None, &fields).await.error(), "invalid_grant");
    // People who try codes are stopped, and learn nothing without logging in.
    for _ in 0..5 {
        let page = decide(&world, "BCDF-GHJK", "allow").await;
        assert!(page.text().contains("no such code"));
    }
    let code = begun["user_code"].as_str().unwrap();
    let page = decide(&world, code, "allow").await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    let mut browser = Browser::default();
    let page = browser
        .visit(&world, &format!("/device?user_code={code}"))
        .await;
    let fields = [
        ("user_code", code),
        ("email", EMAIL),
        ("password", "wrong"),
        ("action", "allow"),
    ];
    let answer = browser.submit(&world, &page, &fields).await;
    assert!(answer.text().contains("is not right"), "{}", answer.text());
    assert_eq!(
        poll(&world, &begun, &verifier).await.error(),
        "authorization_pending"
    );
}

#[tokio::test]
async fn a_confidential_client_must_show_its_secret() {
    let world = World::new().await;
    world.add_user().await;
    let new = NewClient {
        id: "tv".into(),
        grants: vec![Grant::DeviceCode],
        ..NewClient::default()
    };
    let clients = world.authority.login().clients();
    let (_, secret) = clients.add(new, world.clock.now()).await.unwrap();
    let secret = format!("tv:{}", secret.unwrap());
    let fields = [("client_id", "tv"), ("scope", "openid")];
    let refused = world.post("/device/code", None, &fields).await;
    assert_eq!(refused.error(), "invalid_client");
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let begun = world
        .post("/device/code", Some(&secret), &fields)
        .await
        .json();
    decide(&world, begun["user_code"].as_str().unwrap(), "allow").await;
    let device_code = begun["device_code"].as_str().unwrap();
    let fields = [("grant_type", GRANT), ("device_code", device_code)];
    assert_eq!(world.token(None, &fields).await.error(), "invalid_client");
}

#[tokio::test]
async fn a_flood_of_beginnings_is_cut() {
    let world = World::new().await;
    let fields = [("client_id", "sigstore"), ("scope", "openid")];
    for _ in 0..200 {
        assert_eq!(
            world.post("/device/code", None, &fields).await.status,
            StatusCode::OK
        );
    }
    let answer = world.post("/device/code", None, &fields).await;
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
