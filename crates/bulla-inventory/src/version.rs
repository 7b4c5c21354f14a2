//! Which of two versions is newer, by the rules of their ecosystem.
//!
//! Each order is a file: apk-tools, Semantic Versioning 2.0 (strict for crates,
//! lenient for Go and npm), Debian policy §5.6.12, PEP 440. `None` means that
//! a text is no version there; a caller must not take that for "not affected".

use crate::Ecosystem;
use std::cmp::Ordering;

pub mod apk;
pub mod deb;
pub mod pep440;
pub mod semver;

/// The longest text that is taken for a version, in bytes.
pub const MAX_VERSION_BYTES: usize = 1024;

/// Compares two versions; `None` if either is not a version of that ecosystem.
pub fn compare(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    if a.len() > MAX_VERSION_BYTES || b.len() > MAX_VERSION_BYTES {
        return None;
    }
    match ecosystem {
        Ecosystem::Apk => apk::compare(a, b),
        Ecosystem::Cargo | Ecosystem::Golang | Ecosystem::Npm => semver::compare(a, b),
        Ecosystem::Deb => deb::compare(a, b),
        Ecosystem::Pypi => pep440::compare(a, b),
    }
}

/// Compares two runs of ASCII digits as numbers of any size.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Splits off the leading ASCII digits.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
