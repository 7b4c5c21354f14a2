//! How many must have signed, and who: k of n, and, or, over distinct signers.
//!
//! Every demand takes a signer of its own (rule R1). One signer is one, however
//! many bundles, attestations, names or layouts: evidence that shares an
//! identity, a key or a bundle is by the same signer. What is demanded is turned
//! into lists of places once; whether the signers fill the places of one list is
//! a matching, so that somebody who fits two places takes the one that helps.

use bulla_core::{Code, Diagnose, Digest};
use std::collections::BTreeSet;

use crate::{sigstore::IdentityExpectation, verified::Rejection};

mod alternatives;
mod matching;
mod signer;
mod tally;

pub use signer::{Signature, SignedBy, distinct};
pub use tally::{Counted, Missing, Nearest, Other, Repeated, Tally, TallyOutcome};

/// Authorities in one expression.
const AUTHORITIES: usize = 128;
/// Expressions within expressions.
const DEPTH: usize = 8;

/// Somebody whose signature is asked for, under a name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    name: String,
    who: Who,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Identity(Box<IdentityExpectation>),
    Key(Digest),
}

impl Authority {
    /// Whoever an identity provider vouches for.
    pub fn identity(name: impl Into<String>, expected: IdentityExpectation) -> Self {
        Self {
            name: name.into(),
            who: Who::Identity(Box::new(expected)),
        }
    }

    /// Whoever holds a key, by SHA-256 of its DER SubjectPublicKeyInfo.
    pub fn key(name: impl Into<String>, spki_sha256: Digest) -> Self {
        Self {
            name: name.into(),
            who: Who::Key(spki_sha256),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who the only signer is that could fit, where there is only one.
    fn only(&self) -> Option<String> {
        match &self.who {
            Who::Identity(expected) if expected.is_exact() => {
                Some(expected.to_string().to_ascii_lowercase())
            }
            Who::Identity(_) => None,
            Who::Key(key) => Some(key.to_string()),
        }
    }

    /// Whether that signature is by it.
    ///
    /// # Errors
    /// In what it differs, and how much.
    fn check(&self, signature: &Signature) -> Result<(), (u8, Rejection)> {
        signature.check(&self.who)
    }
}

/// Who must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// This one.
    Authority(Authority),
    /// One of these.
    AnyOf(Vec<Expression>),
    /// All of these, each a signer of its own.
    AllOf(Vec<Expression>),
    /// So many of these, or so many signers who fit one of them.
    AtLeast(usize, Vec<Expression>),
}

impl From<Authority> for Expression {
    fn from(authority: Authority) -> Self {
        Self::Authority(authority)
    }
}

/// A checked expression.
#[derive(Clone, Debug)]
pub struct Threshold {
    authorities: Vec<Authority>,
    /// Each list of places would do; a place holds who may take it.
    alternatives: Vec<Vec<Place>>,
}

/// The authorities that may take one place, by their number.
type Place = BTreeSet<usize>;

impl Threshold {
    /// Checks an expression.
    ///
    /// # Errors
    /// [`ThresholdError`] if it demands nothing, is too large, or could never be
    /// met: the same key under two names is one.
    pub fn new(expression: &Expression) -> Result<Self, ThresholdError> {
        let mut authorities = Vec::new();
        let alternatives = alternatives::of(expression, &mut authorities, DEPTH)?;
        let needed = alternatives.iter().map(Vec::len).min().unwrap_or_default();
        let alternatives: Vec<_> = alternatives
            .into_iter()
            .filter(|places| reachable(&authorities, places))
            .collect();
        if alternatives.is_empty() {
            return Err(ThresholdError::Unreachable { needed });
        }
        Ok(Self {
            authorities,
            alternatives,
        })
    }

    /// So many distinct signers of these.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn at_least(count: usize, authorities: Vec<Authority>) -> Result<Self, ThresholdError> {
        let authorities = authorities.into_iter().map(Into::into).collect();
        Self::new(&Expression::AtLeast(count, authorities))
    }

    /// The authorities it names, in order.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// Weighs what was verified; `rejections` is what was not, for the nearest
    /// miss and to tell "nobody signed" from "nothing verified".
    pub fn judge(&self, signatures: &[Signature], rejections: &[Rejection]) -> Tally {
        tally::judge(self, signatures, rejections)
    }
}

/// Whether enough different signers could exist to fill the places.
fn reachable(authorities: &[Authority], places: &[Place]) -> bool {
    let mut exact: Vec<String> = authorities.iter().filter_map(Authority::only).collect();
    exact.sort();
    exact.dedup();
    let narrow: Vec<Vec<usize>> = places
        .iter()
        .filter_map(|place| {
            place
                .iter()
                .map(|number| {
                    let only = authorities.get(*number)?.only()?;
                    exact.binary_search(&only).ok()
                })
                .collect()
        })
        .collect();
    let taken = matching::fill(&narrow, exact.len());
    taken.iter().all(Option::is_some)
}

/// Why an expression cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThresholdError {
    /// It would be met by nothing.
    #[error("a threshold asks for at least one signer")]
    Nobody,
    /// More than can be weighed.
    #[error("the expression of who must have signed has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// There are not so many different signers in it.
    #[error(
        "{needed} different signers are asked for, but fewer are named: a key or an identity counts once, whatever its name"
    )]
    Unreachable {
        /// How many are asked for.
        needed: usize,
    },
}

impl Diagnose for ThresholdError {
    fn code(&self) -> Code {
        match self {
            Self::Nobody => Code("TRUST-0710"),
            Self::TooMany { .. } => Code("TRUST-0711"),
            Self::Unreachable { .. } => Code("TRUST-0712"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nobody => "ask for one or more: `--threshold 1`".into(),
            Self::TooMany { .. } => "name fewer, or use a pattern for a group".into(),
            Self::Unreachable { .. } => "name as many different signers as are asked for".into(),
        })
    }
}

#[cfg(test)]
mod tests;
