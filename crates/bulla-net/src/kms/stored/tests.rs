//! Against servers on loopback that hold what a cluster or a forge would, and
//! refuse every request that is not the documented one.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_crypto::SigningKey;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::*;

const TOKEN: &str = "secret-token";

/// What the server keeps, by path, and what it was asked.
#[derive(Default)]
struct Kept {
    objects: BTreeMap<String, Value>,
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Kept>>;

struct Server {
    address: String,
    kept: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    fn start(kubernetes: bool) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let kept = Shared::default();
        let router = match kubernetes {
            true => Router::new().fallback(kube),
            false => Router::new().fallback(gitlab),
        };
        let router = router.with_state(kept.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            kept,
            _runtime: runtime,
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.kept.lock().unwrap().asked)
    }
}

async fn kube(
    State(kept): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut kept = kept.lock().unwrap();
    kept.asked.push(format!("{method} {uri}"));
    if headers.get("authorization").map(|value| value.as_bytes())
        != Some(format!("Bearer {TOKEN}").as_bytes())
    {
        return (StatusCode::UNAUTHORIZED, Json(json!({"kind": "Status"})));
    }
    let secrets = "/api/v1/namespaces/signing/secrets";
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    match (method.as_str(), uri.path()) {
        ("GET", "/version") => (StatusCode::OK, Json(json!({"major": "1", "minor": "36+"}))),
        ("GET", path) => match kept.objects.get(path) {
            Some(object) => (StatusCode::OK, Json(object.clone())),
            None => (StatusCode::NOT_FOUND, Json(json!({"kind": "Status"}))),
        },
        ("POST", path) if path == secrets && sent["kind"] == "Secret" => {
            let name = sent["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("{secrets}/{name}");
            kept.objects.insert(path, sent.clone());
            (StatusCode::CREATED, Json(sent))
        }
        ("PUT", path) if kept.objects.contains_key(path) => {
            kept.objects.insert(path.to_owned(), sent.clone());
            (StatusCode::OK, Json(sent))
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, Json(json!({}))),
    }
}

async fn gitlab(
    State(kept): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut kept = kept.lock().unwrap();
    kept.asked.push(format!("{method} {uri}"));
    if headers.get("private-token").map(|value| value.as_bytes()) != Some(TOKEN.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "401"})));
    }
    let variables = "/api/v4/projects/group%2Fproject/variables";
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    match method.as_str() {
        "GET" => match kept.objects.get(uri.path()) {
            Some(object) => (StatusCode::OK, Json(object.clone())),
            None => (StatusCode::NOT_FOUND, Json(json!({"message": "404"}))),
        },
        "POST" if uri.path() == variables && sent["environment_scope"] == "*" => {
            let name = sent["key"].as_str().unwrap_or_default();
            let path = format!("{variables}/{name}");
            kept.objects.insert(path, sent.clone());
            (StatusCode::CREATED, Json(sent))
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({}))),
    }
}

/// A pair, kept at `place` and used from there.
fn round_trip(place: &Stored, environment: &Environment) {
    let key = SigningKey::generate(Scheme::EcdsaP256).unwrap();
    let private = file::write_cosign(&key, b"hunter2").unwrap();
    let public = key.public().to_pem();
    let pair = KeyPair {
        private: private.as_bytes(),
        password: b"hunter2",
        public: public.as_bytes(),
    };
    place.keep(&pair, environment).unwrap();
    let signer = place.signer(Scheme::Ed25519, environment).unwrap();
    let found = place.public(environment).unwrap();
    assert_eq!(&found, key.public());
    found
        .verify(b"message", &signer.sign(b"message").unwrap())
        .unwrap();
}

fn kubeconfig(folder: &std::path::Path, server: &str, user: &str) -> Environment {
    let path = folder.join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         contexts:\n- name: here\n  context: {{cluster: mine, user: me, namespace: other}}\n\
         clusters:\n- name: mine\n  cluster: {{server: \"{server}\"}}\n\
         users:\n- name: me\n  user: {user}\n"
    );
    std::fs::write(&path, text).unwrap();
    Environment::of([("KUBECONFIG", path)])
}

#[test]
fn a_secret_of_a_cluster() {
    let server = Server::start(true);
    let folder = tempfile::tempdir().unwrap();
    let user = format!("{{token: {TOKEN}}}");
    let environment = kubeconfig(folder.path(), &server.address, &user);
    let place = Stored::parse("k8s://signing/pair").unwrap().unwrap();
    let absent = place.public(&environment).unwrap_err();
    assert!(
        matches!(&absent, KmsError::StoredValue { value, .. } if value == "secret"),
        "{absent:?}"
    );
    server.asked();
    round_trip(&place, &environment);
    let path = "/api/v1/namespaces/signing/secrets";
    assert_eq!(
        server.asked(),
        [
            "GET /version".to_owned(),
            format!("GET {path}/pair"),
            format!("POST {path}"),
            format!("GET {path}/pair"),
            format!("GET {path}/pair"),
        ]
    );
    {
        let mut kept = server.kept.lock().unwrap();
        let object = kept.objects.get_mut(&format!("{path}/pair")).unwrap();
        assert_eq!(object["immutable"], json!(true));
        assert_eq!(
            object["data"]["cosign.password"],
            STANDARD.encode("hunter2")
        );
        object["data"]["other"] = STANDARD.encode("kept").into();
    }
    // A new pair in the same secret leaves what else is in it.
    round_trip(&place, &environment);
    let kept = server.kept.lock().unwrap();
    let object = &kept.objects[&format!("{path}/pair")];
    assert_eq!(object["data"]["other"], STANDARD.encode("kept"));
}

#[test]
fn a_token_in_a_file_and_one_that_is_not_accepted() {
    let server = Server::start(true);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let place = Stored::parse("k8s://signing/pair").unwrap().unwrap();
    let environment = kubeconfig(folder.path(), &server.address, "{tokenFile: token}");
    round_trip(&place, &environment);
    let environment = kubeconfig(folder.path(), &server.address, "{token: another}");
    let refused = place.public(&environment).unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    assert!(!refused.to_string().contains("another"), "{refused}");
}

#[test]
fn variables_of_a_project() {
    let server = Server::start(false);
    let environment = Environment::of([
        ("GITLAB_HOST", server.address.as_str()),
        ("GITLAB_TOKEN", TOKEN),
    ]);
    let place = Stored::parse("gitlab://group/project").unwrap().unwrap();
    let absent = place.public(&environment).unwrap_err();
    assert!(
        matches!(&absent, KmsError::StoredValue { value, .. } if value == "COSIGN_PUBLIC_KEY"),
        "{absent:?}"
    );
    server.asked();
    round_trip(&place, &environment);
    let path = "/api/v4/projects/group%2Fproject/variables";
    assert_eq!(
        server.asked(),
        [
            format!("POST {path}"),
            format!("POST {path}"),
            format!("POST {path}"),
            format!("GET {path}/COSIGN_PRIVATE_KEY"),
            format!("GET {path}/COSIGN_PASSWORD"),
            format!("GET {path}/COSIGN_PUBLIC_KEY"),
        ]
    );
    // The address may name the API itself.
    let api = format!("{}/api/v4/", server.address);
    let environment = Environment::of([("GITLAB_HOST", api.as_str()), ("GITLAB_TOKEN", TOKEN)]);
    place.public(&environment).unwrap();
    let none = Environment::of([("GITLAB_HOST", server.address.as_str())]);
    let error = place.public(&none).unwrap_err();
    assert!(matches!(&error, KmsError::Variable(name) if name == "GITLAB_TOKEN"));
}

/// Inside of a runtime, where nothing may wait, it is waited for all the same.
#[tokio::test(flavor = "current_thread")]
async fn a_key_is_fetched_inside_of_a_runtime() {
    let server = tokio::task::spawn_blocking(|| Server::start(false))
        .await
        .unwrap();
    let environment = Environment::of([
        ("GITLAB_HOST", server.address.as_str()),
        ("GITLAB_TOKEN", TOKEN),
    ]);
    let place = Stored::parse("gitlab://group/project").unwrap().unwrap();
    round_trip(&place, &environment);
    tokio::task::spawn_blocking(|| drop(server)).await.unwrap();
}

#[test]
fn references_are_read_whole() {
    for bad in [
        "k8s://",
        "k8s://ns",
        "k8s:///name",
        "k8s://ns/",
        "k8s://a/b/c",
        "k8s://a/b?x",
        "gitlab://",
    ] {
        let error = Stored::parse(bad).unwrap_err();
        assert!(matches!(error, KmsError::Stored { .. }), "{bad}");
    }
    for other in ["cosign.key", "github://a/b", "awskms:///x", "env://K8S"] {
        assert_eq!(Stored::parse(other).unwrap(), None, "{other}");
    }
}
