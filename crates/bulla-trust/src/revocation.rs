//! Revocation: who and what no longer counts, from when on.
//!
//! An instance that revokes publishes one list through its TUF repository, as a
//! signed and logged statement about its own root. A verifier knows one of three
//! things: the instance publishes none, the list, or that there should be one
//! and it is not at hand. The last, and a list that is too old, make a verdict
//! undecidable; they never read as "not revoked". What is revoked is an
//! identity, a key or a digest with a time: signatures that are proven to be
//! older still count.

mod list;

use bulla_core::{Digest, Identity};
use jiff::Timestamp;

use crate::sigstore::Failure;

pub use list::{PREDICATE_TYPE, RevocationError, RevocationList, Revoked, Target};

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
        }
    }

    /// Whether nothing of what a signature rests on was revoked before it was
    /// made; gives the number of the list that says so.
    ///
    /// # Errors
    /// [`Failure::Revoked`], or [`Failure::RevocationUnknown`] if that cannot be said.
    pub(crate) fn check(
        &self,
        artifact: &Digest,
        rests: &Rests<'_>,
        now: Timestamp,
    ) -> Result<Option<u64>, Failure> {
        let list = match self {
            Self::NotPublished => return Ok(None),
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
        Ok(Some(list.number()))
    }
}

#[cfg(test)]
mod tests;
