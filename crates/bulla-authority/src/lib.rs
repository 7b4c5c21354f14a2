//! CA, transparency logs, timestamp authority and OIDC issuer in one process.
//!
//! [`Authority::open`] creates an instance's keys, certificates and logs once
//! and takes them up again afterwards; [`Authority::router`] answers on HTTP with
//! the paths and texts that Sigstore's clients expect of Fulcio, Rekor (v1 and v2), a CT
//! log, a timestamp authority and an issuer. Tokens are minted on a Unix socket
//! only. Replicas are not here yet.

pub mod authority;
pub mod ca;
pub mod ceremony;
pub mod certified;
pub mod error;
pub mod health;
pub mod http;
pub mod key_slot;
pub mod log;
pub mod metrics;
pub mod monitor;
pub mod oidc;
pub mod operations;
pub mod replica;
pub mod revocation;
pub mod search;
pub mod store;
pub mod transport;
pub mod trust_document;
pub mod tsa;
pub mod tuf;
pub mod witness;

pub use authority::{Authority, AuthorityConfig};
pub use error::AuthorityError;
