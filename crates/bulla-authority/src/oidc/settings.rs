//! What an operator may set of the login issuer: section `oidc`.

use serde::Deserialize;

use super::{
    TOKEN_LIFE,
    connector::{ExchangeRule, Upstream},
};

/// Settings of the login issuer. The default is the loopback profile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcSettings {
    /// Issuers elsewhere that vouch for people and workloads.
    pub upstream: Vec<Upstream>,
    /// Whose tokens of theirs become ours.
    pub exchange: Vec<ExchangeRule>,
    /// How long an ID token holds, in seconds: at most 600.
    pub token_seconds: u32,
    /// How long a login is remembered in the browser, in seconds; 0: not at all.
    /// Over plain HTTP it never is: there a cookie goes to every port of the host.
    pub session_seconds: u32,
    /// How old a key may become, in seconds: at a third of it the next is published,
    /// and takes over a day later.
    pub key_seconds: u32,
}

/// For how long a key is published before it signs and after it has signed, in
/// seconds: longer than any token lives and any client keeps a key set.
pub const KEY_OVERLAP: i64 = 86_400;

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            upstream: Vec::new(),
            exchange: Vec::new(),
            token_seconds: TOKEN_LIFE as u32,
            session_seconds: 900,
            key_seconds: 90 * 86_400,
        }
    }
}

impl OidcSettings {
    /// How long a token holds, never longer than the design allows.
    pub(super) fn token_life(&self) -> i64 {
        i64::from(self.token_seconds).clamp(60, TOKEN_LIFE)
    }

    /// How old a key may become: a third is never shorter than it takes to
    /// announce the next.
    pub(super) fn key_life(&self) -> i64 {
        i64::from(self.key_seconds).max(6 * KEY_OVERLAP)
    }
}
