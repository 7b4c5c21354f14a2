//! Sessions: a login that the browser need not repeat for a while.
//!
//! The cookie is a [`Ticket`]; only its hash is stored. A session ends with its
//! time, with a logout, and when the user's password, second factor or state
//! changes. It only ever saves typing: nothing is allowed without a further click.

use bulla_store::Values;
use jiff::Timestamp;

use super::{
    LoginError,
    expiring::{Expiring, Ticket},
    identity::Identity,
};

const SPACE: &str = "oidc-session";

/// Sessions of the login pages. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    open: Expiring,
}

impl Sessions {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self {
            open: Expiring::new(values, SPACE),
        }
    }

    /// Begins one; gives the cookie.
    ///
    /// # Errors
    /// [`LoginError`] of the database, or without randomness.
    pub async fn begin(
        &self,
        identity: &Identity,
        expires: Timestamp,
    ) -> Result<String, LoginError> {
        let ticket = Ticket::new(expires)?;
        let kept = Some(identity.clone());
        match self.open.create(&ticket.key(), &kept).await? {
            true => Ok(ticket.text()),
            false => Err(LoginError::Busy),
        }
    }

    /// Whose session it is, if it has not ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn get(&self, cookie: &str, now: Timestamp) -> Result<Option<Identity>, LoginError> {
        let Some(ticket) = Ticket::parse(cookie) else {
            return Ok(None);
        };
        let found = self.open.get::<Option<Identity>>(ticket.key(), now).await?;
        Ok(found.and_then(|found| found.value))
    }

    /// Ends one.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn end(&self, cookie: &str, now: Timestamp) -> Result<(), LoginError> {
        let Some(ticket) = Ticket::parse(cookie) else {
            return Ok(());
        };
        if let Some(found) = self.open.get::<Option<Identity>>(ticket.key(), now).await? {
            self.open.replace(&found, &None).await?;
        }
        Ok(())
    }

    /// Forgets what has ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn purge(&self, now: Timestamp) -> Result<(), LoginError> {
        self.open.purge(now).await
    }
}
