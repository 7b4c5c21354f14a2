//! What whoever runs the registry decides. There is no default credential.

use bulla_core::{Clock, SystemClock, limits};
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc, time::Duration};
use subtle::ConstantTimeEq as _;

/// The registry's configuration.
#[derive(Clone)]
pub struct RegistryConfig {
    /// What a push must present as HTTP Basic.
    pub credential: Credential,
    /// Who may pull.
    pub pull: PullAccess,
    /// Whether manifests and blobs can be deleted.
    pub deletion: Deletion,
    /// Host names, without ports, that requests may be addressed to. Anything
    /// else is refused: a web page cannot reach a loopback service by a name
    /// of its own (DNS rebinding).
    pub hosts: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl RegistryConfig {
    /// A registry on loopback: open to pull, no deletion.
    pub fn loopback(credential: Credential) -> Self {
        Self {
            credential,
            pull: PullAccess::Open,
            deletion: Deletion::Refused,
            hosts: ["127.0.0.1", "localhost", "::1"].map(String::from).into(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Who may pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullAccess {
    /// Whoever has the credential.
    Credential,
    /// Everybody who reaches the port.
    Open,
}

/// Whether content can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// With the credential. A deleted tag can be written anew.
    Allowed,
    /// Never: what is pushed stays.
    Refused,
}

/// Bounds on what clients may send and ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A manifest, in bytes; at most 4 MiB.
    pub manifest_bytes: u64,
    /// A blob, in bytes.
    pub blob_bytes: u64,
    /// Unfinished uploads at a time.
    pub uploads: u32,
    /// How long an unfinished upload is kept.
    pub upload_age: Duration,
    /// How long a body may stand still. Bodies have no limit on their whole time.
    pub idle: Duration,
    /// Entries of one page of tags, repositories or referrers.
    pub page: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: limits::MANIFEST_BYTES,
            blob_bytes: 32 << 30,
            uploads: 1024,
            upload_age: Duration::from_secs(24 * 3600),
            idle: Duration::from_secs(60),
            page: 1000,
        }
    }
}

/// A name and a secret for HTTP Basic.
#[derive(Clone)]
pub struct Credential {
    username: String,
    password: String,
}

impl Credential {
    /// A credential; `None` if either part is empty or the name holds a colon.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Option<Self> {
        let (username, password) = (username.into(), password.into());
        let sound = !username.is_empty() && !username.contains(':') && !password.is_empty();
        sound.then_some(Self { username, password })
    }

    /// Whether `pair`, as `NAME:SECRET`, is this one; its time tells nothing.
    pub(crate) fn is(&self, pair: &[u8]) -> bool {
        let own = format!("{}:{}", self.username, self.password);
        let (own, theirs) = (Sha256::digest(own.as_bytes()), Sha256::digest(pair));
        own.ct_eq(&theirs).into()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, secret)", self.username)
    }
}
