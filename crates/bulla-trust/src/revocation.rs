//! Revocation: who and what no longer counts, from when on.
//!
//! An instance that revokes publishes one list through its TUF repository, as a
//! signed and logged statement about its own root. A verifier knows one of four
//! things: the instance publishes none, the list, that there should be one and it
//! is not at hand, or nothing, since all it has is a root in a file. A list that is
//! missing or too old makes a verdict undecidable and never reads as "not revoked";
//! where nothing is known, the verdict says so. What is revoked is an
//! identity, a key or a digest with a time: signatures that are proven to be
//! older still count.

mod list;

use bulla_core::{Digest, Identity};
use jiff::Timestamp;
use serde::Serialize;

use crate::sigstore::Failure;

pub use list::{PREDICATE_TYPE, RevocationError, RevocationList, Revoked, Target, Withdrawn};

/// Where the list is in an instance's TUF repository.
pub const TUF_TARGET: &str = "revocations/revocations.sigstore.json";

/// What is known of an instance's revocations.
#[derive(Clone, Debug, Default)]
pub enum Revocations {
    /// The instance publishes none.
    #[default]
    NotPublished,
    /// The list, verified.
    Known(RevocationList),
    /// The instance publishes a list; why it is not at hand.
    Missing(String),
    /// Nobody says whether the instance publishes a list.
    NotLookedAt,
}

/// What a proof says of revocations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heeded {
    /// The number of the list that was heeded, where the instance publishes one.
    #[serde(rename = "revocationList", skip_serializing_if = "Option::is_none")]
    pub list: Option<u64>,
    /// Whether revocation was not looked at: all that is known is a root in a file.
    #[serde(rename = "revocationNotLookedAt", skip_serializing_if = "is_false")]
    pub not_looked_at: bool,
    /// What it rests on that was revoked once, and is not any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a signature rests on.
pub(crate) struct Rests<'a> {
    /// Who signed, if a certificate says so.
    pub(crate) signer: Option<&'a Identity>,
    /// SHA-256 of the signer's key (DER SubjectPublicKeyInfo).
    pub(crate) key: &'a Digest,
    /// Envelope and certificate.
    pub(crate) cited: &'a [&'a Digest],
    /// When it provably existed.
    pub(crate) times: &'a [Timestamp],
}

impl Revocations {
    /// Names this knowledge: another list, another name.
    pub fn name(&self) -> String {
        match self {
            Self::NotPublished => "none".into(),
            Self::Known(list) => format!("{} of {}", list.number(), list.issued()),
            Self::Missing(_) => "missing".into(),
            Self::NotLookedAt => "not looked at".into(),
        }
    }

    /// Whether nothing of what a signature rests on was revoked before it was
    /// made; gives what says so.
    ///
    /// # Errors
    /// [`Failure::Revoked`], or [`Failure::RevocationUnknown`] if that cannot be said.
    pub(crate) fn check(
        &self,
        artifact: &Digest,
        rests: &Rests<'_>,
        now: Timestamp,
    ) -> Result<Heeded, Failure> {
        let list = match self {
            Self::NotPublished => return Ok(Heeded::default()),
            Self::NotLookedAt => {
                return Ok(Heeded {
                    not_looked_at: true,
                    ..Heeded::default()
                });
            }
            Self::Known(list) => list,
            Self::Missing(why) => {
                return Err(Failure::RevocationUnknown {
                    detail: why.clone(),
                });
            }
        };
        if let Some(revoked) = list.hit(artifact, rests, now) {
            return Err(Failure::Revoked {
                what: revoked.target.to_string(),
                from: revoked.from,
                reason: revoked.reason.clone(),
            });
        }
        if list.next_update() < now {
            return Err(Failure::RevocationUnknown {
                detail: format!(
                    "the list at hand is number {} of {}, and was to be replaced by {}",
                    list.number(),
                    list.issued(),
                    list.next_update()
                ),
            });
        }
        Ok(Heeded {
            list: Some(list.number()),
            not_looked_at: false,
            withdrawn: list.taken_back(artifact, rests, now).cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
