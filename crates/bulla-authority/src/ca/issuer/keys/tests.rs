use std::sync::{
    Mutex,
    atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_crypto::{Scheme, SigningKey};
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::*;

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(SeqCst)).unwrap()
    }
}

fn hands() -> Arc<Hands> {
    Arc::new(Hands(AtomicI64::new(1_800_000_000)))
}

/// An issuer on this machine whose answers a test decides.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
    key: SigningKey,
    served: Arc<Mutex<String>>,
}

fn jwks(key: &SigningKey, id: &str) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.public().raw());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x}]}).to_string()
}

impl Issuer {
    async fn start() -> Self {
        let key = SigningKey::generate(Scheme::Ed25519).unwrap();
        let served = Arc::new(Mutex::new(jwks(&key, "k")));
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
        let (keys, count) = (served.clone(), asked.clone());
        let app = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move || discovery),
            )
            .route(
                "/keys",
                get(async move || {
                    count.fetch_add(1, SeqCst);
                    let keys = keys.lock().unwrap().clone();
                    match keys.as_str() {
                        "" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                        _ => keys.into_response(),
                    }
                }),
            );
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            asked,
            key,
            served,
        }
    }

    fn token(&self, id: &str) -> String {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"iss": self.url, "sub": "s", "aud": "sigstore", "exp": 1_900_000_000});
        let signed = format!(
            "{}.{}",
            encode(json!({"alg": "EdDSA", "kid": id})),
            encode(claims)
        );
        let signature = self.key.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn trust(&self) -> IssuerTrust {
        trust(&self.url, RemoteKeys::default())
    }
}

fn trust(url: &str, keys: RemoteKeys) -> IssuerTrust {
    IssuerTrust {
        url: url.to_owned(),
        audience: "sigstore".into(),
        algorithms: Algorithm::ALL.to_vec(),
        keys: KeySource::Remote(Arc::new(keys)),
    }
}

/// A server of one fixed answer for discovery.
async fn serve(discovery: impl Fn(&str) -> Response + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (discovery, own) = (Arc::new(discovery), url.clone());
    let app = Router::new().fallback(async move || discovery(&own));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_one_that_is_new() {
    let (issuer, clock) = (Issuer::start().await, hands());
    let (keys, trust) = (IssuerKeys::new(clock.clone()), issuer.trust());
    for _ in 0..3 {
        keys.verify(issuer.token("k").as_bytes(), &trust)
            .await
            .unwrap();
    }
    assert_eq!(issuer.asked.load(SeqCst), 1);
    // A key that is not known makes no storm of questions.
    *issuer.served.lock().unwrap() = jwks(&issuer.key, "new");
    for _ in 0..5 {
        let refused = keys.verify(issuer.token("new").as_bytes(), &trust).await;
        assert!(matches!(
            refused,
            Err(IssuerError::Token(JwtError::Signature))
        ));
    }
    assert_eq!(issuer.asked.load(SeqCst), 1);
    clock.0.fetch_add(31, SeqCst);
    keys.verify(issuer.token("new").as_bytes(), &trust)
        .await
        .unwrap();
    assert_eq!(issuer.asked.load(SeqCst), 2);
    // The one that its issuer withdrew is gone.
    clock.0.fetch_add(31, SeqCst);
    assert!(
        keys.verify(issuer.token("k").as_bytes(), &trust)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn keys_outlive_a_silent_issuer_for_an_hour() {
    let (issuer, clock) = (Issuer::start().await, hands());
    let (keys, trust) = (IssuerKeys::new(clock.clone()), issuer.trust());
    let token = issuer.token("k");
    keys.verify(token.as_bytes(), &trust).await.unwrap();
    issuer.served.lock().unwrap().clear();
    clock.0.fetch_add(3500, SeqCst);
    keys.verify(token.as_bytes(), &trust).await.unwrap();
    clock.0.fetch_add(200, SeqCst);
    let refused = keys.verify(token.as_bytes(), &trust).await;
    assert!(matches!(refused, Err(IssuerError::Unreachable { .. })));
    // Its failure is remembered too.
    let asked = issuer.asked.load(SeqCst);
    let refused = keys.verify(token.as_bytes(), &trust).await;
    assert!(matches!(refused, Err(IssuerError::NotYet { .. })));
    assert_eq!(issuer.asked.load(SeqCst), asked);
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused() {
    let keys = IssuerKeys::new(hands());
    let failed = async |url: &str| {
        let trust = trust(url, RemoteKeys::default());
        keys.key_set(url, &trust.keys, None).await.unwrap_err()
    };
    let json = |value: serde_json::Value| value.to_string().into_response();
    let other = serve(move |_| json(json!({"issuer": "https://other.example"}))).await;
    assert!(matches!(failed(&other).await, IssuerError::Document { .. }));
    let slash = serve(move |own| json(json!({"issuer": format!("{own}/")}))).await;
    assert!(matches!(failed(&slash).await, IssuerError::Document { .. }));
    let nowhere = serve(move |own| json(json!({"issuer": own}))).await;
    assert!(matches!(
        failed(&nowhere).await,
        IssuerError::Document { .. }
    ));
    let long = serve(|_| vec![b' '; (256 << 10) + 1].into_response()).await;
    assert!(matches!(
        failed(&long).await,
        IssuerError::Unreachable { .. }
    ));
    let empty = serve(move |own| {
        json(json!({"issuer": own, "jwks_uri": format!("{own}/keys"), "keys": []}))
    })
    .await;
    assert!(matches!(failed(&empty).await, IssuerError::Document { .. }));
    let deep = serve(|_| format!("{}1{}", "[".repeat(70), "]".repeat(70)).into_response()).await;
    assert!(matches!(failed(&deep).await, IssuerError::Document { .. }));
}

/// GHSA for Fulcio, CVE-2026-49478: discovery that redirects, keys from another
/// host, and the service account's credential on its way there.
#[tokio::test]
async fn cve_2026_49478_discovery_leads_nowhere_else() {
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let record = seen.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let thief = format!("http://{}", listener.local_addr().unwrap());
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    let (body, own) = (jwks(&key, "k"), thief.clone());
    let app = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async move || {
                json!({"issuer": own, "jwks_uri": format!("{own}/keys")}).to_string()
            }),
        )
        .fallback(async move |headers: HeaderMap| {
            let credential = headers.get(header::AUTHORIZATION);
            let credential = credential.map(|value| value.to_str().unwrap().to_owned());
            record.lock().unwrap().push(credential);
            body
        });
    tokio::spawn(async move { axum::serve(listener, app).await });

    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("token");
    std::fs::write(&secret, "very-secret\n").unwrap();
    let keys = IssuerKeys::new(hands());
    let with_secret = |jwks_url: Option<String>| RemoteKeys {
        bearer_token_file: Some(secret.clone()),
        jwks_url: jwks_url.map(|url| Url::parse(&url).unwrap()),
        ..RemoteKeys::default()
    };

    let target = format!("{thief}/.well-known/openid-configuration");
    let redirecting = serve(move |_| Redirect::temporary(&target).into_response()).await;
    let source = trust(&redirecting, with_secret(None)).keys;
    let refused = keys.key_set(&redirecting, &source, None).await;
    let Err(IssuerError::Unreachable {
        source: HttpError::Redirect { .. },
        ..
    }) = refused
    else {
        panic!("{refused:?}")
    };

    let target = format!("{thief}/keys");
    let pointing = serve(move |own| {
        json!({"issuer": own, "jwks_uri": target})
            .to_string()
            .into_response()
    })
    .await;
    let source = trust(&pointing, with_secret(None)).keys;
    let refused = keys.key_set(&pointing, &source, None).await;
    assert!(
        matches!(refused, Err(IssuerError::Elsewhere { .. })),
        "{refused:?}"
    );
    assert!(
        seen.lock().unwrap().is_empty(),
        "nothing was asked of the other host"
    );

    // Where the configuration names that host, it is asked, without the credential.
    let source = trust(&pointing, with_secret(Some(format!("{thief}/keys")))).keys;
    let named = IssuerKeys::new(hands());
    assert!(
        named
            .key_set(&pointing, &source, Some("k"))
            .await
            .unwrap()
            .holds("k")
    );
    assert_eq!(*seen.lock().unwrap(), [None]);

    // The issuer's own host gets it.
    let source = trust(&thief, with_secret(None)).keys;
    named.key_set(&thief, &source, None).await.unwrap();
    let credential = Some("Bearer very-secret".to_owned());
    assert_eq!(*seen.lock().unwrap(), [None, credential]);
}

/// A name outside may point inside: the address is judged after the lookup, by
/// the connection that would use it.
#[tokio::test]
async fn private_addresses_are_an_explicit_choice() {
    let keys = IssuerKeys::new(hands());
    for url in [
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://169.254.169.254",
    ] {
        let source = trust(url, RemoteKeys::default()).keys;
        let refused = keys.key_set(url, &source, None).await;
        let Err(IssuerError::Unreachable {
            source: HttpError::Egress { .. },
            ..
        }) = refused
        else {
            panic!("{refused:?}")
        };
    }
    // An issuer by its loopback address is its own permission; one that only
    // resolves there is none.
    let chosen = RemoteKeys {
        private_network: true,
        ..RemoteKeys::default()
    };
    let url = "https://127.0.0.1:1";
    for keys_of in [chosen, RemoteKeys::default()] {
        let source = trust(url, keys_of).keys;
        let refused = IssuerKeys::new(hands()).key_set(url, &source, None).await;
        assert!(
            matches!(
                refused,
                Err(IssuerError::Unreachable {
                    source: HttpError::Connect { .. },
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn pinned_keys_are_read_again_when_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    assert!(PinnedKeys::file(&path).is_err());
    let key = SigningKey::generate(Scheme::Ed25519).unwrap();
    std::fs::write(&path, jwks(&key, "one")).unwrap();
    let source = KeySource::Pinned(Arc::new(PinnedKeys::file(&path).unwrap()));
    let keys = IssuerKeys::new(hands());
    assert!(
        keys.key_set("https://a.example", &source, None)
            .await
            .unwrap()
            .holds("one")
    );
    std::fs::write(&path, jwks(&key, "the second")).unwrap();
    let now = keys
        .key_set("https://a.example", &source, None)
        .await
        .unwrap();
    assert!(now.holds("the second") && !now.holds("one"));
    std::fs::write(&path, "{}").unwrap();
    assert!(
        keys.key_set("https://a.example", &source, None)
            .await
            .is_err()
    );
    assert!(keys.discovery("https://a.example", &source).await.is_err());
}
