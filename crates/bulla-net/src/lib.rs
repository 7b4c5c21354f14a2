//! The one outgoing HTTP client, the clients of CA, log and timestamp authority,
//! and the sealing that uses them.
//!
//! Whoever has no [`HttpClient`] cannot reach the network; whoever has one can
//! reach what its [`Egress`] rule names and nothing else. Answers of services
//! are bounded bytes: what they claim is decided by `bulla-trust`.

pub mod ca;
pub mod environment;
pub mod http;
pub mod kms;
pub mod kube;
pub mod log;
pub mod oidc;
mod pem;
pub mod revocation;
pub mod sealing;
pub mod service;
pub mod sigstore;
pub mod tls;
pub mod tsa;
pub mod tuf;

pub use environment::Environment;
pub use http::{
    Addresses, Body, Egress, HttpClient, HttpError, HttpOptions, Peer, Request, Response,
};
pub use oidc::Token;
#[cfg(unix)]
pub use oidc::socket as token;
pub use sealing::{Content, Parts, SealError, Sealed, Sealer, seal_blob, seal_statement};
pub use service::ServiceError;
pub use sigstore::Sigstore;
pub use tls::{TlsIdentity, TlsRoots};
