//! The allowed-signers file of OpenSSH (ssh-keygen(1), *ALLOWED SIGNERS*).
//!
//! A line holds principals, options and a key. Principals are patterns with `*`,
//! `?` and `!`; options are `namespaces`, `valid-after` and `valid-before`. An
//! unknown option is an error, never skipped, and so is `cert-authority`:
//! certificates are not supported, and a line that is ignored would deny without
//! a word. Times without `Z` are local to this machine, as for ssh-keygen.

use bulla_core::limits::{LimitError, read_bounded};
use bulla_core::{Code, Diagnose};
use jiff::{Timestamp, civil, tz::TimeZone};
use ssh_key::{PublicKey, public::KeyData};
use std::path::{Path, PathBuf};

use crate::limits::SIGNERS_BYTES;

/// Who may sign, with which SSH key, for what, when.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    principals: String,
    namespaces: Option<String>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
    key: KeyData,
}

/// What the file says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may sign; by this name.
    Allowed(String),
    /// It is named, but not for this namespace or time.
    Outside(&'static str),
    /// It is not named, or not for this committer.
    Unknown,
}

impl AllowedSigners {
    /// Reads and parses the file at `path`.
    ///
    /// # Errors
    /// [`AllowedSignersError`].
    pub fn load(path: &Path) -> Result<Self, AllowedSignersError> {
        let unreadable = |source| AllowedSignersError::Read {
            path: path.into(),
            source,
        };
        let file = std::fs::File::open(path).map_err(|source| {
            unreadable(LimitError::Read {
                what: "allowed signers",
                source,
            })
        })?;
        let bytes = read_bounded(file, SIGNERS_BYTES, "allowed signers").map_err(unreadable)?;
        Self::parse(&bytes)
    }

    /// Parses the text; times without `Z` are in this machine's zone.
    ///
    /// # Errors
    /// [`AllowedSignersError`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, AllowedSignersError> {
        Self::parse_in(bytes, &TimeZone::system())
    }

    /// Parses the text; times without `Z` are in `zone`.
    ///
    /// # Errors
    /// [`AllowedSignersError`] with the line.
    pub fn parse_in(bytes: &[u8], zone: &TimeZone) -> Result<Self, AllowedSignersError> {
        let mut entries = Vec::new();
        for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
            let number = index + 1;
            let at = |why| AllowedSignersError::Line { line: number, why };
            let text = std::str::from_utf8(line).map_err(|_| at("it is not UTF-8"))?;
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            entries.push(Entry::parse(text, zone, number)?);
        }
        Ok(Self { entries })
    }

    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines name a key.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the file says of `key`. The name is the committer's email if the
    /// line's patterns match it, else the line's first principal without
    /// wildcards; a pattern alone names nobody.
    pub(crate) fn standing(
        &self,
        key: &KeyData,
        namespace: &str,
        at: Timestamp,
        email: &str,
    ) -> Standing {
        let mut outside = None;
        for entry in self.entries.iter().filter(|entry| entry.key == *key) {
            let Some(signer) = entry.signer(email) else {
                continue;
            };
            match entry.objection(namespace, at) {
                None => return Standing::Allowed(signer),
                Some(why) => outside = Some(why),
            }
        }
        outside.map_or(Standing::Unknown, Standing::Outside)
    }
}

impl Entry {
    fn parse(text: &str, zone: &TimeZone, line: usize) -> Result<Self, AllowedSignersError> {
        let at = |why| AllowedSignersError::Line { line, why };
        let (principals, rest) = word(text).ok_or_else(|| at("a quote is not closed"))?;
        let principals = unquote(principals);
        if principals.is_empty() {
            return Err(at("it names no principal"));
        }
        let mut entry_options = "";
        let mut key_text = rest;
        if !is_key_type(rest) {
            (entry_options, key_text) = word(rest).ok_or_else(|| at("a quote is not closed"))?;
        }
        let key = PublicKey::from_openssh(key_text).map_err(|_| at("its key cannot be read"))?;
        let mut entry = Self {
            principals,
            namespaces: None,
            valid_after: None,
            valid_before: None,
            key: key.key_data().clone(),
        };
        for option in split_options(entry_options) {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(unquote(value))),
                None => (option, None),
            };
            match (name.to_ascii_lowercase().as_str(), value) {
                ("namespaces", Some(value)) if entry.namespaces.is_none() => {
                    entry.namespaces = Some(value);
                }
                ("valid-after", Some(value)) if entry.valid_after.is_none() => {
                    let time = time(&value, zone).ok_or_else(|| at("valid-after is not a time"))?;
                    entry.valid_after = Some(time);
                }
                ("valid-before", Some(value)) if entry.valid_before.is_none() => {
                    let time =
                        time(&value, zone).ok_or_else(|| at("valid-before is not a time"))?;
                    entry.valid_before = Some(time);
                }
                ("cert-authority", None) => {
                    return Err(AllowedSignersError::CertAuthority { line });
                }
                ("namespaces" | "valid-after" | "valid-before", Some(_)) => {
                    return Err(at("an option stands twice"));
                }
                _ => {
                    let option = name.chars().take(40).collect();
                    return Err(AllowedSignersError::Option { line, option });
                }
            }
        }
        if let (Some(after), Some(before)) = (entry.valid_after, entry.valid_before)
            && after >= before
        {
            return Err(at(
                "it is never valid: valid-before is not after valid-after",
            ));
        }
        Ok(entry)
    }

    fn signer(&self, email: &str) -> Option<String> {
        if !email.is_empty() && matches_list(&self.principals, email) {
            return Some(email.to_owned());
        }
        let mut names = self.principals.split(',');
        let literal = names.find(|p| !p.is_empty() && !p.contains(['*', '?', '!']))?;
        Some(literal.to_owned())
    }

    fn objection(&self, namespace: &str, at: Timestamp) -> Option<&'static str> {
        let named = self.namespaces.as_deref();
        if named.is_some_and(|list| !matches_list(list, namespace)) {
            Some("may not sign commits (its namespaces leave out \"git\")")
        } else if self.valid_after.is_some_and(|after| at < after) {
            Some("was not yet valid when the commit was made")
        } else if self.valid_before.is_some_and(|before| at > before) {
            Some("was no longer valid when the commit was made")
        } else {
            None
        }
    }
}

/// The first word, where quotes hide white space, and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_ascii_whitespace() && !quoted => {
                let (first, rest) = text.split_at(index);
                return Some((first, rest.trim_start()));
            }
            _ => {}
        }
    }
    (!quoted).then_some((text, ""))
}

fn unquote(text: &str) -> String {
    match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\""),
        None => text.to_owned(),
    }
}

/// Splits at commas outside quotes.
fn split_options(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .filter(|option| !option.is_empty() || !text.is_empty())
    .collect()
}

fn is_key_type(text: &str) -> bool {
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| first.starts_with(prefix) && !first.contains(['=', ',']))
}

/// ssh_config(5) *PATTERNS*: one match suffices, unless a `!` pattern matches.
fn matches_list(list: &str, text: &str) -> bool {
    let mut matched = false;
    for pattern in list.split(',').filter(|pattern| !pattern.is_empty()) {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated.as_bytes(), text.as_bytes()) => return false,
            Some(_) => {}
            None => matched |= matches(pattern.as_bytes(), text.as_bytes()),
        }
    }
    matched
}

/// Glob with `*` and `?`, in linear space and at most quadratic time.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || Some(&c) == text.get(t) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    (p, t) = (after_star, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&c| c == b'*')
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` for UTC.
fn time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (digits, zone) = match text.strip_suffix('Z') {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return None;
    }
    let two = |at: usize| {
        digits
            .get(at..at + 2)
            .map_or(Some(0), |t| t.parse::<i8>().ok())
    };
    let year = digits.get(..4)?.parse().ok()?;
    let time = civil::DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?, 0).ok()?;
    Some(time.to_zoned(zone.clone()).ok()?.timestamp())
}

/// Why an allowed-signers file is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllowedSignersError {
    /// A `cert-authority` line.
    #[error("allowed signers, line {line}: cert-authority is not supported")]
    CertAuthority {
        /// Counted from 1.
        line: usize,
    },
    /// A malformed line.
    #[error("allowed signers, line {line}: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// An unknown option.
    #[error("allowed signers, line {line}: unknown option {option:?}")]
    Option {
        /// Counted from 1.
        line: usize,
        /// The option's name.
        option: String,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: LimitError,
    },
}

impl Diagnose for AllowedSignersError {
    fn code(&self) -> Code {
        Code(match self {
            Self::CertAuthority { .. } => "SOURCE-0030",
            Self::Line { .. } => "SOURCE-0031",
            Self::Option { .. } => "SOURCE-0032",
            Self::Read { .. } => "SOURCE-0033",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CertAuthority { .. } => {
                "name each signer's own key instead: `ssh-add -L` prints it".into()
            }
            _ => "`man ssh-keygen`, ALLOWED SIGNERS, describes a line: EMAIL KEYTYPE KEY".into(),
        })
    }
}

#[cfg(test)]
mod tests;
