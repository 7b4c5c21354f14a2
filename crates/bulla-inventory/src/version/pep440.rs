//! Python versions: PEP 440, with every spelling that it normalizes.
//!
//! What is not PEP 440 is a *legacy* version; as setuptools did, all of those
//! sort before all others and among themselves by their parts.

use super::compare_digits;
use std::cmp::Ordering;

/// Compares two versions; `None` only if one is empty.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.trim(), b.trim());
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (a_lower, b_lower) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    Some(match (Version::parse(&a_lower), Version::parse(&b_lower)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => compare_legacy(&a_lower, &b_lower),
    })
}

/// Digits of any size, compared by value.
#[derive(Clone, Copy, Debug)]
struct Number<'a>(&'a str);

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_digits(self.0, other.0)
    }
}
impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Number<'_> {}

/// One part of a local version: words before numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local<'a> {
    Word(&'a str),
    Number(Number<'a>),
}

#[derive(Debug)]
struct Version<'a> {
    epoch: Number<'a>,
    release: Vec<Number<'a>>,
    pre: Option<(u8, Number<'a>)>,
    post: Option<Number<'a>>,
    dev: Option<Number<'a>>,
    local: Vec<Local<'a>>,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local)),
            None => (text, None),
        };
        let (epoch, rest) = public.split_once('!').unwrap_or(("0", public));
        if epoch.is_empty() || !epoch.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mut cursor = Cursor(rest);
        let mut release = vec![Number(cursor.digits()?)];
        while let Some(next) = cursor.0.strip_prefix('.') {
            match Cursor(next).digits() {
                Some(digits) => {
                    release.push(Number(digits));
                    cursor.0 = next.get(digits.len()..).unwrap_or_default();
                }
                None => break,
            }
        }
        while release.len() > 1 && release.last() == Some(&Number("0")) {
            release.pop();
        }
        let pre = cursor.tagged(&[
            ("alpha", 0),
            ("a", 0),
            ("beta", 1),
            ("b", 1),
            ("preview", 2),
            ("pre", 2),
            ("rc", 2),
            ("c", 2),
        ]);
        let implicit_post = cursor.0.strip_prefix('-').and_then(|next| {
            let digits = Cursor(next).digits()?;
            cursor.0 = next.get(digits.len()..).unwrap_or_default();
            Some(Number(digits))
        });
        let post = implicit_post.or_else(|| {
            let tags = [("post", 0), ("rev", 0), ("r", 0)];
            cursor.tagged(&tags).map(|(_, number)| number)
        });
        let dev = cursor.tagged(&[("dev", 0)]).map(|(_, number)| number);
        if !cursor.0.is_empty() {
            return None;
        }
        Some(Self {
            epoch: Number(epoch),
            release,
            pre,
            post,
            dev,
            local: match local {
                Some(local) => parse_local(local)?,
                None => Vec::new(),
            },
        })
    }

    /// Where the pre-release sorts: a bare dev release first, none last.
    fn pre_key(&self) -> (u8, Option<(u8, Number<'a>)>) {
        match self.pre {
            Some(pre) => (1, Some(pre)),
            None if self.post.is_none() && self.dev.is_some() => (0, None),
            None => (2, None),
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        // A dev release precedes what it leads to.
        let dev = |v: &Self| v.dev.map_or((1, Number("0")), |n| (0, n));
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| self.release.cmp(&other.release))
            .then_with(|| self.pre_key().cmp(&other.pre_key()))
            .then_with(|| self.post.cmp(&other.post))
            .then_with(|| dev(self).cmp(&dev(other)))
            .then_with(|| self.local.cmp(&other.local))
    }
}

struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn digits(&mut self) -> Option<&'a str> {
        let (digits, rest) = super::split_digits(self.0);
        self.0 = rest;
        (!digits.is_empty()).then_some(digits)
    }

    /// `[.-_]TAG[.-_]NUMBER`, the number being 0 if it is missing.
    fn tagged(&mut self, tags: &[(&str, u8)]) -> Option<(u8, Number<'a>)> {
        let text = self.0.strip_prefix(['.', '-', '_']).unwrap_or(self.0);
        let (rest, rank) = tags
            .iter()
            .find_map(|(tag, rank)| Some((text.strip_prefix(tag)?, *rank)))?;
        let after = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
        let (digits, left) = super::split_digits(after);
        if digits.is_empty() {
            self.0 = rest;
            return Some((rank, Number("0")));
        }
        self.0 = left;
        Some((rank, Number(digits)))
    }
}

fn parse_local(text: &str) -> Option<Vec<Local<'_>>> {
    text.split(['.', '-', '_'])
        .map(|part| {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return None;
            }
            Some(if part.bytes().all(|b| b.is_ascii_digit()) {
                Local::Number(Number(part))
            } else {
                Local::Word(part)
            })
        })
        .collect()
}

/// The order of setuptools before PEP 440: runs of digits, letters and others.
fn compare_legacy(a: &str, b: &str) -> Ordering {
    legacy_key(a).cmp(&legacy_key(b))
}

fn legacy_key(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = class_of(first);
        let end = rest.find(|c| class_of(c) != class).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        rest = after;
        let part = match (class, run) {
            (Class::Separator, run) if !run.contains('-') => continue,
            (Class::Separator, _) => "*final-".to_owned(),
            (Class::Digits, run) => format!("{run:0>8}"),
            (Class::Letters, "pre" | "preview" | "rc") => "*c".to_owned(),
            (Class::Letters, "dev") => "*@".to_owned(),
            (_, run) => format!("*{run}"),
        };
        if part.starts_with('*') {
            if part.as_str() < "*final" {
                while parts.last().is_some_and(|p| p == "*final-") {
                    parts.pop();
                }
            }
            while parts.last().is_some_and(|p| p == "00000000") {
                parts.pop();
            }
        }
        parts.push(part);
    }
    parts.push("*final".to_owned());
    parts
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Digits,
    Letters,
    Other,
    Separator,
}

fn class_of(c: char) -> Class {
    match c {
        '0'..='9' => Class::Digits,
        'a'..='z' => Class::Letters,
        '.' | '-' => Class::Separator,
        _ => Class::Other,
    }
}
