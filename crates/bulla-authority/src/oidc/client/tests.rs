use bulla_store::Store;

use super::*;

fn new(id: &str) -> NewClient {
    NewClient {
        id: id.into(),
        grants: vec![Grant::ClientCredentials],
        audiences: vec!["sigstore".into()],
        ..NewClient::default()
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_hash() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).await.unwrap();
    let clients = Clients::new(store.values());
    let now = Timestamp::UNIX_EPOCH;
    let (_, secret) = clients.add(new("ci"), now).await.unwrap();
    let secret = secret.unwrap();
    assert_eq!(secret.len(), 43);
    let raw = store.values().get(SPACE, "ci").await.unwrap().unwrap();
    assert!(!String::from_utf8(raw).unwrap().contains(&secret));
    let client = clients.get("ci").await.unwrap().unwrap();
    assert!(client.accepts(Some(&secret)));
    for wrong in [None, Some(""), Some("x"), Some(&secret[1..])] {
        assert!(!client.accepts(wrong));
    }
    // R16: no client without a secret accepts one, and none with one goes without.
    let sigstore = clients.get(SIGSTORE).await.unwrap().unwrap();
    assert!(sigstore.accepts(None) && sigstore.accepts(Some("")));
    assert!(!sigstore.accepts(Some("anything")));
    assert!(matches!(
        clients.add(new("ci"), now).await,
        Err(LoginError::Exists { .. })
    ));
    assert!(matches!(
        clients.add(new(SIGSTORE), now).await,
        Err(LoginError::Exists { .. })
    ));
    assert_eq!(clients.list().await.unwrap().len(), 2);
    clients.remove("ci").await.unwrap();
    assert!(clients.get("ci").await.unwrap().is_none());
    assert!(clients.remove(SIGSTORE).await.is_err());
}

#[test]
fn what_may_not_be_registered() {
    let bad = [
        NewClient {
            id: "a:b".into(),
            ..new("")
        },
        NewClient {
            id: "a b".into(),
            ..new("")
        },
        NewClient {
            public: true,
            ..new("x")
        },
        NewClient {
            audiences: vec![" ".into()],
            ..new("x")
        },
        NewClient {
            redirects: vec!["http://evil.example/".into()],
            ..new("x")
        },
        NewClient {
            redirects: vec!["https://app.example/cb".into()],
            ..new("x")
        },
        NewClient {
            grants: vec![Grant::AuthorizationCode],
            ..new("x")
        },
    ];
    for client in bad {
        assert!(check(&client).is_err(), "{client:?}");
    }
}

#[test]
fn the_redirects_of_sigstores_clients() {
    let client = Client::sigstore();
    for good in [
        "http://localhost:35217/auth/callback",
        "http://127.0.0.1:1/auth/callback",
        "http://localhost:9000",
        OUT_OF_BAND,
    ] {
        assert!(client.redirects_to(good), "{good}");
    }
    assert!(!client.redirects_to("http://localhost:1/other"));
    assert!(!client.redirects_to("http://10.0.0.1:1/auth/callback"));
}
