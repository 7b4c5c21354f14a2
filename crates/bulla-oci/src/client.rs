//! A client of registries: OCI distribution specification 1.1.
//!
//! Every byte that comes is checked against the digest and size that it was
//! asked by; headers of the registry prove nothing. Plain HTTP goes to this
//! machine only. A credential goes to its registry and that registry's own
//! token service; a redirect of a blob is followed without one, and no other
//! redirect is followed.

mod attach;
mod auth;
mod children;
mod delete;
mod error;
mod exchange;
mod files;
mod grow;
mod legacy;
mod legacy_write;
mod link;
mod pull;
mod push;
mod referrers;
mod seals;

use bulla_core::Reference;
use bulla_net::HttpClient;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{credentials::Credentials, limits::Limits};

pub use attach::Artifact;
pub use auth::{Challenge, parse_challenges};
pub use children::Child;
pub use error::{ClientError, RegistryAnswer, parse_errors};
pub use files::FileImage;
pub use link::next_page;
pub use pull::Fetched;
pub use referrers::{Attached, Attachments};
pub use seals::Seals;
pub(crate) use {
    children::Descent,
    legacy::{Opened, collect as collect_layers, may_be as may_be_legacy},
    push::Content,
};

/// A client of registries. Clones share connections and tokens.
#[derive(Clone)]
pub struct Registry {
    http: HttpClient,
    credentials: Arc<Credentials>,
    granted: Arc<Mutex<BTreeMap<auth::Scope, auth::Grant>>>,
    growing: Arc<Mutex<BTreeMap<Reference, grow::Turn>>>,
    limits: Arc<Limits>,
    prefix: Arc<str>,
    secured: Option<Arc<str>>,
}

impl Registry {
    /// A client that goes through `http` and presents `credentials` when asked.
    pub fn new(http: HttpClient, credentials: Credentials) -> Self {
        Self {
            http,
            credentials: Arc::new(credentials),
            granted: Arc::default(),
            growing: Arc::default(),
            limits: Arc::default(),
            prefix: Arc::default(),
            secured: None,
        }
    }

    /// The same client, which speaks TLS to `registry` even on this machine.
    #[must_use]
    pub fn secured(mut self, registry: &str) -> Self {
        self.secured = Some(registry.into());
        self
    }

    /// The same client, whose tags of the old layout begin with `prefix`
    /// (cosign's `--attachment-tag-prefix`).
    #[must_use]
    pub fn with_tag_prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The same client within other bounds.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = Arc::new(limits);
        self
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({:?})", self.http)
    }
}
