//! Looks for keys, tokens and passwords in text files.
//!
//! One pass with an Aho-Corasick automaton finds the few rules whose keywords
//! occur at all; only those run their expression. What looks like a placeholder,
//! has too little entropy, or stands on a line with [`ALLOW`] is left out. A
//! finding names file and line, never the secret.

use aho_corasick::AhoCorasick;
use bulla_core::Finding;
use regex::bytes::{Regex, RegexBuilder};
use std::sync::OnceLock;

mod entropy;
mod rules;

pub use rules::{RULES, Rule};

/// A line that contains this is not searched.
pub const ALLOW: &str = "bulla:allow-secret";
/// Bytes of the largest file that is searched; larger ones are no text of people.
pub const MAX_FILE_BYTES: usize = 32 << 20;
/// How far into a file a zero byte is looked for: files with one are not text.
const BINARY_PROBE_BYTES: usize = 8 << 10;
/// The most findings of one file.
const MAX_FINDINGS: usize = 1000;

/// Searches files with a set of rules.
pub struct Scanner {
    rules: Vec<Compiled>,
    keywords: Option<AhoCorasick>,
    /// The rule that each keyword belongs to.
    owners: Vec<usize>,
}

struct Compiled {
    rule: &'static Rule,
    regex: OnceLock<Option<Regex>>,
}

/// One place in a file.
struct Hit {
    rule: &'static Rule,
    line: usize,
}

impl Default for Scanner {
    /// All rules.
    fn default() -> Self {
        Self::new(RULES.iter())
    }
}

impl Scanner {
    /// Some rules.
    pub fn new(rules: impl Iterator<Item = &'static Rule>) -> Self {
        let rules: Vec<Compiled> = rules
            .map(|rule| Compiled {
                rule,
                regex: OnceLock::new(),
            })
            .collect();
        let (mut words, mut owners) = (Vec::new(), Vec::new());
        for (index, compiled) in rules.iter().enumerate() {
            for keyword in compiled.rule.keywords {
                words.push(*keyword);
                owners.push(index);
            }
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words)
            .ok();
        Self {
            rules,
            keywords,
            owners,
        }
    }

    /// Searches one file. Files that are not text, or larger than
    /// [`MAX_FILE_BYTES`], have no findings.
    pub fn scan(&self, path: &str, bytes: &[u8]) -> Vec<Finding> {
        let start = bytes.get(..BINARY_PROBE_BYTES).unwrap_or(bytes);
        if bytes.len() > MAX_FILE_BYTES || start.contains(&0) {
            return Vec::new();
        }
        let mut hits = Vec::new();
        for index in self.candidates(bytes) {
            if let Some(compiled) = self.rules.get(index) {
                compiled.search(bytes, &mut hits);
            }
        }
        // Where a particular rule found something, a general one adds nothing.
        let particular: Vec<usize> = hits
            .iter()
            .filter(|h| !h.rule.general)
            .map(|h| h.line)
            .collect();
        hits.retain(|hit| !hit.rule.general || !particular.contains(&hit.line));
        hits.sort_by_key(|hit| (hit.line, hit.rule.id));
        hits.dedup_by_key(|hit| (hit.line, hit.rule.id));
        hits.truncate(MAX_FINDINGS);
        hits.into_iter().map(|hit| hit.finding(path)).collect()
    }

    /// The rules with a keyword in the file, in their order.
    fn candidates(&self, bytes: &[u8]) -> Vec<usize> {
        let Some(keywords) = &self.keywords else {
            return (0..self.rules.len()).collect();
        };
        let mut found = vec![false; self.rules.len()];
        for hit in keywords.find_overlapping_iter(bytes) {
            let owner = self.owners.get(hit.pattern().as_usize());
            if let Some(seen) = owner.and_then(|owner| found.get_mut(*owner)) {
                *seen = true;
            }
        }
        found
            .iter()
            .enumerate()
            .filter(|(_, seen)| **seen)
            .map(|(index, _)| index)
            .collect()
    }
}

impl Compiled {
    fn search(&self, bytes: &[u8], hits: &mut Vec<Hit>) {
        let compile = || {
            RegexBuilder::new(self.rule.pattern)
                .unicode(false)
                .multi_line(true)
                .build()
                .ok()
        };
        let Some(regex) = self.regex.get_or_init(compile) else {
            return;
        };
        let (mut line, mut counted) = (1, 0);
        for captures in regex.captures_iter(bytes).take(MAX_FINDINGS) {
            let Some(secret) = captures.get(1).or_else(|| captures.get(0)) else {
                continue;
            };
            let between = bytes.get(counted..secret.start()).unwrap_or_default();
            line += between.iter().filter(|b| **b == b'\n').count();
            counted = secret.start();
            let text = String::from_utf8_lossy(secret.as_bytes());
            let real = entropy::bits_per_character(&text) >= self.rule.entropy
                && (self.rule.entropy == 0.0 || !entropy::is_placeholder(&text));
            if real && !is_allowed(bytes, secret.start(), secret.end()) {
                let rule = self.rule;
                hits.push(Hit { rule, line });
            }
        }
    }
}

/// Whether one of the lines of the match has the comment that allows it.
fn is_allowed(bytes: &[u8], start: usize, end: usize) -> bool {
    let newline = |b: &u8| *b == b'\n';
    let before = bytes.get(..start).unwrap_or_default();
    let from = before.iter().rposition(newline).map_or(0, |at| at + 1);
    let after = bytes.get(end..).unwrap_or_default();
    let to = after
        .iter()
        .position(newline)
        .map_or(bytes.len(), |at| end + at);
    let lines = bytes.get(from..to).unwrap_or_default();
    lines
        .windows(ALLOW.len())
        .any(|window| window == ALLOW.as_bytes())
}

impl Hit {
    fn finding(&self, path: &str) -> Finding {
        Finding {
            id: format!("secret/{}", self.rule.id),
            aliases: Vec::new(),
            severity: self.rule.severity,
            purl: None,
            location: Some(format!("{path}:{}", self.line)),
            fixed_in: None,
            title: self.rule.title.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
