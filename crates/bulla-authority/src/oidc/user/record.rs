//! A user's record as it is stored, and what may stand in it.

use bulla_core::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::User;
use crate::oidc::{LoginError, token::is_email};

const GROUPS: usize = 64;
const GROUP_BYTES: usize = 64;
const NAME_BYTES: usize = 128;

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Record {
    pub(super) name: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) enabled: bool,
    pub(super) password: Option<String>,
    pub(super) totp: Option<Totp>,
    pub(super) recovery: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Totp {
    /// Sealed, in hexadecimal.
    pub(super) secret: String,
    pub(super) confirmed: bool,
    pub(super) last_step: u64,
}

impl Record {
    pub(super) fn shown(&self, email: String) -> User {
        User {
            email,
            name: self.name.clone(),
            groups: self.groups.clone(),
            enabled: self.enabled,
            totp: self.totp.as_ref().is_some_and(|totp| totp.confirmed),
            recovery_codes: self.recovery.len(),
            created: self.created,
            changed: self.changed,
        }
    }
}

/// A secret sealed for one user opens for no other.
pub(super) fn seal_name(email: &str) -> String {
    format!("totp-{}", Digest::sha256(email.as_bytes()).short())
}

pub(super) fn address(email: &str) -> Result<String, LoginError> {
    let email = email.trim().to_ascii_lowercase();
    if is_email(&email) {
        Ok(email)
    } else {
        Err(LoginError::Email)
    }
}

pub(super) fn checked_name(name: Option<String>) -> Result<Option<String>, LoginError> {
    let fits = |name: &String| {
        !name.is_empty() && name.len() <= NAME_BYTES && !name.chars().any(char::is_control)
    };
    match name {
        Some(name) if !fits(&name) => Err(LoginError::Name {
            what: "a name",
            limit: NAME_BYTES,
        }),
        name => Ok(name),
    }
}

pub(super) fn checked_groups(mut groups: Vec<String>) -> Result<Vec<String>, LoginError> {
    groups.sort();
    groups.dedup();
    if groups.len() > GROUPS || !groups.iter().all(|group| is_plain(group, GROUP_BYTES)) {
        return Err(LoginError::Name {
            what: "a group",
            limit: GROUP_BYTES,
        });
    }
    Ok(groups)
}

/// Whether a text is a name that needs no quoting anywhere.
pub(in crate::oidc) fn is_plain(text: &str, limit: usize) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:/@".contains(&b);
    !text.is_empty() && text.len() <= limit && text.bytes().all(plain)
}
