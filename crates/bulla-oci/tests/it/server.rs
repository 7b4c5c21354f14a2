//! Servers on loopback: our registry, and one that says what a test tells it.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bulla_core::Reference;
use bulla_net::{Egress, HttpClient, HttpOptions};
use bulla_oci::{Credentials, Registry, credentials::Credential};
use bulla_store::Store;
use std::sync::{Arc, Mutex};

pub(crate) const PAIR: (&str, &str) = ("bulla", "s3cret");

pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A docker configuration with the credential of our registry, in `home`.
pub(crate) fn log_in(home: &std::path::Path, address: &str) {
    let pair = format!("{}:{}", PAIR.0, PAIR.1);
    let pair = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
    let docker = serde_json::json!({ "auths": { address: { "auth": pair } } });
    std::fs::write(home.join("config.json"), docker.to_string()).unwrap();
}

pub(crate) fn client(credentials: Credentials) -> Registry {
    let http = HttpClient::new(HttpOptions::new(Egress::LoopbackOnly));
    Registry::new(http, credentials)
}

pub(crate) fn credential() -> Credential {
    Credential::Basic {
        username: PAIR.0.into(),
        password: PAIR.1.into(),
    }
}

/// Our registry, and a client that may push to it.
pub(crate) struct Ours {
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) address: String,
    pub(crate) client: Registry,
}

impl Ours {
    pub(crate) async fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let store = Store::open(scratch.path().join("data")).await.unwrap();
        let credential = bulla_registry::Credential::new(PAIR.0, PAIR.1).unwrap();
        let config = bulla_registry::RegistryConfig::loopback(credential);
        let address = serve(bulla_registry::router(&store, config)).await;
        let client = client(Credentials::one(&address, self::credential()));
        Self {
            scratch,
            address,
            client,
        }
    }

    pub(crate) fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.address).parse().unwrap()
    }
}

type Script = dyn Fn(&Request) -> Response + Send + Sync;

/// A server that answers by a script, and remembers what it was asked.
pub(crate) struct Scripted {
    pub(crate) address: String,
    /// Method, path with query, and Authorization of each request.
    pub(crate) asked: Asked,
}

impl Scripted {
    pub(crate) async fn new(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let router = Router::new()
            .fallback(answer)
            .with_state((asked.clone(), script));
        let address = serve(router).await;
        Self { address, asked }
    }

    pub(crate) fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.address).parse().unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<(String, String, Option<String>)> {
        self.asked.lock().unwrap().clone()
    }
}

type Asked = Arc<Mutex<Vec<(String, String, Option<String>)>>>;

async fn answer(State((asked, script)): State<(Asked, Arc<Script>)>, request: Request) -> Response {
    let authorization = request.headers().get("authorization");
    asked.lock().unwrap().push((
        request.method().to_string(),
        request.uri().to_string(),
        authorization.map(|value| value.to_str().unwrap().to_owned()),
    ));
    script(&request)
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}
