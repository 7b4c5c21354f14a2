//! Places in a document, and how an error shows them: file, line, column, the
//! line itself, and a caret below the spot.

use std::{fmt, ops::Range};

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// How the document is called.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    excerpt: String,
    width: usize,
}

impl Position {
    pub(super) fn of(path: &str, text: &str, span: Range<usize>) -> Self {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let (before, after) = text.split_at(start);
        let head = before.rsplit('\n').next().unwrap_or_default();
        let tail = after
            .split('\n')
            .next()
            .unwrap_or_default()
            .trim_end_matches('\r');
        let column = head.chars().count() + 1;
        let shown: String = format!("{head}{tail}").replace('\t', " ");
        let width = span
            .end
            .saturating_sub(span.start)
            .clamp(1, tail.len().max(1));
        Self {
            path: path.into(),
            line: before.matches('\n').count() + 1,
            column,
            excerpt: shown
                .chars()
                .take(160)
                .filter(|c| !c.is_control())
                .collect(),
            width: width.min(160_usize.saturating_sub(column).max(1)),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin}--> {}:{}:{}", self.path, self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.excerpt)?;
        let indent = " ".repeat(self.column - 1);
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}

/// The candidate that is closest to `word`, if one is close.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, over bytes of the first 64.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let cost = (diagonal + usize::from(x != *y))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
