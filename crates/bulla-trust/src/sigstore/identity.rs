//! Who is expected to have signed: typed, never half-named.
//!
//! An expectation always names subject *and* issuer, and may name the root and
//! what else the certificate must claim. Each value is compared exactly, with
//! stars, or with a regular expression; see [`Matcher`]. A difference that is
//! little is said in words.

use bulla_core::{Identity, RootId};

use super::Failure;
use crate::verified::Proof;

mod claims;
mod expression;
mod matcher;
mod near;

pub use claims::{CertificateClaims, Claim};
pub use expression::Expression;
pub use matcher::{Anchoring, Matcher, Pattern, PatternError};

use near::near;

/// Whom a signature must be by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityExpectation {
    issuer: Matcher,
    subject: Matcher,
    root: Option<RootId>,
    claims: Vec<(Claim, Matcher)>,
}

impl IdentityExpectation {
    /// Exactly this subject of exactly this issuer.
    pub fn exact(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(
            Matcher::Exact(issuer.into()),
            Matcher::Exact(subject.into()),
        )
    }

    /// A subject and an issuer that match.
    pub fn new(issuer: Matcher, subject: Matcher) -> Self {
        Self {
            issuer,
            subject,
            root: None,
            claims: Vec::new(),
        }
    }

    /// Also demands the root: the same name under another one is somebody else.
    #[must_use]
    pub fn under(mut self, root: RootId) -> Self {
        self.root = Some(root);
        self
    }

    /// Also demands what the certificate claims, such as the branch.
    #[must_use]
    pub fn claim(mut self, claim: Claim, value: Matcher) -> Self {
        self.claims.push((claim, value));
        self
    }

    /// Whether one of its values is an expression that speaks of a part only.
    pub fn is_anchored(&self) -> bool {
        self.issuer.is_anchored() && self.subject.is_anchored()
    }

    /// Whether it can fit one signer only.
    pub fn is_exact(&self) -> bool {
        let exact = |matcher: &Matcher| matches!(matcher, Matcher::Exact(_));
        exact(&self.issuer) && exact(&self.subject)
    }

    /// Compares a proven signer and the claims of the certificate.
    ///
    /// # Errors
    /// As [`Self::check`], or [`Failure::ClaimDiffers`].
    pub fn check_proof(&self, proof: &Proof) -> Result<(), Failure> {
        self.check_claims(&proof.signer, &proof.claims)
    }

    /// Compares a proven identity with this expectation. Where claims of the
    /// certificate are demanded as well, an identity alone does not do.
    ///
    /// # Errors
    /// [`Failure::WrongRoot`], [`Failure::WrongIdentity`],
    /// [`Failure::WrongIssuer`] or [`Failure::ClaimDiffers`], naming the near miss.
    pub fn check(&self, found: &Identity) -> Result<(), Failure> {
        self.check_claims(found, &CertificateClaims::default())
    }

    fn check_claims(&self, found: &Identity, claims: &CertificateClaims) -> Result<(), Failure> {
        self.check_identity(found)?;
        for (claim, expected) in &self.claims {
            let value = claims.get(*claim);
            if !value.is_some_and(|value| expected.matches(value)) {
                return Err(Failure::ClaimDiffers {
                    subject: found.subject.clone(),
                    claim: *claim,
                    expected: expected.to_string(),
                    found: value.map(str::to_owned),
                });
            }
        }
        Ok(())
    }

    fn check_identity(&self, found: &Identity) -> Result<(), Failure> {
        if let Some(expected) = self.root.as_ref().filter(|root| **root != found.root) {
            return Err(Failure::WrongRoot {
                subject: found.subject.clone(),
                expected: expected.clone(),
                found: found.root.clone(),
            });
        }
        if !self.subject.matches(&found.subject) {
            return Err(Failure::WrongIdentity {
                expected: self.subject.to_string(),
                found: found.subject.clone(),
                near: near(&self.subject, &found.subject),
            });
        }
        if !self.issuer.matches(&found.issuer) {
            return Err(Failure::WrongIssuer {
                subject: found.subject.clone(),
                expected: self.issuer.to_string(),
                found: found.issuer.clone(),
                near: near(&self.issuer, &found.issuer),
            });
        }
        Ok(())
    }
}

impl std::fmt::Display for IdentityExpectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.subject, self.issuer)
    }
}

#[cfg(test)]
mod tests;
