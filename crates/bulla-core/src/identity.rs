//! Who says something: never just a name, always a name under a trust root.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::digest::Digest;

/// A trust root, named by the SHA-256 of its first TUF `root.json`.
///
/// Roots are never merged: a private authority can put any issuer into a
/// certificate, so an identity means nothing without the root that vouches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RootId(pub Digest);

impl fmt::Display for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.short())
    }
}

/// A signer, as a verified certificate names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The root whose certificate authority vouches for the rest.
    pub root: RootId,
    /// The OIDC issuer that authenticated, or took the assertion of, the subject.
    pub issuer: String,
    /// An email address, a URI such as `ISSUER/builder`, or another subject.
    pub subject: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (root {})", self.subject, self.root)
    }
}
