//! What a root is, told to people: where it came from, how old it is, whom it
//! trusts.

use bulla_core::{Digest, RootId};
use jiff::Timestamp;
use serde::Serialize;

use super::{Authority, TrustRoot};

/// When the embedded copy of the public-good root was taken: the release date of
/// the `sigstore-trust-root` crate that carries it.
const EMBEDDED: &str = "2026-10-23T00:00:00Z";

/// Where a root came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Origin {
    /// A copy inside this program.
    Embedded,
    /// A `trusted_root.json`.
    Document,
    /// Single keys and certificates.
    Parts {
        /// The root whose other parts were kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        base: Option<RootId>,
    },
}

/// A root, described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootDescription {
    /// Its name.
    pub id: RootId,
    /// SHA-256 of the document.
    pub digest: Digest,
    /// Where it came from.
    pub origin: Origin,
    /// When the copy was taken, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<Timestamp>,
    /// How many days ago that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
    /// The latest start of trust in it: it is at least as young as that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// Whom it trusts, and when.
    pub authorities: Vec<Authority>,
    /// How many of them are trusted at the time of asking.
    pub trusted_now: usize,
}

impl TrustRoot {
    /// What it is, as of `now`.
    pub fn describe(&self, now: Timestamp) -> RootDescription {
        let taken: Option<Timestamp> = match self.origin {
            Origin::Embedded => EMBEDDED.parse().ok(),
            _ => None,
        };
        let authorities = self.authorities();
        let trusted = |one: &&Authority| {
            one.start.is_none_or(|start| start <= now) && one.end.is_none_or(|end| now <= end)
        };
        RootDescription {
            id: self.id.clone(),
            digest: self.digest.clone(),
            origin: self.origin.clone(),
            taken,
            age_days: taken.map(|taken| now.duration_since(taken).as_hours() / 24),
            newest: authorities.iter().filter_map(|one| one.start).max(),
            trusted_now: authorities.iter().filter(trusted).count(),
            authorities,
        }
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}
