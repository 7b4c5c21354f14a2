//! How random a text is, and whether it only stands in for a secret.

/// Shannon entropy in bits per character.
pub(super) fn bits_per_character(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = text.len() as f64;
    counts
        .into_iter()
        .filter(|count| *count > 0)
        .map(|count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// Words that people write where a secret would stand.
const STAND_INS: [&str; 22] = [
    "changeme",
    "change_me",
    "dummy",
    "example",
    "fake",
    "foobar",
    "insert",
    "localhost",
    "lorem",
    "mock",
    "password",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "secret",
    "testing",
    "todo",
    "undefined",
    "xxxx",
    "your-",
    "your_",
];

/// Whether the text is a word for a secret, a reference to one, or a pattern.
pub(super) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let refers = ["${", "{{", "$(", "<%", "%(", "#{"]
        .iter()
        .any(|open| lower.contains(open))
        || lower.starts_with(['$', '<', '%', '*'])
        || lower.contains("env.")
        || lower.contains("process.");
    let stands_in = STAND_INS.iter().any(|word| lower.contains(word));
    // `abcdefgh…`, `01234567…`: every byte follows the one before.
    let bytes = lower.as_bytes();
    let steps = bytes
        .windows(2)
        .filter(|w| matches!(w, [a, b] if *b == a.wrapping_add(1)));
    let counting = bytes.len() > 4 && steps.count() * 10 >= bytes.len() * 7;
    refers || stands_in || counting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_text_is_told_from_words() {
        assert!(bits_per_character("aaaaaaaa") < 0.1);
        assert!(bits_per_character("k3Jx9Qw2Lm7Zp4Rt") > 3.5);
        assert!(bits_per_character("") < f64::EPSILON);
    }

    #[test]
    fn stand_ins_are_known() {
        for text in [
            "${TOKEN}",
            "<your token>",
            "changeme123",
            "abcdefghijkl",
            "0123456789",
            "$TOKEN",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("k3Jx9Qw2Lm7Zp4Rt"));
    }
}
