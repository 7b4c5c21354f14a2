//! The login issuer as browsers and programs meet it.

mod attack;
mod audit;
mod device;
mod exchange;
mod machine;
mod upstream;
mod world;

use axum::http::StatusCode;
use bulla_core::Clock as _;
use serde_json::json;
use world::{Browser, EMAIL, PASSWORD, World, claims, pkce};

#[tokio::test]
async fn discovery_says_what_sigstores_clients_ask_for() {
    let world = World::new().await;
    let document = world.get("/.well-known/openid-configuration").await.json();
    let issuer = world.issuer();
    assert_eq!(document["issuer"], issuer);
    assert_eq!(document["authorization_endpoint"], format!("{issuer}/auth"));
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        document["device_authorization_endpoint"],
        format!("{issuer}/device/code")
    );
    let keys = world.get("/keys").await.json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    // Clients read it from the signing config, not the asserted issuer.
    let config = world.authority.signing_config();
    assert_eq!(config["oidcUrls"][0]["url"], issuer);
}

#[tokio::test]
async fn a_person_logs_in_and_is_certified() {
    let world = World::new().await;
    world.add_user().await;
    let mut browser = Browser::default();
    let (verifier, challenge) = pkce();
    let redirect = "http://localhost:43117/auth/callback";
    let page = browser
        .open(&world, &world.auth_query(redirect, &challenge))
        .await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(
        policy.contains("form-action 'self' http://localhost:43117;"),
        "{policy}"
    );
    assert!(!page.text().contains("<script"));
    let answer = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let location = answer.location();
    assert!(location.starts_with(redirect), "{location}");
    assert_eq!(location.get("state"), "the state");
    assert_eq!(location.get("iss"), world.issuer());
    // As cosign: Basic with an empty secret.
    let answer = world
        .token(
            Some("sigstore:"),
            &[
                ("grant_type", "authorization_code"),
                ("code", &location.get("code")),
                ("redirect_uri", redirect),
                ("code_verifier", &verifier),
            ],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(
        answer["access_token"], answer["id_token"],
        "sigstore-python reads it there"
    );
    let token = answer["id_token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!(claims["iss"], world.issuer());
    assert_eq!(claims["aud"], "sigstore");
    assert_eq!(claims["sub"], EMAIL);
    assert_eq!(claims["email"], EMAIL);
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["nonce"], "the nonce");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        600
    );
    let info = world.userinfo(token).await;
    assert_eq!(info.json()["email"], EMAIL);
    assert_eq!(
        world.userinfo(&format!("{token}x")).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_code_can_be_shown_where_there_is_no_browser() {
    let world = World::new().await;
    world.add_user().await;
    let mut browser = Browser::default();
    let (verifier, challenge) = pkce();
    let redirect = "urn:ietf:wg:oauth:2.0:oob";
    let page = browser
        .open(&world, &world.auth_query(redirect, &challenge))
        .await;
    let page = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let code = page.between("<code>", "</code>");
    let answer = world.redeem(&code, redirect, &verifier).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn no_nonce_asked_none_given_and_scopes_are_kept_apart() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let query = world
        .auth_query("http://localhost:1", &challenge)
        .without("nonce")
        .with("scope", "openid");
    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    let answer = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let code = answer.location().get("code");
    let answer = world
        .redeem(&code, "http://localhost:1", &verifier)
        .await
        .json();
    let claims = claims(answer["id_token"].as_str().unwrap());
    for absent in ["nonce", "email", "email_verified", "groups", "name"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    assert_eq!(answer["scope"], "openid");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_on_the_same_form() {
    let world = World::new().await;
    world.add_user().await;
    let secret = world.enrol_totp().await;
    let (_, challenge) = pkce();
    let query = world.auth_query("http://localhost:1", &challenge);
    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    let refused = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    assert!(
        refused.text().contains("role=\"alert\""),
        "{}",
        refused.text()
    );
    world.clock.forward(30);
    let code = world.totp(&secret);
    let mut fields = vec![("email", EMAIL), ("password", PASSWORD), ("otp", &*code)];
    let answer = browser.submit(&world, &page, &fields).await;
    assert!(!answer.location().get("code").is_empty());
    // RFC 6238 §5.2: never twice.
    let again = browser.submit(&world, &page, &fields).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(again.text().contains("role=\"alert\""));
    fields[2].1 = "000000";
    assert!(
        browser
            .submit(&world, &page, &fields)
            .await
            .text()
            .contains("role=\"alert\"")
    );
}

#[tokio::test]
async fn over_https_a_login_is_remembered_but_never_silent() {
    let world = World::https().await;
    world.add_user().await;
    let mut browser = Browser::default();
    let (_, challenge) = pkce();
    let query = world.auth_query("http://localhost:1", &challenge);
    let page = browser.open(&world, &query).await;
    browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    assert!(
        browser
            .cookies
            .keys()
            .any(|name| name == "__Host-bulla-session")
    );
    let page = browser.open(&world, &query).await;
    assert!(page.text().contains(EMAIL) && !page.text().contains("type=\"password\""));
    let answer = browser
        .submit(&world, &page, &[("action", "continue")])
        .await;
    assert!(!answer.location().get("code").is_empty());
    let other = browser.submit(&world, &page, &[("action", "switch")]).await;
    assert!(other.text().contains("type=\"password\""));
    let again = browser
        .submit(&world, &page, &[("action", "continue")])
        .await;
    assert!(again.text().contains("not logged in any more"));
    browser.log_in(&world, &other, EMAIL, PASSWORD).await;
    let silent = browser
        .open(&world, &query.clone().with("prompt", "none"))
        .await;
    assert_eq!(silent.location().get("error"), "interaction_required");
    // Asked to log in anew, or too long ago, or the password changed.
    let fresh = browser
        .open(&world, &query.clone().with("prompt", "login"))
        .await;
    assert!(fresh.text().contains("type=\"password\""));
    world.clock.forward(61);
    let old = browser
        .open(&world, &query.clone().with("max_age", "60"))
        .await;
    assert!(old.text().contains("type=\"password\""));
    let page = browser.open(&world, &query).await;
    assert!(page.text().contains("continue"));
    world.set_password("a rather different one").await;
    let page = browser.open(&world, &query).await;
    assert!(page.text().contains("type=\"password\""));
    let answer = browser
        .submit(&world, &page, &[("action", "continue")])
        .await;
    assert!(
        answer.text().contains("not logged in any more"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn over_plain_http_no_session_is_kept() {
    let world = World::new().await;
    world.add_user().await;
    let mut browser = Browser::default();
    let (_, challenge) = pkce();
    let query = world.auth_query("http://localhost:1", &challenge);
    let page = browser.open(&world, &query).await;
    browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let names: Vec<_> = browser.cookies.keys().collect();
    assert_eq!(names, ["bulla-form-4321"]);
}

#[tokio::test]
async fn saying_no_is_told_to_the_program() {
    let world = World::new().await;
    let (_, challenge) = pkce();
    let query = world.auth_query("http://localhost:1", &challenge);
    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    let answer = browser.submit(&world, &page, &[("action", "deny")]).await;
    assert_eq!(answer.location().get("error"), "access_denied");
    assert_eq!(answer.location().get("state"), "the state");
}

/// zot CVE-2025-23208: groups that were taken away do not live on in a session.
#[tokio::test]
async fn cve_2025_23208_groups_that_are_gone_are_gone() {
    let world = World::https().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let redirect = "http://localhost:1";
    let query = world.auth_query(redirect, &challenge);
    let query = query.with("scope", "openid groups");
    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    let answer = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let code = answer.location().get("code");
    let answer = world.redeem(&code, redirect, &verifier).await.json();
    let token = answer["id_token"].as_str().unwrap();
    assert_eq!(claims(token)["groups"], json!(["release"]));
    let answer = browser.open(&world, &query).await;
    let pending = browser
        .submit(&world, &answer, &[("action", "continue")])
        .await;
    world.clock.forward(1);
    let users = world.authority.login().users();
    let now = world.clock.now();
    users.set_groups(EMAIL, vec![], now).await.unwrap();
    let page = browser.open(&world, &query).await;
    assert!(page.text().contains("type=\"password\""));
    let code = pending.location().get("code");
    let refused = world.redeem(&code, redirect, &verifier).await;
    assert_eq!(refused.error(), "invalid_grant");
}

/// Harbor CVE-2026-4404: a new instance lets nobody in.
#[tokio::test]
async fn cve_2026_4404_there_is_no_default_credential() {
    let world = World::new().await;
    assert_eq!(world.authority.login().users().list().await.unwrap(), []);
    let clients = world.authority.login().clients().list().await.unwrap();
    assert!(clients.iter().all(|client| client.is_public()));
    let (_, challenge) = pkce();
    let mut browser = Browser::default();
    let page = browser
        .open(&world, &world.auth_query("http://localhost:1", &challenge))
        .await;
    for email in ["admin@localhost", "admin@example.com", "bulla@localhost"] {
        for password in ["admin", "password", "bulla", "Harbor12345"] {
            let answer = browser.log_in(&world, &page, email, password).await;
            assert_eq!(answer.header("location"), "");
        }
    }
}
