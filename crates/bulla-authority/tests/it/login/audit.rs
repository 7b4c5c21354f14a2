//! What is on record of every refusal, and what never is.

use bulla_core::Clock as _;

use super::world::{Browser, EMAIL, PASSWORD, World, pkce};
use crate::upstream::Audit;

const REDIRECT: &str = "http://localhost:43117/auth/callback";

#[tokio::test]
async fn every_refusal_is_on_record_and_no_secret_is() {
    let world = World::new().await;
    world.add_user().await;
    let (verifier, challenge) = pkce();
    let query = world.auth_query(REDIRECT, &challenge);
    let audit = Audit::start();
    let mut secrets = vec![PASSWORD.to_owned(), verifier.clone()];
    let expect = |event: &str, what: &str| {
        let lines = audit.take();
        let found = lines.iter().any(|line| line.contains(event));
        assert!(found, "{what}: no {event} in {lines:?}");
        lines
    };
    let mut all = Vec::new();

    let mut browser = Browser::default();
    let page = browser.open(&world, &query).await;
    // A password typed where the address belongs.
    let slip = "my-secret-password-1";
    secrets.push(slip.into());
    browser.log_in(&world, &page, slip, "x").await;
    all.extend(expect("oidc.login.refused", "no address"));
    browser
        .log_in(&world, &page, EMAIL, "wrong-password-2")
        .await;
    secrets.push("wrong-password-2".into());
    all.extend(expect("oidc.login.refused", "wrong password"));
    let answer = browser.log_in(&world, &page, EMAIL, PASSWORD).await;
    let code = answer.location().get("code");
    all.extend(expect("oidc.login.accepted", "right password"));
    let token = world.redeem(&code, REDIRECT, &verifier).await.json();
    all.extend(expect("oidc.token.issued", "a token"));
    secrets.push(token["id_token"].as_str().unwrap().into());
    world.redeem(&code, REDIRECT, &verifier).await;
    all.extend(expect("oidc.code.replayed", "a replay"));
    secrets.push(code);
    let (other, _) = pkce();
    let code = world.code(REDIRECT, &challenge).await;
    audit.take();
    world.redeem(&code, REDIRECT, &other).await;
    all.extend(expect("oidc.token.refused", "a wrong verifier"));
    let evil = query.clone().with("redirect_uri", "https://evil.example");
    browser.open(&world, &evil).await;
    all.extend(expect("oidc.auth.refused", "an open redirect"));
    Browser::default()
        .log_in(&world, &page, EMAIL, PASSWORD)
        .await;
    all.extend(expect("oidc.form.refused", "a form of another browser"));
    let foreign = world.request(
        "POST",
        "/token",
        &[("origin", "http://evil.example")],
        String::new(),
    );
    world.send(foreign).await;
    all.extend(expect("http.refused", "a foreign origin"));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "ci"),
        ("client_secret", "s3cret-of-ci"),
    ];
    world.token(None, &fields).await;
    secrets.push("s3cret-of-ci".into());
    all.extend(expect("oidc.token.refused", "an unknown client"));
    let users = world.authority.login().users();
    users.enable(EMAIL, false, world.clock.now()).await.unwrap();
    all.extend(expect("oidc.user.disabled", "a disabled user"));

    for secret in secrets {
        assert!(
            !all.iter().any(|line| line.contains(&secret)),
            "{secret} is on record"
        );
    }
}
