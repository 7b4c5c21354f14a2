use super::*;
use proptest::prelude::*;

fn subject(pattern: &str, text: &str) -> bool {
    SubjectPattern::parse(pattern).unwrap().matches(text)
}

fn image(pattern: &str, text: &str) -> bool {
    ImagePattern::parse(pattern)
        .unwrap()
        .matches(&text.parse().unwrap())
}

#[test]
fn images_match_as_a_whole() {
    assert!(image("**", "127.0.0.1:5610/a/b:1"));
    assert!(image("127.0.0.1:5610/*", "127.0.0.1:5610/hello:git-1"));
    assert!(!image("127.0.0.1:5610/*", "127.0.0.1:5610/team/hello"));
    assert!(image("127.0.0.1:5610/**", "127.0.0.1:5610/team/hello"));
    assert!(!image(
        "registry.example.com/*",
        "registry.example.com.evil.example/x"
    ));
    assert!(!image(
        "registry.example.com/app",
        "registry.example.com/app-evil"
    ));
    assert!(!image("ghcr.io/org/*", "evil.io/ghcr.io/org/x"));
}

#[test]
fn subjects_do_not_cross_a_separator() {
    assert!(subject("*@example.com", "dana@example.com"));
    assert!(!subject("*@example.com", "dana@evil.com@example.com"));
    assert!(!subject("*@example.com", "dana@example.com.evil.com"));
    assert!(!subject("dana@example.com", "Dana@example.com"));
    assert!(!subject("dana@example.com", "dana@exampleXcom"));
    assert!(subject(
        "https://host.example/org/*/.github/workflows/*@refs/heads/main",
        "https://host.example/org/app/.github/workflows/release.yml@refs/heads/main"
    ));
    assert!(!subject(
        "https://host.example/org/*/.github/workflows/*@refs/heads/main",
        "https://host.example/org/a/b/.github/workflows/release.yml@refs/heads/main"
    ));
}

#[test]
fn refuses_patterns_that_cannot_mean_what_they_say() {
    for text in [
        "",
        "host.example/app:1.0",
        "host.example/app:*",
        "host.example/a@sha256:00",
        "a b",
        "***",
    ] {
        assert!(ImagePattern::parse(text).is_err(), "{text}");
    }
    assert!(ImagePattern::parse("localhost:5000/**").is_ok());
    assert!(SubjectPattern::parse(&"a".repeat(LONGEST + 1)).is_err());
}

proptest! {
    #[test]
    fn a_literal_matches_itself_and_nothing_longer(text in "[a-z0-9@/.:-]{1,40}", more in "[a-z0-9@/.:-]{1,10}") {
        let pattern = SubjectPattern::parse(&text).unwrap();
        prop_assert!(pattern.matches(&text));
        let (prefixed, suffixed) = (format!("{more}{text}"), format!("{text}{more}"));
        prop_assert!(!pattern.matches(&prefixed));
        prop_assert!(!pattern.matches(&suffixed));
    }

    #[test]
    fn a_suffix_pattern_is_anchored_at_both_ends(user in "[a-z0-9.+-]{0,20}", tail in "[a-z@/.]{1,10}") {
        let pattern = SubjectPattern::parse("*@example.com").unwrap();
        let address = format!("{user}@example.com");
        prop_assert!(pattern.matches(&address));
        if tail != "@example.com" {
            let longer = format!("{address}{tail}");
            prop_assert!(!pattern.matches(&longer));
        }
    }

    #[test]
    fn agrees_with_a_regular_expression(pattern in "(\\*\\*|[ab/@]|\\*[ab/@]){1,6}", text in "[ab/@]{0,10}") {
        // an independent, obviously anchored reading of the same grammar
        fn slow(pattern: &str, text: &str) -> bool {
            if let Some(rest) = pattern.strip_prefix("**") {
                return (0..=text.len()).any(|i| slow(rest, &text[i..]));
            }
            if let Some(rest) = pattern.strip_prefix('*') {
                let end = text.find(['/', '@']).unwrap_or(text.len());
                return (0..=end).any(|i| slow(rest, &text[i..]));
            }
            match (pattern.chars().next(), text.chars().next()) {
                (None, None) => true,
                (Some(p), Some(t)) if p == t => slow(&pattern[1..], &text[1..]),
                _ => false,
            }
        }
        let Ok(parsed) = SubjectPattern::parse(&pattern) else { return Ok(()) };
        prop_assert_eq!(parsed.matches(&text), slow(&pattern, &text));
    }
}
