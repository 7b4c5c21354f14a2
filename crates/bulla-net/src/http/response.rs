//! What is answered: a status, headers, and a body that is read up to a bound.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::HttpError;

/// How much of an unexpected answer is quoted.
const EXCERPT: usize = 300;

/// An answer whose body is still to be read.
pub struct Response {
    inner: reqwest::Response,
    method: Method,
    url: String,
}

impl Response {
    pub(super) fn new(inner: reqwest::Response, method: Method, url: String) -> Self {
        Self { inner, method, url }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// One header, if it is there and text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// The length it announces.
    pub fn content_length(&self) -> Option<u64> {
        self.inner.content_length()
    }

    /// Demands one of these statuses.
    ///
    /// # Errors
    /// [`HttpError::Redirect`] or [`HttpError::Status`], quoting the start of
    /// what the other side said.
    pub async fn require(self, expected: &[StatusCode]) -> Result<Self, HttpError> {
        let status = self.status();
        if expected.contains(&status) {
            return Ok(self);
        }
        if status.is_redirection() {
            return Err(HttpError::Redirect { url: self.url });
        }
        let (method, url) = (self.method.clone(), self.url.clone());
        let text = self.excerpt().await;
        Err(HttpError::Status {
            method,
            url,
            status,
            text,
        })
    }

    /// The next piece of the body; `None` at its end. The caller counts.
    ///
    /// # Errors
    /// [`HttpError`] if the connection breaks off or pauses too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.inner
            .chunk()
            .await
            .map_err(|source| HttpError::of(source, &self.method, &self.url))
    }

    /// The whole body, which may have `limit` bytes. `what` is for the message.
    ///
    /// # Errors
    /// [`HttpError::Oversize`] beyond the limit, whatever length was announced.
    pub async fn bytes(mut self, limit: u64, what: &'static str) -> Result<Vec<u8>, HttpError> {
        let announced = self.content_length().unwrap_or_default();
        let mut body: Vec<u8> = Vec::new();
        let too_much = |length: u64| length > limit;
        if too_much(announced) {
            return Err(self.oversize(limit, what));
        }
        while let Some(chunk) = self.chunk().await? {
            if too_much(body.len() as u64 + chunk.len() as u64) {
                return Err(self.oversize(limit, what));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn oversize(&self, limit: u64, what: &'static str) -> HttpError {
        HttpError::Oversize {
            url: self.url.clone(),
            what,
            limit,
        }
    }

    /// The start of the body as one printable line.
    async fn excerpt(mut self) -> String {
        let mut start = Vec::new();
        while start.len() < EXCERPT {
            match self.chunk().await {
                Ok(Some(chunk)) => start.extend_from_slice(&chunk),
                _ => break,
            }
        }
        start.truncate(EXCERPT);
        String::from_utf8_lossy(&start)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .trim()
            .to_owned()
    }
}
