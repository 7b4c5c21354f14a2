//! One request, one resource: access first, then the resource's own file.

mod blob;
mod list;
mod manifest;
mod referrers;
mod upload;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use bulla_store::Store;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use std::sync::Arc;

use crate::{
    access::{self, Action},
    config::RegistryConfig,
    error::RegistryError,
    path::{self, ManifestName, PathError, Resource},
    upload::Uploads,
};

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The OCI distribution API over `store`.
pub fn router(store: &Store, config: RegistryConfig) -> Router {
    let service = Service {
        store: store.clone(),
        config,
        uploads: Uploads::default(),
    };
    Router::new().fallback(answer).with_state(Arc::new(service))
}

/// What every resource works with.
struct Service {
    store: Store,
    config: RegistryConfig,
    uploads: Uploads,
}

impl Service {
    /// Unix seconds.
    fn now(&self) -> i64 {
        self.config.clock.now().as_second()
    }
}

type Answer = Result<Response, RegistryError>;

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (method, is_v2) = (parts.method.clone(), parts.uri.path().starts_with("/v2"));
    let mut response = match dispatch(&service, &parts, body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if is_v2 {
        headers.insert(
            HeaderName::from_static("docker-distribution-api-version"),
            HeaderValue::from_static("registry/2.0"),
        );
    }
    tracing::debug!(%method, path = parts.uri.path(), status = response.status().as_u16());
    response
}

async fn dispatch(service: &Service, parts: &Parts, body: Body) -> Answer {
    let resource = path::parse(parts.uri.path());
    let action = match (&resource, &parts.method) {
        (Ok(Resource::Ping), _) => Action::Ping,
        (_, &Method::GET | &Method::HEAD) => Action::Pull,
        _ => Action::Push,
    };
    access::check(&service.config, &parts.uri, &parts.headers, action)?;
    let resource = resource.map_err(|error| match error {
        PathError::Digest(text) => RegistryError::DigestInvalid { text },
        PathError::Name(text) => RegistryError::NameInvalid { text },
        PathError::Unknown => RegistryError::NameUnknown {
            name: path::cut(parts.uri.path()),
        },
    })?;
    match (&parts.method, resource) {
        (&Method::GET | &Method::HEAD, Resource::Ping) => Ok(ping()),
        (&Method::GET, Resource::Catalog) => list::repositories(service, parts).await,
        (&Method::GET, Resource::Tags(name)) => list::tags(service, parts, &name).await,
        (&Method::GET, Resource::Referrers(name, subject)) => {
            referrers::get(service, parts, &name, &subject).await
        }
        (&Method::GET | &Method::HEAD, Resource::Blob(name, digest)) => {
            blob::get(service, parts, &name, &digest).await
        }
        (&Method::DELETE, Resource::Blob(name, digest)) => {
            blob::delete(service, &name, &digest).await
        }
        (&Method::GET | &Method::HEAD, Resource::Manifest(name, reference)) => {
            manifest::get(service, parts, &name, &reference).await
        }
        (&Method::PUT, Resource::Manifest(name, reference)) => {
            manifest::put(service, parts, body, &name, &reference).await
        }
        (&Method::DELETE, Resource::Manifest(name, reference)) => {
            manifest::delete(service, &name, &reference).await
        }
        (&Method::POST, Resource::Uploads(name)) => {
            upload::begin(service, parts, body, &name).await
        }
        (&Method::GET, Resource::Upload(name, id)) => upload::status(service, &name, &id).await,
        (&Method::PATCH, Resource::Upload(name, id)) => {
            upload::patch(service, parts, body, &name, &id).await
        }
        (&Method::PUT, Resource::Upload(name, id)) => {
            upload::finish(service, parts, body, &name, &id).await
        }
        (&Method::DELETE, Resource::Upload(name, id)) => upload::cancel(service, &name, &id).await,
        _ => Err(RegistryError::Method),
    }
}

/// Clients that pull without a credential and push with one learn the scheme
/// here: the challenge comes with the 200, too.
fn ping() -> Response {
    let mut response = json(StatusCode::OK, "{}".to_owned());
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, access::CHALLENGE);
    response
}

fn json(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Sets a header whose value was made from checked names, digests and numbers.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Where an upload goes on.
pub(crate) fn upload_headers(headers: &mut HeaderMap, location: &str, length: u64) {
    set(headers, header::LOCATION, location);
    let range = format!("0-{}", length.saturating_sub(1));
    set(headers, header::RANGE, &range);
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The first value of a query parameter, decoded.
fn query(parts: &Parts, name: &str) -> Option<String> {
    url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The digest of a query parameter.
fn query_digest(parts: &Parts, name: &str) -> Result<Option<bulla_core::Digest>, RegistryError> {
    let parse = |text: String| {
        text.parse().map_err(|_| RegistryError::DigestInvalid {
            text: path::cut(&text),
        })
    };
    query(parts, name).map(parse).transpose()
}

impl std::fmt::Display for ManifestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Tag(tag) => tag.fmt(f),
        }
    }
}
