//! Values that end by themselves: codes, sessions, replays.
//!
//! Each lies under `SECOND/HASH`, so that what has ended is a range at the front
//! and is purged without looking at the rest. Its [`Ticket`] carries both parts;
//! only the hash of the secret is stored, so a copy of the database opens nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bulla_core::Digest;
use bulla_crypto::{KeyError, random};
use bulla_store::{StateError, Values, state::Change};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::LoginError;

/// Values looked at in one step of a purge, and steps of one purge.
const PURGE: (u32, usize) = (256, 64);

/// What its holder presents: 32 random bytes, and when they end.
pub struct Ticket {
    expires: i64,
    secret: [u8; 32],
}

impl Ticket {
    /// A new one that ends at `expires`.
    ///
    /// # Errors
    /// Without randomness.
    pub fn new(expires: Timestamp) -> Result<Self, KeyError> {
        Ok(Self {
            expires: expires.as_second(),
            secret: random::bytes()?,
        })
    }

    /// Reads what [`Self::text`] wrote. A changed time names another value.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (expires, secret) = bytes.split_at_checked(8)?;
        Some(Self {
            expires: i64::from_be_bytes(expires.try_into().ok()?),
            secret: secret.try_into().ok()?,
        })
    }

    /// For the holder.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([&self.expires.to_be_bytes()[..], &self.secret].concat())
    }

    /// Where it lies.
    pub(super) fn key(&self) -> String {
        key(self.expires, &self.secret)
    }

    /// Whether its time is over. It says so itself: it proves nothing.
    pub(super) fn ended(&self, now: Timestamp) -> bool {
        self.expires <= now.as_second()
    }
}

/// The key of something that ends at `expires` and is known by `secret`.
pub(super) fn key(expires: i64, secret: &[u8]) -> String {
    let expires = expires.max(0);
    format!("{expires:012}/{}", Digest::sha256(secret).hex())
}

/// A value as it was read, for changing it only if nobody else has.
pub struct Stored<T> {
    /// The value.
    pub value: T,
    key: String,
    raw: Vec<u8>,
}

/// One space of such values.
#[derive(Clone)]
pub struct Expiring {
    values: Values,
    space: &'static str,
}

impl Expiring {
    /// The space called `space`.
    pub fn new(values: Values, space: &'static str) -> Self {
        Self { values, space }
    }

    /// Keeps `value` under `key` unless something is there: `false` then.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn create<T: Serialize>(&self, key: &str, value: &T) -> Result<bool, LoginError> {
        let value = serde_json::to_vec(value)?;
        let change = Change::Swap {
            key,
            expected: None,
            value: &value,
        };
        Ok(self.values.apply(self.space, &[change]).await?)
    }

    /// What lies under `key`, if it has not ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn get<T: DeserializeOwned>(
        &self,
        key: String,
        now: Timestamp,
    ) -> Result<Option<Stored<T>>, LoginError> {
        if ended(&key, now) {
            return Ok(None);
        }
        let Some(raw) = self.values.get(self.space, &key).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&raw)?;
        Ok(Some(Stored { value, key, raw }))
    }

    /// Replaces what was read; `false` if somebody else did meanwhile.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn replace<T: Serialize>(
        &self,
        stored: &Stored<T>,
        value: &T,
    ) -> Result<bool, LoginError> {
        let value = serde_json::to_vec(value)?;
        let change = Change::Swap {
            key: &stored.key,
            expected: Some(&stored.raw),
            value: &value,
        };
        Ok(self.values.apply(self.space, &[change]).await?)
    }

    /// Removes what has ended.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn purge(&self, now: Timestamp) -> Result<(), LoginError> {
        self.purge_with(now, |_| None).await
    }

    /// As [`Self::purge`], with one more key for each value, named by it.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub(super) async fn purge_with(
        &self,
        now: Timestamp,
        also: impl Fn(&[u8]) -> Option<String>,
    ) -> Result<(), LoginError> {
        for _ in 0..PURGE.1 {
            let mut found = self.values.scan(self.space, "", PURGE.0).await?;
            let full = found.len() == PURGE.0 as usize;
            found.retain(|(key, _)| ended(key, now));
            let more = full && found.len() == PURGE.0 as usize;
            let others: Vec<_> = found.iter().filter_map(|(_, raw)| also(raw)).collect();
            let keys = found.iter().map(|(key, _)| key).chain(&others);
            let old: Vec<_> = keys.map(|key| Change::Delete { key }).collect();
            if !old.is_empty() {
                self.values.apply(self.space, &old).await?;
            }
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a key's time is over; keys without one never end.
fn ended(key: &str, now: Timestamp) -> bool {
    let time = key.split_once('/').map(|(time, _)| time.parse::<i64>());
    matches!(time, Some(Ok(time)) if time <= now.as_second())
}

impl From<StateError> for LoginError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}
