//! What is asked: method, address, headers, a body of known length.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{io, time::Duration};
use url::Url;

use super::{DEADLINE, HttpError};

/// One request.
pub struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: HeaderMap,
    body: Body,
    deadline: Duration,
}

/// What a request carries.
pub struct Body(Kind);

enum Kind {
    Bytes(Bytes),
    Empty,
    Stream { body: reqwest::Body, length: u64 },
}

impl Body {
    /// Bytes at hand.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }

    /// A stream of exactly `length` bytes.
    pub fn stream<S>(stream: S, length: u64) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let body = reqwest::Body::wrap_stream(stream.into_stream());
        Self(Kind::Stream { body, length })
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::empty(),
            deadline: DEADLINE,
        }
    }

    /// GET.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// HEAD.
    pub fn head(url: Url) -> Self {
        Self::new(Method::HEAD, url)
    }

    /// POST.
    pub fn post(url: Url, body: Body) -> Self {
        Self::new(Method::POST, url).body(body)
    }

    /// PUT.
    pub fn put(url: Url, body: Body) -> Self {
        Self::new(Method::PUT, url).body(body)
    }

    /// PATCH.
    pub fn patch(url: Url, body: Body) -> Self {
        Self::new(Method::PATCH, url).body(body)
    }

    /// DELETE.
    pub fn delete(url: Url) -> Self {
        Self::new(Method::DELETE, url)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Says what the body is. A text that is no header value is left out.
    #[must_use]
    pub fn content_type(self, media_type: &str) -> Self {
        match HeaderValue::from_str(media_type) {
            Ok(value) => self.header(header::CONTENT_TYPE, value),
            Err(_) => self,
        }
    }

    /// Says what is understood. A text that is no header value is left out.
    #[must_use]
    pub fn accept(self, media_types: &str) -> Self {
        match HeaderValue::from_str(media_types) {
            Ok(value) => self.header(header::ACCEPT, value),
            Err(_) => self,
        }
    }

    /// Sends a credential: `Bearer …` or `Basic …`, never shown in `Debug`.
    ///
    /// # Errors
    /// [`HttpError::Url`] if it cannot stand in a header.
    pub fn authorization(self, credential: &str) -> Result<Self, HttpError> {
        let mut value = HeaderValue::from_str(credential).map_err(|_| HttpError::Url {
            url: super::shown(&self.url),
            why: "its credential cannot stand in a header",
        })?;
        value.set_sensitive(true);
        Ok(self.header(header::AUTHORIZATION, value))
    }

    /// How long the whole exchange may take, body included.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same request at another address, which is told where it was meant to go.
    pub(super) fn by_way_of(mut self, url: Url) -> Result<Self, HttpError> {
        let place = self.url.host_str().unwrap_or_default();
        let place = match self.url.port() {
            Some(port) => format!("{place}:{port}"),
            None => place.to_owned(),
        };
        let place = HeaderValue::from_str(&place).map_err(|_| HttpError::Url {
            url: super::shown(&self.url),
            why: "its host cannot stand in a header",
        })?;
        self.url = url;
        Ok(self.header(header::HOST, place))
    }

    pub(super) fn into_reqwest(self, client: &reqwest::Client) -> reqwest::RequestBuilder {
        let mut headers = self.headers;
        let builder = client.request(self.method, self.url).timeout(self.deadline);
        let builder = match self.body.0 {
            Kind::Bytes(bytes) => builder.body(bytes),
            Kind::Empty => builder,
            Kind::Stream { body, length } => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                builder.body(body)
            }
        };
        builder.headers(headers)
    }
}
