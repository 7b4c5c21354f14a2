//! Anchored patterns over names: images and subjects.
//!
//! A pattern always matches the whole text. `*` stands for any run of
//! characters that does not cross a separator (`/`; for subjects also `@`), `**`
//! for any run at all. There are no regular expressions: an unanchored one is
//! the oldest way to accept a stranger (rule R7).

use bulla_core::Reference;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// Characters of the longest pattern, and of the longest text that can match.
pub const LONGEST: usize = 512;

/// A pattern over `REGISTRY/REPOSITORY`. Tags and digests are not part of it:
/// a tag moves, and a digest needs no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern(String);

impl ImagePattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// If it is empty, too long, or names a tag or digest.
    pub fn parse(text: &str) -> Result<Self, String> {
        check(text)?;
        let last = text.rsplit('/').next().unwrap_or(text);
        if text.contains('@') || (text.contains('/') && last.contains(':')) {
            return Err(format!(
                "{text:?} names a tag or digest; a pattern names REGISTRY/REPOSITORY, because a tag can move"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the image's name matches.
    pub fn matches(&self, image: &Reference) -> bool {
        glob(&self.0, &image.name(), &['/'])
    }
}

/// A pattern over a signer's subject: an email address or a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPattern(String);

impl SubjectPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// If it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, String> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Whether the subject matches.
    pub fn matches(&self, subject: &str) -> bool {
        glob(&self.0, subject, &['/', '@'])
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a pattern cannot be empty".into());
    }
    if text.chars().count() > LONGEST {
        return Err(format!("a pattern has at most {LONGEST} characters"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{text:?} holds white space or control characters"));
    }
    if text.contains("***") {
        return Err(format!("{text:?}: use * or **"));
    }
    Ok(())
}

enum Token {
    Literal(char),
    Within,
    Across,
}

/// Whole-text match in `O(pattern × text)`, so no input makes it slow.
fn glob(pattern: &str, text: &str, separators: &[char]) -> bool {
    let text: Vec<char> = text.chars().take(LONGEST + 1).collect();
    if text.len() > LONGEST {
        return false;
    }
    // reachable[i]: the tokens so far match the first i characters of the text
    let mut reachable = vec![false; text.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for token in tokens(pattern) {
        let mut next = vec![false; text.len() + 1];
        let mut running = false;
        for (index, slot) in next.iter_mut().enumerate() {
            let here = reachable.get(index).copied().unwrap_or(false);
            let before = index.checked_sub(1).and_then(|i| Some((text.get(i)?, i)));
            *slot = match token {
                Token::Literal(wanted) => before.is_some_and(|(c, i)| {
                    *c == wanted && reachable.get(i).copied().unwrap_or(false)
                }),
                Token::Within => {
                    running =
                        here || (running && before.is_some_and(|(c, _)| !separators.contains(c)));
                    running
                }
                Token::Across => {
                    running = running || here;
                    running
                }
            };
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or(false)
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        tokens.push(match c {
            '*' if characters.next_if_eq(&'*').is_some() => Token::Across,
            '*' => Token::Within,
            other => Token::Literal(other),
        });
    }
    tokens
}

macro_rules! as_text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

as_text!(ImagePattern);
as_text!(SubjectPattern);

#[cfg(test)]
mod tests;
