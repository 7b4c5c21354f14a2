//! Debian versions: `[epoch:]upstream[-revision]`, compared as Debian policy
//! §5.6.12 says: alternately non-digits (`~` before the end before letters
//! before the rest) and digits as numbers.

use super::{compare_digits, split_digits};
use std::cmp::Ordering;

/// Compares two Debian versions; `None` if one is malformed.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Version::parse(a)?, Version::parse(b)?);
    Some(
        compare_digits(a.epoch, b.epoch)
            .then_with(|| compare_part(a.upstream, b.upstream))
            .then_with(|| compare_part(a.revision, b.revision)),
    )
}

struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        let printable = rest.bytes().all(|b| b.is_ascii_graphic());
        let valid = !upstream.is_empty()
            && !epoch.is_empty()
            && epoch.bytes().all(|b| b.is_ascii_digit())
            && printable;
        valid.then_some(Self {
            epoch,
            upstream,
            revision,
        })
    }
}

fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = split_text(a);
        let (text_b, rest_b) = split_text(b);
        let order = compare_text(text_a, text_b);
        if order.is_ne() {
            return order;
        }
        let (number_a, rest_a) = split_digits(rest_a);
        let (number_b, rest_b) = split_digits(rest_b);
        let order = compare_digits(number_a, number_b);
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

fn split_text(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|b| b.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn compare_text(a: &str, b: &str) -> Ordering {
    let weights = |text: &str| -> Vec<u16> {
        let weight = |byte: u8| match byte {
            b'~' => 0,
            letter if letter.is_ascii_alphabetic() => u16::from(letter),
            other => u16::from(other) + 256,
        };
        // The end of the text sorts after `~` and before everything else.
        text.bytes().map(weight).chain([1]).collect()
    };
    weights(a).cmp(&weights(b))
}
