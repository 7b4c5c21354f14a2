//! Semantic Versioning 2.0 order, forgiving in what it reads: a leading `v`,
//! any count of numbers, numbers of any size.
//!
//! Build metadata is ignored, as the specification demands. Go's
//! pseudo-versions need nothing more: they are pre-releases by construction,
//! and `+incompatible` is build metadata.

use super::{compare_digits, split_digits};
use std::cmp::Ordering;

/// Compares two versions; `None` if one does not begin with a number.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    let core = (0..a.numbers.len().max(b.numbers.len()))
        .map(|at| {
            let part = |v: &Version<'_>| v.numbers.get(at).map_or("0".to_owned(), |n| (*n).into());
            compare_digits(&part(&a), &part(&b))
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal);
    Some(core.then_with(|| compare_pre_release(a.pre_release, b.pre_release)))
}

struct Version<'a> {
    numbers: Vec<&'a str>,
    pre_release: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V', '=']).unwrap_or(text);
        let text = text.split('+').next().unwrap_or(text);
        let mut numbers = Vec::new();
        let mut rest = text;
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
        let pre_release = rest.strip_prefix(['-', '.']).unwrap_or(rest);
        (!numbers.is_empty()).then_some(Self {
            numbers,
            pre_release,
        })
    }
}

fn compare_pre_release(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => {
                let order = compare_identifier(x, y);
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

/// Numbers before words; numbers by value, words by bytes.
fn compare_identifier(a: &str, b: &str) -> Ordering {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match (number(a), number(b)) {
        (true, true) => compare_digits(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}
