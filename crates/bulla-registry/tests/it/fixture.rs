//! A registry in a scratch directory, and words for talking to it.

use axum::{Router, body::Body, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Descriptor, Digest, descriptor::media_type};
use bulla_registry::{Credential, RegistryConfig, router};
use bulla_store::Store;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) struct Registry {
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code and detail of an error answer.
    pub(crate) fn error(&self) -> (String, String) {
        let error = &self.json()["errors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&error["code"]), text(&error["detail"]))
    }
}

impl Registry {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut RegistryConfig)) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let store = Store::open(scratch.path()).await.unwrap();
        let mut config = RegistryConfig::loopback(Credential::new("bulla", "s3cret").unwrap());
        change(&mut config);
        let router = router(&store, config);
        Self {
            scratch,
            store,
            router,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// A request with the credential.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode("bulla:s3cret"));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:5000")
            .header("authorization", basic);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], Body::empty()).await
    }

    pub(crate) async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(media_type::LAYER, bytes);
        let path = format!(
            "/v2/{repository}/blobs/uploads/?digest={}",
            descriptor.digest
        );
        let answer = self.call("POST", &path, &[], bytes.to_vec()).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        descriptor
    }

    pub(crate) async fn put(&self, repository: &str, reference: &str, document: &Value) -> Answer {
        let media_type = document["mediaType"].as_str().unwrap();
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = [("content-type", media_type)];
        self.call("PUT", &path, &headers, document.to_string())
            .await
    }

    /// Pushes the blobs of an image that holds `content`, and gives its manifest.
    pub(crate) async fn image(&self, repository: &str, content: &str) -> Value {
        let mut config = self.push_blob(repository, b"{}").await;
        config.media_type = media_type::CONFIG.into();
        let layer = self.push_blob(repository, content.as_bytes()).await;
        json!({
            "schemaVersion": 2,
            "mediaType": media_type::MANIFEST,
            "config": config,
            "layers": [layer],
        })
    }
}

/// A registry that listens, and where.
pub(crate) async fn serve() -> (Registry, String) {
    let registry = Registry::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = registry.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (registry, address)
}

pub(crate) fn digest(document: &Value) -> Digest {
    Digest::sha256(document.to_string().as_bytes())
}

pub(crate) fn described(document: &Value) -> Descriptor {
    let media_type = document["mediaType"].as_str().unwrap();
    Descriptor::of(media_type, document.to_string().as_bytes())
}
