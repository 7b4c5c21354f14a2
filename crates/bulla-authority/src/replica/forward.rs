//! Writes of a follower go to the leader: the whole request, over mutual TLS, one
//! hop. Both ends must show an identity of an authority of this instance.
//! Certificates every replica issues itself: only the log's promise is the leader's.
//!
//! A request that came over the internal listener is never passed on again, so a
//! change of leader cannot send it around in circles. Where a request may already
//! have been carried out it is not sent twice; an entry that the client sends
//! again is found as a duplicate.

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bulla_net::{Body as NetBody, Egress, HttpClient, HttpError, HttpOptions};
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use std::{pin::Pin, time::Duration};
use url::Url;

use super::{Replica, ReplicaError, Role};
use crate::{
    ca::internal::PROMISE,
    http::{BODY_BYTES, RpcError},
    log::ct::Leader,
    transport::{Peers, TransportIdentity},
};

/// How long the leader may take. Clients give up after 20 s.
const DEADLINE: Duration = Duration::from_secs(18);
/// Whose identities the internal listener and its callers accept.
const AUTHORITY: &str = "authority";
/// Longest answer of a write, in bytes: entry, proof and checkpoint.
const ANSWER_BYTES: u64 = 16 << 20;
/// Longest promise, in bytes.
const SCT_BYTES: u64 = 4 << 10;
/// What of a request matters to a service. `Host` is checked there once more.
const PASSED_ON: [HeaderName; 7] = [
    header::HOST,
    header::ORIGIN,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::ACCEPT,
    header::AUTHORIZATION,
    header::USER_AGENT,
];
/// What of an answer matters to a client.
const PASSED_BACK: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::CACHE_CONTROL,
];

/// What only the leader can do.
const WRITES: [&str; 4] = [
    "/api/v1/log/entries",
    "/api/v2/log/entries",
    "/ct/v1/add-pre-chain",
    "/ct/v1/add-chain",
];

/// Set on requests of the internal listener, where no header can set it.
#[derive(Clone, Copy)]
struct Forwarded;

/// Passes writes on. Cheap to clone.
#[derive(Clone)]
pub struct Forward {
    replica: Replica,
    client: HttpClient,
}

impl Forward {
    /// As this identity, to the leader's.
    ///
    /// # Errors
    /// [`ReplicaError::Transport`] if TLS cannot be set up.
    pub fn new(replica: Replica, identity: &TransportIdentity) -> Result<Self, ReplicaError> {
        let tls = identity.client_config(&Self::peers())?;
        // Any address: who answers there is told by its identity.
        let options = HttpOptions::new(Egress::Any).over(tls);
        Ok(Self {
            replica,
            client: HttpClient::new(options),
        })
    }

    /// Who may call the internal listener, and who may answer there.
    pub fn peers() -> Peers {
        Peers::Below(vec![AUTHORITY.into()])
    }

    async fn pass_on(&self, request: Request) -> Result<Response, RpcError> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES).await;
        let body = body.map_err(|_| RpcError::invalid("the request is too long or broke off"))?;
        let mut tried = false;
        loop {
            let Role::Follower {
                leader: Some(leader),
            } = self.replica.somebody().await
            else {
                return Err(RpcError::unavailable("no replica leads at present"));
            };
            let sent = tokio::select! {
                sent = self.send(&leader, &head, body.clone()) => sent,
                // Whether it was carried out is not known; the client asks again.
                () = self.replica.deposed(&leader) => {
                    return Err(RpcError::unavailable("the leading replica changed meanwhile"));
                }
            };
            match sent {
                Ok(answer) => return Ok(answer),
                // Nobody was there, so nothing was done: the next leader may do it.
                Err(HttpError::Connect { .. }) if !tried => {
                    tried = true;
                    self.replica.changed().await;
                }
                Err(error) => {
                    tracing::warn!(%error, leader, "a write was not passed on");
                    return Err(RpcError::unavailable("the leading replica does not answer"));
                }
            }
        }
    }

    /// A promise of the leader for a precertificate.
    async fn ask(&self, leader: &str, precertificate: &[u8]) -> Result<Vec<u8>, HttpError> {
        let mut url = address(leader)?;
        url.set_path(PROMISE);
        let body = NetBody::bytes(precertificate.to_vec());
        let request = bulla_net::Request::post(url, body).deadline(DEADLINE);
        let answer = self.client.send(request).await?;
        let answer = answer.require(&[StatusCode::OK]).await?;
        answer.bytes(SCT_BYTES, "a promise").await
    }

    async fn send(
        &self,
        leader: &str,
        head: &Parts,
        body: axum::body::Bytes,
    ) -> Result<Response, HttpError> {
        let mut url = address(leader)?;
        url.set_path(head.uri.path());
        url.set_query(head.uri.query());
        let mut request = bulla_net::Request::new(head.method.clone(), url);
        for name in PASSED_ON {
            if let Some(value) = head.headers.get(&name) {
                request = request.header(name, value.clone());
            }
        }
        let request = request.body(NetBody::bytes(body)).deadline(DEADLINE);
        let answer = self.client.send(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes(ANSWER_BYTES, "an answer").await?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        for name in PASSED_BACK {
            if let Some(value) = headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
            .headers_mut()
            .insert("x-bulla-replica", HeaderValue::from_static("leader"));
        Ok(response)
    }
}

impl Leader for Forward {
    fn promise<'a>(
        &'a self,
        precertificate: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send + 'a>> {
        Box::pin(async move {
            let Role::Follower {
                leader: Some(leader),
            } = self.replica.somebody().await
            else {
                return None;
            };
            let asked = tokio::select! {
                asked = self.ask(&leader, precertificate) => asked,
                () = self.replica.deposed(&leader) => return None,
            };
            let refused = |error| tracing::warn!(%error, leader, "no promise");
            asked.map_err(refused).ok()
        })
    }
}

/// Middleware (`from_fn_with_state`): what only the leader can do, and this
/// process does not, is done there.
pub async fn forward(State(forward): State<Forward>, request: Request, next: Next) -> Response {
    let write = request.method() == Method::POST && WRITES.contains(&request.uri().path());
    let came_over = request.extensions().get::<Forwarded>().is_some();
    if !write || came_over || forward.replica.is_leader() {
        return next.run(request).await;
    }
    let path = request.uri().path().to_owned();
    // While nobody leads this process may come to.
    if matches!(forward.replica.somebody().await, Role::Leader { .. }) {
        return next.run(request).await;
    }
    let answer = forward.pass_on(request).await;
    answer.unwrap_or_else(|refused| {
        tracing::info!(target: "audit", path, why = refused.message(), "a write was refused");
        refused.into_response()
    })
}

fn address(leader: &str) -> Result<Url, HttpError> {
    Url::parse(leader).map_err(|_| HttpError::Url {
        url: leader.to_owned(),
        why: "it is no URL",
    })
}

/// The router of the internal listener: the same services, nothing passed on.
pub fn internal(router: Router) -> Router {
    router.layer(Extension(Forwarded))
}
