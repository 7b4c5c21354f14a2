//! Authorization codes: one minute, one use, one client, one address, one browser.
//!
//! A code is used up by its first presentation by a client that proved itself,
//! whether or not everything else fits (RFC 9700 §4.5.2: a code whose verifier is
//! wrong was stolen). What was used stays known until it would have ended, so a
//! replay is told from a code that never was.

use bulla_store::Values;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    LoginError,
    expiring::{Expiring, Ticket},
    identity::{Identity, Scope},
};

/// How long a code holds, in seconds.
pub const LIFE: i64 = 60;
const SPACE: &str = "oidc-code";

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// The client that may redeem it.
    pub client: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The PKCE challenge.
    pub challenge: String,
    /// To be echoed in the token.
    pub nonce: Option<String>,
    /// What was asked.
    pub scope: Scope,
    /// Who logged in.
    pub identity: Identity,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Kept {
    Open(Box<Authorization>),
    Used,
}

/// What became of a code that was presented.
pub enum Redeemed {
    /// Its first use.
    Now(Box<Authorization>),
    /// It was used before.
    Replay,
    /// It never was, or has ended.
    Unknown,
}

/// Codes that are under way. Cheap to clone.
#[derive(Clone)]
pub struct Codes {
    open: Expiring,
}

impl Codes {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self {
            open: Expiring::new(values, SPACE),
        }
    }

    /// A new code.
    ///
    /// # Errors
    /// [`LoginError`] of the database, or without randomness.
    pub async fn issue(
        &self,
        authorization: Authorization,
        expires: Timestamp,
    ) -> Result<String, LoginError> {
        let ticket = Ticket::new(expires)?;
        let kept = Kept::Open(Box::new(authorization));
        match self.open.create(&ticket.key(), &kept).await? {
            true => Ok(ticket.text()),
            false => Err(LoginError::Busy),
        }
    }

    /// Uses a code up.
    ///
    /// # Errors
    /// [`LoginError`] of the database; then it must not count.
    pub async fn redeem(&self, code: &str, now: Timestamp) -> Result<Redeemed, LoginError> {
        let Some(ticket) = Ticket::parse(code) else {
            return Ok(Redeemed::Unknown);
        };
        let Some(mut found) = self.open.get::<Kept>(ticket.key(), now).await? else {
            return Ok(Redeemed::Unknown);
        };
        let won = self.open.replace(&found, &Kept::Used).await?;
        match std::mem::replace(&mut found.value, Kept::Used) {
            Kept::Open(authorization) if won => Ok(Redeemed::Now(authorization)),
            _ => Ok(Redeemed::Replay),
        }
    }

    /// Forgets what has ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn purge(&self, now: Timestamp) -> Result<(), LoginError> {
        self.open.purge(now).await
    }
}
