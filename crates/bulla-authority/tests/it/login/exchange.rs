//! Token exchange: a workload's token of another issuer for one of ours.

use axum::http::StatusCode;
use bulla_authority::oidc::{
    OidcSettings,
    client::{Grant, NewClient},
    connector::ExchangeRule,
};
use bulla_core::Clock as _;
use jiff::Timestamp;
use serde_json::json;

use super::{
    upstream::Pair,
    world::{Answer, World, claims},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const HERE: &str = "http://127.0.0.1:4321/oidc/login";

fn rule(settings: &mut OidcSettings) {
    let issuer = settings.upstream[0].issuer.clone();
    settings.exchange = vec![ExchangeRule {
        connector: "corp".into(),
        subjects: vec![format!("{issuer}/client/build-*")],
        audiences: vec!["sigstore".into(), "registry".into()],
        scopes: vec!["openid".into(), "email".into()],
        clients: vec!["sigstore".into()],
    }];
}

/// A token of a machine of the upstream issuer, for our audience.
async fn workload(pair: &Pair, id: &str, audience: &str) -> String {
    let new = NewClient {
        id: id.into(),
        grants: vec![Grant::ClientCredentials],
        audiences: vec![audience.into()],
        ..NewClient::default()
    };
    let there = &pair.there;
    let clients = there.authority.login().clients();
    let (_, secret) = clients.add(new, there.clock.now()).await.unwrap();
    let basic = format!("{id}:{}", secret.unwrap());
    let fields = [("grant_type", "client_credentials"), ("audience", audience)];
    let answer = there.token(Some(&basic), &fields).await.json();
    answer["id_token"].as_str().unwrap().to_owned()
}

async fn exchange(world: &World, token: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [
        ("grant_type", GRANT),
        ("client_id", "sigstore"),
        ("subject_token", token),
        ("subject_token_type", ID_TOKEN),
    ];
    world.token(None, &[&fields, more].concat()).await
}

#[tokio::test]
async fn a_workload_gets_a_narrower_token() {
    let pair = Pair::new(rule).await;
    let token = workload(&pair, "build-1", HERE).await;
    pair.here.clock.forward(200);
    let answer = exchange(&pair.here, &token, &[("audience", "sigstore")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["issued_token_type"], ID_TOKEN);
    assert_eq!(
        answer["expires_in"], 400,
        "never longer than the subject's own"
    );
    let (old, new) = (
        claims(&token),
        claims(answer["access_token"].as_str().unwrap()),
    );
    assert_eq!(new["exp"], old["exp"]);
    assert_eq!(new["aud"], "sigstore");
    assert_eq!(new["iss"], HERE);
    let subject = new["sub"].as_str().unwrap();
    assert!(
        subject.starts_with(&format!("{HERE}/via/corp/http%3A%2F%2F127.0.0.1")),
        "{subject}"
    );
    assert!(new.get("email").is_none());
    assert_eq!(
        new["act"],
        json!({"iss": HERE, "sub": format!("{HERE}/client/sigstore")})
    );
    assert_eq!(new["federated_claims"]["user_id"], old["sub"]);
}

#[tokio::test]
async fn nothing_wider_than_the_rule() {
    let pair = Pair::new(rule).await;
    let token = workload(&pair, "build-1", HERE).await;
    let refused = async |more: &[(&str, &str)]| exchange(&pair.here, &token, more).await.error();
    assert_eq!(refused(&[("audience", "vault")]).await, "invalid_target");
    assert_eq!(
        refused(&[("audience", "sigstore"), ("audience", "vault")]).await,
        "invalid_target"
    );
    assert_eq!(
        refused(&[("resource", "https://api.example")]).await,
        "invalid_target"
    );
    let kind = "urn:ietf:params:oauth:token-type:refresh_token";
    assert_eq!(
        refused(&[("requested_token_type", kind)]).await,
        "invalid_request"
    );
    assert_eq!(
        refused(&[("actor_token_type", ID_TOKEN)]).await,
        "invalid_request"
    );
    let wide = exchange(&pair.here, &token, &[("scope", "openid groups profile")]).await;
    assert_eq!(wide.json()["scope"], "openid");
    // Another subject, audience or client has no rule.
    let other = workload(&pair, "deploy-1", HERE).await;
    assert_eq!(
        exchange(&pair.here, &other, &[]).await.error(),
        "invalid_request"
    );
    let elsewhere = workload(&pair, "build-2", "sigstore").await;
    assert_eq!(
        exchange(&pair.here, &elsewhere, &[]).await.error(),
        "invalid_request"
    );
    pair.here.clock.forward(600);
    assert_eq!(
        exchange(&pair.here, &token, &[]).await.error(),
        "invalid_request"
    );
}

/// Dex GHSA-7qjx-gp9h-65qj: the list of connectors holds for exchanges too.
#[tokio::test]
async fn ghsa_7qjx_a_client_exchanges_tokens_of_its_connectors_only() {
    let pair = Pair::new(|settings| {
        rule(settings);
        settings.exchange[0].clients.push("narrow".into());
    })
    .await;
    let new = NewClient {
        id: "narrow".into(),
        public: true,
        grants: vec![Grant::TokenExchange],
        connectors: Some(vec!["local".into()]),
        ..NewClient::default()
    };
    let clients = pair.here.authority.login().clients();
    clients.add(new, pair.here.clock.now()).await.unwrap();
    let token = workload(&pair, "build-1", HERE).await;
    let fields = [
        ("grant_type", GRANT),
        ("client_id", "narrow"),
        ("subject_token", &*token),
        ("subject_token_type", ID_TOKEN),
    ];
    assert_eq!(
        pair.here.token(None, &fields).await.error(),
        "invalid_request"
    );
    assert_eq!(
        exchange(&pair.here, &token, &[]).await.status,
        StatusCode::OK
    );
}

/// What was only asserted never turns into what somebody proved.
#[tokio::test]
async fn an_asserted_identity_is_not_exchanged() {
    let pair = Pair::new(rule).await;
    let now = Timestamp::now();
    let asserted = pair.here.authority.asserted();
    let token = asserted.mint_person("dana@example.com", HERE, now).unwrap();
    assert_eq!(
        exchange(&pair.here, &token, &[]).await.error(),
        "invalid_request"
    );
    let own = pair.here.authority.login();
    assert_eq!(own.url(), HERE);
    for bad in ["", "x.y.z", "e30.e30.", &"a".repeat(70_000)] {
        assert_eq!(
            exchange(&pair.here, bad, &[]).await.error(),
            "invalid_request"
        );
    }
}

#[tokio::test]
async fn a_token_of_a_single_use_issuer_is_exchanged_once() {
    let pair = Pair::new(|settings| {
        rule(settings);
        settings.upstream[0].keys.single_use = true;
    })
    .await;
    let token = workload(&pair, "build-1", HERE).await;
    // A refusal uses nothing up.
    assert_eq!(
        exchange(&pair.here, &token, &[("audience", "vault")])
            .await
            .error(),
        "invalid_target"
    );
    let (one, two) = tokio::join!(
        exchange(&pair.here, &token, &[]),
        exchange(&pair.here, &token, &[])
    );
    let won = [&one, &two]
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(won, 1);
    assert_eq!(
        exchange(&pair.here, &token, &[]).await.error(),
        "invalid_request"
    );
}

#[tokio::test]
async fn who_acts_is_recorded_in_turn() {
    let pair = Pair::new(rule).await;
    let subject = workload(&pair, "build-1", HERE).await;
    let actor = workload(&pair, "runner", HERE).await;
    let more = [("actor_token", &*actor), ("actor_token_type", ID_TOKEN)];
    let answer = exchange(&pair.here, &subject, &more).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let new = claims(answer.json()["id_token"].as_str().unwrap());
    assert_eq!(new["act"]["sub"], claims(&actor)["sub"]);
    let broken = format!("{actor}x");
    let more = [("actor_token", &*broken), ("actor_token_type", ID_TOKEN)];
    assert_eq!(
        exchange(&pair.here, &subject, &more).await.error(),
        "invalid_request"
    );
}
