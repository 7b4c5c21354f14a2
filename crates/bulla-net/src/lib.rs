//! The one outgoing HTTP client, and the clients of CA, log and timestamp
//! authority that sign with it.
//!
//! Whoever has no [`HttpClient`] cannot reach the network; whoever has one can
//! reach what its [`Egress`] rule names and nothing else. Answers of services
//! are bounded bytes: what they claim is decided by `bulla-trust`.

pub mod ca;
pub mod http;
pub mod keyless;
pub mod kms;
pub mod log;
pub mod oidc;
pub mod service;
pub mod tls;
pub mod tsa;

pub use http::{Body, Egress, HttpClient, HttpError, HttpOptions, Request, Response};
pub use keyless::{SealError, Sealed, seal_blob, seal_statement};
pub use oidc::Token;
#[cfg(unix)]
pub use oidc::socket as token;
pub use service::ServiceError;
pub use tls::TlsRoots;
