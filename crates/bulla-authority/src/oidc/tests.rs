use bulla_core::SystemClock;
use jiff::ToSpan;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::ca::issuer::LocalKeys as _;
use bulla_crypto::SigningKey;
use bulla_trust::jwt::{self, JwtError, TokenExpectation};

fn issuer(url: &str) -> Issuer {
    Issuer::new(url, SigningKey::generate(Scheme::EcdsaP256).unwrap()).unwrap()
}

/// As the CA checks it.
async fn check(
    issuer: &Issuer,
    token: &str,
    audience: &str,
    now: Timestamp,
) -> Result<jwt::Claims, JwtError> {
    let keys = issuer.key_set(None).await;
    let expected = TokenExpectation::new(issuer.url(), audience);
    let verified = jwt::check(token.as_bytes(), &keys, expected, now)?;
    Ok(verified.claim().clone())
}

#[tokio::test]
async fn a_token_is_accepted_for_its_audience_and_time_only() {
    let issuer = issuer("http://127.0.0.1:1/oidc/asserted");
    let now = Timestamp::now();
    let token = issuer
        .mint_person("dana@example.com", "sigstore", now)
        .unwrap();
    let claims = check(&issuer, &token, "sigstore", now).await.unwrap();
    assert_eq!(claims.challenge(), "dana@example.com");
    assert!(claims.email_verified);
    let other = check(&issuer, &token, "other", now).await;
    assert!(matches!(other, Err(JwtError::Audience { .. })));
    let late = check(&issuer, &token, "sigstore", now + 601.seconds()).await;
    assert!(matches!(late, Err(JwtError::Expired { .. })));
    let early = check(&issuer, &token, "sigstore", now - 60.seconds()).await;
    assert!(matches!(early, Err(JwtError::Early { .. })));
}

#[tokio::test]
async fn a_token_of_another_key_issuer_or_algorithm_is_refused() {
    let (one, two) = (issuer("http://h/a"), issuer("http://h/a"));
    let now = Timestamp::now();
    let token = one
        .mint_person("dana@example.com", "sigstore", now)
        .unwrap();
    let other = check(&two, &token, "sigstore", now).await;
    assert!(matches!(other, Err(JwtError::Signature)));
    let (head, rest) = token.split_once('.').unwrap();
    let changed = format!("{head}x.{rest}");
    assert!(check(&one, &changed, "sigstore", now).await.is_err());
    let none = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        br#"{"alg":"none"}"#,
    );
    let stripped = format!("{none}.{}.", rest.split_once('.').unwrap().0);
    assert!(check(&one, &stripped, "sigstore", now).await.is_err());
}

#[tokio::test]
async fn a_service_has_a_subject_below_its_issuer() {
    let issuer = issuer("http://h/oidc/service");
    let now = Timestamp::now();
    let token = issuer.mint_service(Service::Builder, now).unwrap();
    let claims = check(&issuer, &token, "sigstore", now).await.unwrap();
    assert_eq!(claims.challenge(), "http://h/oidc/service/builder");
    assert_eq!(claims.email, None);
}

#[test]
fn only_addresses_are_asserted() {
    let issuer = issuer("http://h/a");
    for bad in [
        "",
        "dana",
        "@h",
        "a@",
        "a b@h",
        "a@b@c",
        "a\n@h",
        "http://h/oidc/service/builder",
    ] {
        assert!(
            issuer
                .mint_person(bad, "sigstore", Timestamp::now())
                .is_err(),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn the_socket_is_for_its_owner_and_says_why_it_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token.sock");
    let socket = socket::Socket::bind(&path).unwrap();
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let asserted = Arc::new(issuer("http://h/asserted"));
    let store = bulla_store::Store::open(directory.path()).await.unwrap();
    let (settings, clock) = (OidcSettings::default(), Arc::new(SystemClock));
    let keys = directory.path().join("keys");
    let slots = crate::key_slot::KeySlots::open(&keys).await.unwrap();
    let keys = crate::ca::issuer::IssuerKeys::new(clock.clone());
    let login = Login::open(
        "http://h",
        settings,
        store.values(),
        slots.clone(),
        keys,
        clock.clone(),
    );
    let (tuf, seed) = (crate::tuf::TufSettings::default(), Default::default());
    let tuf = crate::tuf::Publisher::new(store.values(), slots, tuf, clock.clone(), seed);
    let mint = socket::Mint {
        asserted: asserted.clone(),
        service: Arc::new(issuer("http://h/service")),
        login: Arc::new(login.await.unwrap()),
        tuf,
        monitor: None,
        clock,
    };
    let task = tokio::spawn(socket.serve(mint));
    let ask = async |line: &str| {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()
    };
    let answer =
        ask("{\"op\":\"token\",\"email\":\"dana@example.com\",\"audience\":\"sigstore\"}\n").await;
    let token = answer["token"].as_str().unwrap();
    check(&asserted, token, "sigstore", Timestamp::now())
        .await
        .unwrap();
    let answer = ask("{\"op\":\"token\",\"email\":\"nobody\",\"audience\":\"sigstore\"}\n").await;
    assert_eq!(answer["error"]["code"], "AUTH-0102");
    let answer = ask("{\"op\":\"service-token\",\"service\":\"admin\"}\n").await;
    assert_eq!(answer["error"]["code"], "AUTH-0106");
    let answer = ask("{\"op\":\"rotate-tuf\"}\n").await;
    assert_eq!(answer["error"]["code"], "AUTH-0604", "no repository yet");
    let manage = async |order: &str| {
        let line = format!("{{\"op\":\"manage\",\"order\":{order}}}\n");
        ask(&line).await
    };
    let answer = manage(
        r#"{"do":"user-add","email":"dana@example.com","name":null,"groups":["dev"],"password":"correct horse battery"}"#,
    )
    .await;
    assert_eq!(answer["done"]["user"]["groups"][0], "dev", "{answer}");
    let answer = manage(r#"{"do":"totp-begin","email":"dana@example.com"}"#).await;
    assert_eq!(answer["done"]["secret"].as_str().unwrap().len(), 32);
    let answer = manage(r#"{"do":"user-list"}"#).await;
    assert_eq!(answer["done"]["users"].as_array().unwrap().len(), 1);
    assert!(!answer.to_string().contains("argon2"));
    let answer = manage(r#"{"do":"client-add","id":"ci","grants":["client_credentials"]}"#).await;
    assert_eq!(
        answer["done"]["secret"].as_str().unwrap().len(),
        43,
        "{answer}"
    );
    let answer = manage(r#"{"do":"client-list"}"#).await;
    assert!(answer["done"]["clients"][1].get("secret").is_none());
    let answer = manage(r#"{"do":"user-enable","email":"eve@example.com","enabled":false}"#).await;
    assert_eq!(answer["error"]["code"], "AUTH-0527");
    assert!(
        answer["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("bulla user list")
    );
    let answer = manage(r#"{"do":"user-list","extra":1}"#).await;
    assert_eq!(answer["error"]["code"], "AUTH-0106");
    task.abort();
}
