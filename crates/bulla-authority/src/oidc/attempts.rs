//! How often somebody may try: passwords and device codes.
//!
//! Five tries are free, then each costs a wait that doubles, up to five minutes.
//! A try is counted before it is made, by compare-and-swap, so that a thousand at
//! once are no more than one after the other. Names fall into a fixed number of
//! buckets whether or not anybody has them: neither the table grows with what is
//! tried, nor does a wait tell who exists.

use bulla_core::Digest;
use bulla_store::{Values, state::Change};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::LoginError;

const SPACE: &str = "oidc-attempt";
const FREE: u32 = 5;
const LONGEST: i64 = 300;
/// After so long without a try, all is forgotten.
const FORGOTTEN: i64 = 3600;
/// How often a lost race is run again.
const RACES: usize = 8;

/// Counts tries. Cheap to clone.
#[derive(Clone)]
pub struct Attempts {
    values: Values,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bucket {
    tries: u32,
    last: i64,
}

impl Bucket {
    fn waits_until(&self) -> i64 {
        let over = self.tries.saturating_add(1).saturating_sub(FREE);
        if over == 0 {
            return self.last;
        }
        let wait = 1i64.checked_shl(over.min(16)).unwrap_or(LONGEST);
        self.last.saturating_add(wait.min(LONGEST))
    }
}

/// Whether a try may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Yes; it is counted already.
    Go,
    /// Not before so long.
    Wait(SignedDuration),
}

impl Attempts {
    /// Over the state of the instance.
    pub fn new(values: Values) -> Self {
        Self { values }
    }

    /// Counts a try of `name` at `what`, if it may be made.
    ///
    /// # Errors
    /// [`LoginError`] of the database; then nothing may be tried.
    pub async fn count(
        &self,
        what: &'static str,
        name: &str,
        now: Timestamp,
    ) -> Result<Leave, LoginError> {
        let key = bucket(what, name);
        let second = now.as_second();
        for _ in 0..RACES {
            let raw = self.values.get(SPACE, &key).await?;
            let found = raw.as_deref().map(serde_json::from_slice::<Bucket>);
            let mut bucket = found
                .transpose()?
                .filter(|bucket| second < bucket.last.saturating_add(FORGOTTEN))
                .unwrap_or(Bucket { tries: 0, last: 0 });
            let until = bucket.waits_until();
            if bucket.tries > 0 && second < until {
                return Ok(Leave::Wait(SignedDuration::from_secs(until - second)));
            }
            bucket.tries = bucket.tries.saturating_add(1);
            bucket.last = second.max(bucket.last);
            let value = serde_json::to_vec(&bucket)?;
            let change = Change::Swap {
                key: &key,
                expected: raw.as_deref(),
                value: &value,
            };
            if self.values.apply(SPACE, &[change]).await? {
                return Ok(Leave::Go);
            }
        }
        Ok(Leave::Wait(SignedDuration::from_secs(1)))
    }

    /// Forgets the tries: one succeeded.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn forget(&self, what: &'static str, name: &str) -> Result<(), LoginError> {
        let key = bucket(what, name);
        let change = Change::Delete { key: &key };
        self.values.apply(SPACE, &[change]).await?;
        Ok(())
    }
}

fn bucket(what: &str, name: &str) -> String {
    let digest = Digest::sha256(name.to_lowercase().as_bytes());
    let number: String = digest.hex().chars().take(3).collect();
    format!("{what}/{number}")
}

#[cfg(test)]
mod tests;
