//! Who is expected to have signed: typed, anchored, never half-named.
//!
//! An expectation always names subject *and* issuer, and may name the root.
//! A value is compared exactly, or with a pattern that covers it from its first
//! to its last character (rule R7): `*` stands for any run without `/` and `@`,
//! `**` for any run. Regular expressions are deliberately absent.

use bulla_core::{Code, Diagnose, Identity, RootId};

use super::Failure;

/// Whom a signature must be by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityExpectation {
    issuer: Matcher,
    subject: Matcher,
    root: Option<RootId>,
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
        }
    }

    /// Also demands the root: the same name under another one is somebody else.
    #[must_use]
    pub fn under(mut self, root: RootId) -> Self {
        self.root = Some(root);
        self
    }

    /// Compares a proven identity with this expectation.
    ///
    /// # Errors
    /// [`Failure::WrongRoot`], [`Failure::WrongIdentity`] or
    /// [`Failure::WrongIssuer`], naming the near miss.
    pub fn check(&self, found: &Identity) -> Result<(), Failure> {
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
                near: near_miss(self.subject.as_str(), &found.subject),
            });
        }
        if !self.issuer.matches(&found.issuer) {
            return Err(Failure::WrongIssuer {
                subject: found.subject.clone(),
                expected: self.issuer.to_string(),
                found: found.issuer.clone(),
                near: near_miss(self.issuer.as_str(), &found.issuer),
            });
        }
        Ok(())
    }
}

/// How one value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matcher {
    /// Equal, byte by byte.
    Exact(String),
    /// Covered by a pattern; see [`Matcher::pattern`].
    Pattern(Pattern),
}

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Matcher {
    /// A pattern: `*` stands for any run without `/` and `@`, `**` for any run.
    /// A text without stars is compared exactly.
    ///
    /// # Errors
    /// [`PatternError`] if it would match everything, or is too long.
    pub fn pattern(text: &str) -> Result<Self, PatternError> {
        if text.len() > 2048 {
            return Err(PatternError::Long);
        }
        if !text.contains('*') {
            return Ok(Self::Exact(text.to_owned()));
        }
        if text.chars().all(|c| c == '*') {
            return Err(PatternError::Everything);
        }
        if text.contains("***") {
            return Err(PatternError::Stars);
        }
        Ok(Self::Pattern(Pattern(text.to_owned())))
    }

    /// Whether `value` is covered, from its first to its last byte.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(expected) => expected == value,
            Self::Pattern(Pattern(pattern)) => covers(pattern.as_bytes(), value.as_bytes()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Pattern(Pattern(text)) => text,
        }
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Row by row: which prefixes of `value` the pattern so far can end at. Time is
/// bounded by the product of both lengths, whatever the pattern.
fn covers(pattern: &[u8], value: &[u8]) -> bool {
    let mut ends = vec![false; value.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    let mut rest = pattern;
    while let Some((&token, tail)) = rest.split_first() {
        let star = token == b'*';
        let twice = star && tail.first() == Some(&b'*');
        rest = if twice {
            tail.get(1..).unwrap_or_default()
        } else {
            tail
        };
        let mut before = false;
        let mut reach = false;
        for (index, end) in ends.iter_mut().enumerate() {
            let here = *end;
            let byte = index.checked_sub(1).and_then(|last| value.get(last));
            if star {
                let stops = !twice && matches!(byte, Some(b'/' | b'@'));
                reach = here || (reach && !stops);
                *end = reach;
            } else {
                *end = before && byte == Some(&token);
            }
            before = here;
        }
    }
    ends.last() == Some(&true)
}

/// In what two names differ, if it is little enough to be said.
fn near_miss(expected: &str, found: &str) -> Option<String> {
    if expected.trim_end_matches('/') == found.trim_end_matches('/') {
        return Some("differs only in a trailing slash".into());
    }
    if expected.eq_ignore_ascii_case(found) {
        return Some("differs only in upper and lower case".into());
    }
    let workflow = |text: &str| -> Option<(String, String, String)> {
        let (path, reference) = text.rsplit_once('@')?;
        let (repository, file) = path.split_once("/.github/workflows/")?;
        Some((repository.into(), file.into(), reference.into()))
    };
    if let (Some(want), Some(have)) = (workflow(expected), workflow(found)) {
        return Some(if want.0 != have.0 {
            format!("a workflow of another repository, {}", have.0)
        } else if want.1 != have.1 {
            format!("another workflow of the same repository, {}", have.1)
        } else {
            format!("differs only in the branch or tag: {}", have.2)
        });
    }
    if expected.contains("://") || found.contains("://") {
        return None;
    }
    let (want, have) = (expected.split_once('@')?, found.split_once('@')?);
    if want.0 == have.0 {
        Some(format!("the same name at another domain, {}", have.1))
    } else if want.1 == have.1 {
        Some(format!("somebody else at {}", have.1))
    } else {
        None
    }
}

/// Why a text is no pattern.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It would let everybody through.
    #[error("a pattern of nothing but stars would match every signer")]
    Everything,
    /// Too long.
    #[error("a pattern may have 2048 bytes")]
    Long,
    /// Three stars in a row.
    #[error("a pattern has one star, or two, not more in a row")]
    Stars,
}

impl Diagnose for PatternError {
    fn code(&self) -> Code {
        match self {
            Self::Everything => Code("TRUST-0401"),
            Self::Long => Code("TRUST-0402"),
            Self::Stars => Code("TRUST-0403"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("name at least the domain or the repository, as in `*@example.com`".into())
    }
}

#[cfg(test)]
mod tests;
