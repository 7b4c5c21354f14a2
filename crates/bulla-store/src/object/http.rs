//! `object_store`'s requests through bulla's one HTTP client: no redirects, no
//! proxies, no ambient credentials, limits on time and size (rule R8).

use bulla_net::{Body, HttpClient, HttpError, Request};
use object_store::{
    ClientOptions,
    client::{
        HttpClient as StoreClient, HttpConnector, HttpError as StoreError, HttpErrorKind,
        HttpRequest, HttpResponse, HttpService,
    },
};
use std::{future::Future, pin::Pin, time::Duration};
use url::Url;

use super::OBJECT_BYTES;

/// How long one exchange may take, body included.
const DEADLINE: Duration = Duration::from_secs(20);

/// Makes every connection of an object store.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<StoreClient> {
        Ok(StoreClient::new(self.clone()))
    }
}

// As `async_trait` writes it.
impl HttpService for Connector {
    fn call<'life, 'async_trait>(
        &'life self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, StoreError>> + Send + 'async_trait>>
    where
        'life: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.exchange(request))
    }
}

impl Connector {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, StoreError> {
        let (head, body) = request.into_parts();
        let url: Url = head
            .uri
            .to_string()
            .parse()
            .map_err(|error: url::ParseError| StoreError::new(HttpErrorKind::Unknown, error))?;
        let mut sent = Request::new(head.method, url).deadline(DEADLINE);
        for (name, value) in head.headers {
            // A name that came several times has no name here; none of S3's does.
            if let Some(name) = name {
                sent = sent.header(name, value);
            }
        }
        let body = collect(body).await?;
        if !body.is_empty() {
            sent = sent.body(Body::bytes(body));
        }
        let answer = self.0.send(sent).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes(OBJECT_BYTES, "an object").await;
        let mut response = HttpResponse::new(bytes.map_err(failed)?.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

async fn collect(body: object_store::client::HttpRequestBody) -> Result<bytes::Bytes, StoreError> {
    use http_body_util::BodyExt as _;
    Ok(body.collect().await?.to_bytes())
}

/// Sorted by what is worth another try.
fn failed(error: HttpError) -> StoreError {
    let kind = match &error {
        HttpError::Connect { .. } => HttpErrorKind::Connect,
        HttpError::Timeout { .. } => HttpErrorKind::Timeout,
        HttpError::Exchange { .. } => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    StoreError::new(kind, error)
}
