//! Foreign text made safe to show: one line, bounded, without control characters.
//!
//! Predicates, subjects and image names come from strangers and end up on
//! terminals and in `kubectl`; escape sequences, line breaks and characters that
//! reorder a line are replaced, never passed on.

/// Characters of one foreign value that are shown.
pub const VALUE_CHARS: usize = 160;

/// `text` on one line, at most [`VALUE_CHARS`] characters, harmless to print.
pub fn clean(text: &str) -> String {
    shorten(&one_line(text), VALUE_CHARS)
}

/// `text` with every control or reordering character replaced by U+FFFD.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if is_harmful(c) { '\u{fffd}' } else { c })
        .collect()
}

/// At most `limit` characters; what is cut ends in `…`.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// `a, b or c`.
pub(crate) fn any_of(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_never_reach_a_terminal() {
        assert_eq!(
            clean("a\u{1b}[2Jb\nc\u{202e}d"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), VALUE_CHARS);
        assert_eq!(any_of(&["a".into(), "b".into(), "c".into()]), "a, b or c");
    }
}
