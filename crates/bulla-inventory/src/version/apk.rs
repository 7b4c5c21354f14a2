//! Alpine versions: `1.2.3a_rc1_p2~hash-r4`, as apk-tools 2 compares them.
//!
//! After the first number, one that begins with `0` compares as a fraction
//! (text without its trailing zeros). A malformed tail makes a version sort
//! before the same version without it.

use super::{compare_digits, split_digits};
use std::cmp::Ordering;

/// Compares two versions; `None` if one is empty.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    Some(
        compare_numbers(&a.numbers, &b.numbers)
            .then_with(|| a.letter.cmp(&b.letter))
            .then_with(|| compare_suffixes(&a.suffixes, &b.suffixes))
            .then_with(|| a.hash.cmp(b.hash))
            .then_with(|| compare_digits(a.revision, b.revision))
            // An invalid remainder makes a version older than a clean one.
            .then_with(|| a.rest.is_empty().cmp(&b.rest.is_empty()))
            .then_with(|| a.tail().cmp(b.tail())),
    )
}

struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: Option<u8>,
    suffixes: Vec<(i8, &'a str)>,
    hash: &'a str,
    revision: &'a str,
    has_revision: bool,
    rest: &'a str,
}

/// Suffixes by rank: negative ones come before the plain version.
const SUFFIXES: [(&str, i8); 9] = [
    ("alpha", -4),
    ("beta", -3),
    ("pre", -2),
    ("rc", -1),
    ("cvs", 1),
    ("svn", 2),
    ("git", 3),
    ("hg", 4),
    ("p", 5),
];

impl<'a> Version<'a> {
    /// What apk-tools still compares of a malformed end: not what follows `-`.
    fn tail(&self) -> &'a str {
        let after_dash = self.rest.starts_with('-') || self.has_revision;
        if after_dash { "" } else { self.rest }
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut numbers = Vec::new();
        let mut rest = text.trim();
        loop {
            let (digits, after) = split_digits(rest);
            if digits.is_empty() {
                break;
            }
            numbers.push(digits);
            rest = after;
            match rest.strip_prefix('.') {
                Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
                _ => break,
            }
        }
        if numbers.is_empty() {
            // No version at all, but apk-tools orders it too: before every number.
            return (!rest.is_empty()).then_some(Self {
                numbers,
                letter: None,
                suffixes: Vec::new(),
                hash: "",
                revision: "",
                has_revision: false,
                rest,
            });
        }
        let letter = rest.bytes().next().filter(u8::is_ascii_lowercase);
        if letter.is_some() {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut suffixes = Vec::new();
        while let Some(after) = rest.strip_prefix('_') {
            let found = SUFFIXES.iter().find_map(|(name, rank)| {
                let tail = after.strip_prefix(name)?;
                (!tail.starts_with(|c: char| c.is_ascii_lowercase())).then_some((*rank, tail))
            });
            let Some((rank, tail)) = found else { break };
            let (digits, after) = split_digits(tail);
            suffixes.push((rank, digits));
            rest = after;
        }
        let mut hash = "";
        if let Some(after) = rest.strip_prefix('~') {
            let end = after
                .find(|c: char| !c.is_ascii_hexdigit())
                .unwrap_or(after.len());
            (hash, rest) = after.split_at(end);
        }
        let mut revision = "";
        let mut has_revision = false;
        if let Some(after) = rest.strip_prefix("-r") {
            (revision, rest) = split_digits(after);
            has_revision = true;
        }
        Some(Self {
            numbers,
            letter,
            suffixes,
            hash,
            revision,
            has_revision,
            rest,
        })
    }
}

fn compare_numbers(a: &[&str], b: &[&str]) -> Ordering {
    for (at, (x, y)) in a.iter().zip(b).enumerate() {
        let fraction = at > 0 && (x.starts_with('0') || y.starts_with('0'));
        let order = if fraction {
            x.trim_end_matches('0').cmp(y.trim_end_matches('0'))
        } else {
            compare_digits(x, y)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn compare_suffixes(a: &[(i8, &str)], b: &[(i8, &str)]) -> Ordering {
    let plain = (0, "");
    for at in 0..a.len().max(b.len()) {
        let (rank_a, number_a) = a.get(at).unwrap_or(&plain);
        let (rank_b, number_b) = b.get(at).unwrap_or(&plain);
        let order = rank_a
            .cmp(rank_b)
            .then_with(|| compare_digits(number_a, number_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}
