//! The OCI distribution API, version 1.1, over `bulla-store`.
//!
//! [`router`] answers everything below `/v2/`. Pushing needs the credential of
//! the configuration; tags are write-once; what a manifest refers to must be
//! there; content is kept only if it has the digest it was pushed under.
//! Deliberately absent: bearer tokens, redirects, replication, verdicts.

mod access;
mod config;
mod error;
pub mod manifest;
pub mod path;
pub mod range;
mod route;
pub mod tag;
mod upload;

pub use config::{Credential, Deletion, Limits, PullAccess, RegistryConfig};
pub use error::RegistryError;
pub use route::router;
