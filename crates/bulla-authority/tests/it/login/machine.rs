//! Clients that come as themselves.

use axum::http::StatusCode;
use bulla_authority::oidc::client::{Grant, NewClient};
use bulla_core::Clock as _;
use serde_json::json;

use super::world::{World, claims};

async fn with_client() -> (World, String) {
    let world = World::new().await;
    let new = NewClient {
        id: "ci".into(),
        grants: vec![Grant::ClientCredentials],
        audiences: vec!["sigstore".into()],
        ..NewClient::default()
    };
    let clients = world.authority.login().clients();
    let (_, secret) = clients.add(new, world.clock.now()).await.unwrap();
    (world, secret.unwrap())
}

#[tokio::test]
async fn a_machine_has_a_uri_and_never_an_address() {
    let (world, secret) = with_client().await;
    // As cosign: both in the body.
    let fields = [
        ("client_id", "ci"),
        ("client_secret", &*secret),
        ("grant_type", "client_credentials"),
        ("scope", "openid email"),
    ];
    let answer = world.token(None, &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let claims_ = claims(answer.json()["id_token"].as_str().unwrap());
    assert_eq!(claims_["sub"], format!("{}/client/ci", world.issuer()));
    assert_eq!(claims_["aud"], json!(["ci", "sigstore"]));
    assert_eq!(claims_["azp"], "ci");
    assert!(claims_.get("email").is_none() && claims_.get("email_verified").is_none());
    // For one of its audiences alone; for another, not at all.
    let narrow = [fields.as_slice(), &[("audience", "sigstore")]].concat();
    let answer = world.token(None, &narrow).await.json();
    assert_eq!(
        claims(answer["id_token"].as_str().unwrap())["aud"],
        "sigstore"
    );
    let wide = [
        fields.as_slice(),
        &[("audience", "sigstore"), ("audience", "vault")],
    ]
    .concat();
    assert_eq!(world.token(None, &wide).await.error(), "invalid_target");
}

#[tokio::test]
async fn a_secret_is_proven_one_way_or_not_at_all() {
    let (world, secret) = with_client().await;
    let grant = ("grant_type", "client_credentials");
    let good = world.token(Some(&format!("ci:{secret}")), &[grant]).await;
    assert_eq!(good.status, StatusCode::OK);
    let wrong = world.token(Some("ci:wrong"), &[grant]).await;
    assert_eq!(wrong.error(), "invalid_client");
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.header("www-authenticate"), "Basic realm=\"bulla\"");
    for fields in [
        vec![grant, ("client_id", "ci")],
        vec![grant, ("client_id", "ci"), ("client_secret", "")],
        vec![grant, ("client_id", "nobody"), ("client_secret", &secret)],
        vec![grant, ("client_secret", &secret)],
        vec![grant],
    ] {
        assert_eq!(
            world.token(None, &fields).await.error(),
            "invalid_client",
            "{fields:?}"
        );
    }
    let both = [grant, ("client_id", "ci"), ("client_secret", &*secret)];
    let answer = world.token(Some(&format!("ci:{secret}")), &both).await;
    assert_eq!(answer.error(), "invalid_request");
    let mixed = [grant, ("client_id", "sigstore")];
    let answer = world.token(Some(&format!("ci:{secret}")), &mixed).await;
    assert_eq!(answer.error(), "invalid_request");
    // Public clients have no identity of their own.
    let public = [grant, ("client_id", "sigstore")];
    assert_eq!(
        world.token(None, &public).await.error(),
        "unauthorized_client"
    );
    // And this one may do nothing else.
    let fields = [("scope", "openid")];
    let answer = world
        .post("/device/code", Some(&format!("ci:{secret}")), &fields)
        .await;
    assert_eq!(answer.error(), "unauthorized_client");
    world
        .authority
        .login()
        .clients()
        .remove("ci")
        .await
        .unwrap();
    let gone = world.token(Some(&format!("ci:{secret}")), &[grant]).await;
    assert_eq!(gone.error(), "invalid_client");
}

/// What the CA makes of it: a URI, and for people an address.
#[tokio::test]
async fn logins_are_certified_by_their_own_issuer() {
    use crate::client::signing_request;
    use bulla_crypto::{Scheme, SigningKey};

    let (world, secret) = with_client().await;
    world.add_user().await;
    let certify = async |token: &str, challenge: &str| {
        let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
        let request = signing_request(&key, token, challenge);
        crate::client::post_json(&world.authority, "/api/v2/signingCert", &request).await
    };
    let fields = [
        ("grant_type", "client_credentials"),
        ("audience", "sigstore"),
    ];
    let machine = world
        .token(Some(&format!("ci:{secret}")), &fields)
        .await
        .json();
    let machine = machine["id_token"].as_str().unwrap();
    let subject = format!("{}/client/ci", world.issuer());
    let answer = certify(machine, &subject).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let (verifier, challenge) = super::world::pkce();
    let redirect = "http://localhost:1/auth/callback";
    let code = world.code(redirect, &challenge).await;
    let person = world.redeem(&code, redirect, &verifier).await.json();
    let person = person["id_token"].as_str().unwrap();
    let answer = certify(person, "dana@example.com").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        certify(person, "eve@example.com").await.status,
        StatusCode::BAD_REQUEST
    );
    // A token for another audience is none for the CA.
    let own = [("grant_type", "client_credentials"), ("audience", "ci")];
    let own = world
        .token(Some(&format!("ci:{secret}")), &own)
        .await
        .json();
    let answer = certify(own["id_token"].as_str().unwrap(), &subject).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
