//! How one value is compared: equal, by a pattern of stars, by an expression.
//!
//! Stars cover the whole value (rule R7): `*` stands for any run without `/`
//! and `@`, `**` for any run. Expressions are for whoever comes from cosign; see
//! [`Matcher::regex`] for what is read and what is refused.

use bulla_core::{Code, Diagnose};

use super::expression::Expression;

/// Bytes of a pattern or an expression.
const LONGEST: usize = 2048;
/// What no signer is called: whatever covers this, and nothing, covers all.
const NOBODY: &str = "\u{1}nobody\u{1}/@:\u{1}";

/// How one value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matcher {
    /// Equal, byte by byte.
    Exact(String),
    /// Covered by a pattern; see [`Matcher::pattern`].
    Pattern(Pattern),
    /// Matched by a regular expression; see [`Matcher::regex`].
    Regex(Expression),
}

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// What of a value a regular expression must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchoring {
    /// What the expression itself says: without `^` and `$`, any part of the
    /// value, as cosign has it.
    AsWritten,
    /// The whole value, whatever the expression says.
    Whole,
}

impl Matcher {
    /// A pattern: `*` stands for any run without `/` and `@`, `**` for any run.
    /// A text without stars is compared exactly.
    ///
    /// # Errors
    /// [`PatternError`] if it would match everything, or is too long.
    pub fn pattern(text: &str) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
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

    /// A regular expression of RE2's syntax. What Go and this program would read
    /// differently is refused, not guessed at: sets inside sets, word edges such
    /// as `\<`, the flags `x`, `u` and `R`. Classes such as `\d` are ASCII.
    ///
    /// # Errors
    /// [`PatternError`] if it is too long, cannot be read, needs too much memory,
    /// or is anchored as a whole and would match everything.
    pub fn regex(text: &str, anchoring: Anchoring) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::Long);
        }
        let expression = Self::Regex(Expression::new(text, anchoring)?);
        if anchoring == Anchoring::Whole && expression.is_everybody() {
            return Err(PatternError::Everything);
        }
        Ok(expression)
    }

    /// Whether `value` is covered.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(expected) => expected == value,
            Self::Pattern(Pattern(pattern)) => covers(pattern.as_bytes(), value.as_bytes()),
            Self::Regex(expression) => expression.matches(value),
        }
    }

    /// Whether it speaks of the whole value. An expression that does not lets
    /// through whoever can put the expected text somewhere into a longer name.
    pub fn is_anchored(&self) -> bool {
        match self {
            Self::Exact(_) | Self::Pattern(_) => true,
            Self::Regex(expression) => expression.is_anchored(),
        }
    }

    /// Whether it would let everybody through.
    pub fn is_everybody(&self) -> bool {
        self.matches("") && self.matches(NOBODY)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Pattern(Pattern(text)) => text,
            Self::Regex(expression) => expression.as_str(),
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
pub(super) fn covers(pattern: &[u8], value: &[u8]) -> bool {
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

/// Why a text is no pattern.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It would let everybody through.
    #[error("this would match every signer")]
    Everything,
    /// Go, in which such expressions are written, reads it otherwise.
    #[error("{what} in a regular expression is not read here: Go understands it differently")]
    Foreign {
        /// What.
        what: &'static str,
    },
    /// Too long.
    #[error("a pattern may have 2048 bytes")]
    Long,
    /// No regular expression, or one that needs too much.
    #[error("this is no usable regular expression: {detail}")]
    Regex {
        /// Why.
        detail: String,
    },
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
            Self::Regex { .. } => Code("TRUST-0404"),
            Self::Foreign { .. } => Code("TRUST-0405"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Foreign { .. } | Self::Regex { .. } => {
                "see https://github.com/google/re2/wiki/Syntax; `*@example.com` needs no expression"
            }
            _ => "name at least the domain or the repository, as in `*@example.com`",
        };
        Some(hint.into())
    }
}
