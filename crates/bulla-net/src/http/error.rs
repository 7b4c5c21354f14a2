//! What can go wrong between us and a server. Causes are told without the URL's
//! query, without headers and without what was sent.

use bulla_core::{Code, Diagnose};
use http::{Method, StatusCode};
use url::Url;

/// What can go wrong in an exchange. Never shows bodies of requests, headers or
/// queries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The client could not be built.
    #[error("no HTTP client could be made: {0}")]
    Client(#[source] Box<reqwest::Error>),
    /// Nobody answers there.
    #[error("no connection to {url}: {cause}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// Outside the rule.
    #[error("{url} is outside this command's network rule ({rule})")]
    Egress {
        /// Where.
        url: String,
        /// The rule.
        rule: &'static str,
    },
    /// Broke off, or made no sense.
    #[error("{method} {url} failed: {cause}")]
    Exchange {
        /// What was asked.
        method: Method,
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// No certificate to show.
    #[error("the client certificate cannot be used: {0}")]
    Identity(String),
    /// More than was to be read.
    #[error("{url} sent more than {limit} bytes of {what}")]
    Oversize {
        /// Where.
        url: String,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// Points elsewhere, and is not followed.
    #[error("{url} redirects elsewhere, which is not followed")]
    Redirect {
        /// Where it was asked.
        url: String,
    },
    /// No roots for TLS.
    #[error("no TLS roots could be read: {0}")]
    Roots(String),
    /// Not a name that a certificate can have.
    #[error("{name:?} is not the name of a server")]
    ServerName {
        /// The text.
        name: String,
    },
    /// Another answer than expected.
    #[error("{method} {url} answered {status}{}", excerpt(.text))]
    Status {
        /// What was asked.
        method: Method,
        /// Where.
        url: String,
        /// The answer.
        status: StatusCode,
        /// The start of what it said.
        text: String,
    },
    /// Took too long.
    #[error("{method} {url} took too long")]
    Timeout {
        /// What was asked.
        method: Method,
        /// Where.
        url: String,
    },
    /// An address that is never used.
    #[error("{url} cannot be used: {why}")]
    Url {
        /// The address.
        url: String,
        /// Why.
        why: &'static str,
    },
}

fn excerpt(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

impl HttpError {
    pub(super) fn plain(url: &Url) -> Self {
        Self::Url {
            url: super::shown(url),
            why: "an identity is shown over TLS only",
        }
    }

    /// Sorts an error of the library.
    pub(super) fn of(source: reqwest::Error, method: &Method, url: &str) -> Self {
        let (method, url) = (method.clone(), url.to_owned());
        if source.is_timeout() {
            return Self::Timeout { method, url };
        }
        let connect = source.is_connect();
        let cause = innermost(&source);
        if connect {
            Self::Connect { url, cause }
        } else {
            Self::Exchange { method, url, cause }
        }
    }
}

/// The cause at the bottom: the outer ones repeat the URL with its query.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl Diagnose for HttpError {
    fn code(&self) -> Code {
        match self {
            Self::Client(_) => Code("NET-0001"),
            Self::Connect { .. } => Code("NET-0002"),
            Self::Egress { .. } => Code("NET-0003"),
            Self::Exchange { .. } => Code("NET-0004"),
            Self::Oversize { .. } => Code("NET-0005"),
            Self::Redirect { .. } => Code("NET-0006"),
            Self::Roots(_) => Code("NET-0007"),
            Self::Status { .. } => Code("NET-0008"),
            Self::Timeout { .. } => Code("NET-0009"),
            Self::Url { .. } => Code("NET-0010"),
            Self::Identity(_) => Code("NET-0011"),
            Self::ServerName { .. } => Code("NET-0012"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Connect { .. } => {
                "check that the service runs; for the local one: `bulla up`".into()
            }
            Self::Egress { .. } => "leave out `--offline`, or name the host in the policy".into(),
            Self::Redirect { .. } => "name the service by its final address".into(),
            Self::Roots(_) => "name the authority's certificate file, or set SSL_CERT_FILE".into(),
            Self::Identity(_) => {
                "give the certificate and its unencrypted key, both PEM: openssl x509 -in FILE shows the one, openssl pkey -in FILE the other".into()
            }
            Self::ServerName { .. } => {
                "give a DNS name as the server's certificate has it, without port".into()
            }
            _ => return None,
        })
    }
}
