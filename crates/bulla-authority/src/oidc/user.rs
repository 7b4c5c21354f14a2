//! Local users: people who log in here with a password of their own.
//!
//! A user is known by an address, lower case, which is also the `sub` of the
//! tokens. Every change is a compare-and-swap of one record, so that of two
//! logins with the same one-time code one is refused. Records hold no password
//! (a PHC string), no recovery code (hashes), and the authenticator's secret
//! sealed by the instance key.

mod record;

use bulla_store::{Values, state::Change};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{
    LoginError,
    password::{Hasher, Password, Verdict},
    token::is_email,
    totp,
};
use crate::key_slot::KeySlots;
pub(in crate::oidc) use record::is_plain;
use record::{Record, Totp, address, checked_groups, checked_name, seal_name};

const SPACE: &str = "oidc-user";
/// Users of one page of a list.
const PAGE: u32 = 256;

/// What others may know of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The address, lower case.
    pub email: String,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their groups, sorted.
    pub groups: Vec<String>,
    /// Whether they may log in.
    pub enabled: bool,
    /// Whether a one-time code is asked for.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: usize,
    /// When they were added.
    pub created: Timestamp,
    /// Since when password, second factor, groups and state are what they are:
    /// logins from before do not count.
    pub changed: Timestamp,
}

/// What a new authenticator needs, for showing once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// For the QR code.
    pub uri: String,
    /// For typing in.
    pub secret: String,
}

/// Why somebody does not get in. The page says the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Nobody of that address, or disabled, or the wrong password.
    Credentials,
    /// The one-time code is missing, wrong or used.
    Code,
}

/// The users of an instance. Cheap to clone.
#[derive(Clone)]
pub struct Users {
    values: Values,
    slots: KeySlots,
    hasher: Hasher,
    issuer_name: String,
}

struct Found {
    raw: Vec<u8>,
    record: Record,
}

impl Users {
    /// Over the state of the instance. `issuer_name` is what apps show.
    pub fn new(values: Values, slots: KeySlots, issuer_name: String) -> Self {
        Self {
            values,
            slots,
            hasher: Hasher::default(),
            issuer_name,
        }
    }

    /// Adds a user. Without a password nobody can log in as them yet.
    ///
    /// # Errors
    /// [`LoginError::Email`], [`LoginError::Name`], [`LoginError::Password`],
    /// [`LoginError::Exists`].
    pub async fn add(
        &self,
        email: &str,
        name: Option<String>,
        groups: Vec<String>,
        password: Option<Password>,
        now: Timestamp,
    ) -> Result<User, LoginError> {
        let email = address(email)?;
        let password = match password {
            Some(password) => Some(self.hash(password, &email).await?),
            None => None,
        };
        let record = Record {
            name: checked_name(name)?,
            groups: checked_groups(groups)?,
            enabled: true,
            password,
            totp: None,
            recovery: Vec::new(),
            created: now,
            changed: now,
        };
        if !self.write(&email, None, &record).await? {
            return Err(LoginError::Exists { what: "user" });
        }
        tracing::info!(target: "audit", event = "oidc.user.added", user = %email);
        Ok(record.shown(email))
    }

    /// A user.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn get(&self, email: &str) -> Result<Option<User>, LoginError> {
        let email = email.to_ascii_lowercase();
        let found = self.read(&email).await?;
        Ok(found.map(|found| found.record.shown(email)))
    }

    /// Everybody, in order.
    ///
    /// # Errors
    /// [`LoginError`] of the database.
    pub async fn list(&self) -> Result<Vec<User>, LoginError> {
        let mut users = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.values.scan(SPACE, &after, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(users);
            };
            after.clone_from(last);
            for (email, raw) in page {
                let record: Record = serde_json::from_slice(&raw)?;
                users.push(record.shown(email));
            }
        }
    }

    /// Lets somebody in, or not any more; ends what they have open either way.
    ///
    /// # Errors
    /// [`LoginError::Unknown`], [`LoginError::Conflict`].
    pub async fn enable(
        &self,
        email: &str,
        enabled: bool,
        now: Timestamp,
    ) -> Result<User, LoginError> {
        let event = if enabled {
            "oidc.user.enabled"
        } else {
            "oidc.user.disabled"
        };
        self.change(email, event, |record| {
            record.enabled = enabled;
            record.changed = now;
            Ok(())
        })
        .await
    }

    /// Replaces the groups, and ends what is open: it carries the old ones.
    ///
    /// # Errors
    /// [`LoginError::Unknown`], [`LoginError::Name`], [`LoginError::Conflict`].
    pub async fn set_groups(
        &self,
        email: &str,
        groups: Vec<String>,
        now: Timestamp,
    ) -> Result<User, LoginError> {
        let groups = checked_groups(groups)?;
        self.change(email, "oidc.user.groups", |record| {
            record.groups.clone_from(&groups);
            record.changed = now;
            Ok(())
        })
        .await
    }

    /// Replaces the password, and ends what is open.
    ///
    /// # Errors
    /// [`LoginError::Unknown`], [`LoginError::Password`], [`LoginError::Conflict`].
    pub async fn set_password(
        &self,
        email: &str,
        password: Password,
        now: Timestamp,
    ) -> Result<User, LoginError> {
        let phc = self.hash(password, &address(email)?).await?;
        self.change(email, "oidc.user.password", |record| {
            record.password = Some(phc.clone());
            record.changed = now;
            Ok(())
        })
        .await
    }

    /// Begins a second factor: it counts once [`Self::confirm_totp`] saw a code.
    ///
    /// # Errors
    /// [`LoginError::Unknown`]; [`LoginError::Unfit`] if there is one already.
    pub async fn enrol_totp(&self, email: &str) -> Result<Enrolment, LoginError> {
        let email = address(email)?;
        let secret = totp::new_secret()?;
        let sealed = self.seal(&email, &secret)?;
        self.change(&email, "oidc.user.totp.begun", |record| {
            if record.totp.as_ref().is_some_and(|totp| totp.confirmed) {
                return Err(LoginError::Unfit(
                    "there is a second factor already; remove it first",
                ));
            }
            record.totp = Some(Totp {
                secret: sealed.clone(),
                confirmed: false,
                last_step: 0,
            });
            Ok(())
        })
        .await?;
        Ok(Enrolment {
            uri: totp::provisioning_uri(&secret, &self.issuer_name, &email),
            secret: totp::base32(&secret),
        })
    }

    /// Makes the second factor count, given a code of it; gives recovery codes.
    ///
    /// # Errors
    /// [`LoginError::Totp`] if the code is wrong, [`LoginError::Unfit`] if nothing
    /// was begun.
    pub async fn confirm_totp(
        &self,
        email: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, LoginError> {
        let email = address(email)?;
        let (shown, kept) = totp::recovery_codes()?;
        self.change(&email, "oidc.user.totp.enabled", |record| {
            let open = record.totp.as_mut().filter(|totp| !totp.confirmed);
            let totp = open.ok_or(LoginError::Unfit("no second factor waits to be confirmed"))?;
            let secret = self.unseal(&email, &totp.secret)?;
            let step = totp::check(&secret, code, totp.last_step, now);
            totp.last_step = step.ok_or(LoginError::Totp)?;
            totp.confirmed = true;
            record.recovery.clone_from(&kept);
            record.changed = now;
            Ok(())
        })
        .await?;
        Ok(shown)
    }

    /// Takes the second factor away.
    ///
    /// # Errors
    /// [`LoginError::Unknown`], [`LoginError::Conflict`].
    pub async fn remove_totp(&self, email: &str, now: Timestamp) -> Result<User, LoginError> {
        self.change(email, "oidc.user.totp.removed", |record| {
            record.totp = None;
            record.recovery.clear();
            record.changed = now;
            Ok(())
        })
        .await
    }

    /// Whether this is them. Costs the same whoever asks; a right password with
    /// an outdated hash is hashed anew.
    ///
    /// # Errors
    /// [`LoginError::Busy`], [`LoginError::Conflict`], or of the database.
    pub async fn authenticate(
        &self,
        email: &str,
        password: Password,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Result<User, Rejected>, LoginError> {
        let email = email.to_ascii_lowercase();
        let found = match is_email(&email) {
            true => self.read(&email).await?,
            false => None,
        };
        let phc = found
            .as_ref()
            .filter(|found| found.record.enabled)
            .and_then(|found| found.record.password.clone());
        let verdict = self.hasher.verify(password.clone(), phc).await?;
        let (Some(found), Verdict::Right { outdated }) = (found, verdict) else {
            return Ok(Err(Rejected::Credentials));
        };
        let mut record = found.record.clone();
        if record.totp.as_ref().is_some_and(|totp| totp.confirmed)
            && !self.second_factor(&email, &mut record, code, now)?
        {
            return Ok(Err(Rejected::Code));
        }
        if outdated {
            record.password = Some(self.hasher.hash(password).await?);
        }
        let changed = serde_json::to_vec(&record)? != found.raw;
        // If another login used the code up in between, this one is refused.
        if changed && !self.write(&email, Some(&found.raw), &record).await? {
            return Ok(Err(Rejected::Code));
        }
        Ok(Ok(record.shown(email)))
    }

    fn second_factor(
        &self,
        email: &str,
        record: &mut Record,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, LoginError> {
        let (Some(code), Some(totp)) = (code, record.totp.as_mut()) else {
            return Ok(false);
        };
        if let Some(hash) = totp::recovery_hash(code) {
            let before = record.recovery.len();
            let same = |kept: &String| bool::from(kept.as_bytes().ct_eq(hash.as_bytes()));
            record.recovery.retain(|kept| !same(kept));
            if record.recovery.len() < before {
                tracing::info!(target: "audit", event = "oidc.user.recovery-code", user = %email);
                return Ok(true);
            }
            return Ok(false);
        }
        let secret = self.unseal(email, &totp.secret)?;
        let Some(step) = totp::check(&secret, code, totp.last_step, now) else {
            return Ok(false);
        };
        totp.last_step = step;
        Ok(true)
    }

    async fn hash(&self, password: Password, email: &str) -> Result<String, LoginError> {
        password.check_new(email)?;
        self.hasher.hash(password).await
    }

    fn seal(&self, email: &str, secret: &[u8]) -> Result<String, LoginError> {
        let sealed = self.slots.seal(&seal_name(email), secret);
        sealed
            .map(hex::encode)
            .map_err(|error| LoginError::Seal(error.to_string()))
    }

    fn unseal(&self, email: &str, sealed: &str) -> Result<Vec<u8>, LoginError> {
        let sealed = hex::decode(sealed).map_err(|error| LoginError::Seal(error.to_string()))?;
        let secret = self.slots.unseal(&seal_name(email), &sealed);
        let secret = secret.map(|secret| secret.to_vec());
        secret.map_err(|error| LoginError::Seal(error.to_string()))
    }

    async fn change(
        &self,
        email: &str,
        event: &'static str,
        change: impl Fn(&mut Record) -> Result<(), LoginError>,
    ) -> Result<User, LoginError> {
        let email = address(email)?;
        let found = self.read(&email).await?;
        let found = found.ok_or(LoginError::Unknown { what: "user" })?;
        let mut record = found.record;
        change(&mut record)?;
        if !self.write(&email, Some(&found.raw), &record).await? {
            return Err(LoginError::Conflict);
        }
        tracing::info!(target: "audit", event, user = %email);
        Ok(record.shown(email))
    }

    async fn read(&self, email: &str) -> Result<Option<Found>, LoginError> {
        let Some(raw) = self.values.get(SPACE, email).await? else {
            return Ok(None);
        };
        let record = serde_json::from_slice(&raw)?;
        Ok(Some(Found { raw, record }))
    }

    async fn write(
        &self,
        email: &str,
        expected: Option<&[u8]>,
        record: &Record,
    ) -> Result<bool, LoginError> {
        let value = serde_json::to_vec(record)?;
        let change = Change::Swap {
            key: email,
            expected,
            value: &value,
        };
        Ok(self.values.apply(SPACE, &[change]).await?)
    }
}

#[cfg(test)]
mod tests;
