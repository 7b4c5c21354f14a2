//! Tokens that are good for one use: for issuers whose operator asked for it.
//!
//! A token is known by its issuer and `jti`, or by what was signed where it has
//! none — not by its signature, since from one ECDSA signature anybody can make a
//! second valid one. It is remembered until it ends, by compare-and-swap in the
//! state that all replicas share: of two that see it at once, one accepts.

use bulla_store::Values;
use jiff::{SignedDuration, Timestamp};

use super::{LoginError, expiring};
use crate::error::AuthorityError;

const SPACE: &str = "oidc-replay";
/// How long after its end a token might still be accepted somewhere.
const LEEWAY: SignedDuration = SignedDuration::from_secs(300);

/// Remembers tokens that were used. Cheap to clone.
#[derive(Clone)]
pub struct SingleUse {
    seen: expiring::Expiring,
}

/// A token that is about to be used.
#[derive(Clone, Copy, Debug)]
pub struct TokenUse<'a> {
    /// Its issuer.
    pub issuer: &'a str,
    /// Its `jti`, if it has one.
    pub jti: Option<&'a str>,
    /// What was signed: header and claims as they were sent.
    pub signing_input: &'a [u8],
    /// Its end.
    pub expires: Timestamp,
}

impl SingleUse {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self {
            seen: expiring::Expiring::new(values, SPACE),
        }
    }

    /// Uses a token up: `true` if this was its first use. To be called last, when
    /// nothing else can refuse the request any more.
    ///
    /// # Errors
    /// [`LoginError::State`]; then the token must count as used.
    pub async fn spend(&self, token: TokenUse<'_>) -> Result<bool, LoginError> {
        let (kind, id) = match token.jti {
            Some(jti) => (b'j', jti.as_bytes()),
            None => (b's', token.signing_input),
        };
        let issuer = token.issuer.as_bytes();
        let length = (issuer.len() as u64).to_be_bytes();
        let name = [&length[..], issuer, &[kind], id].concat();
        let until = token
            .expires
            .saturating_add(LEEWAY)
            .unwrap_or(Timestamp::MAX);
        self.seen
            .create(&expiring::key(until.as_second(), &name), &true)
            .await
    }

    /// Forgets tokens that have ended.
    ///
    /// # Errors
    /// [`AuthorityError`] of the database.
    pub async fn renew(&self, now: Timestamp) -> Result<(), AuthorityError> {
        Ok(self.seen.purge(now).await?)
    }
}

#[cfg(test)]
mod tests;
