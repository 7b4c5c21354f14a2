use super::*;
use bulla_core::Digest;
use proptest::prelude::*;

fn identity(subject: &str) -> Identity {
    Identity {
        root: RootId(Digest::sha256(b"root")),
        issuer: "https://token.actions.githubusercontent.com".into(),
        subject: subject.into(),
    }
}

fn text_of(expected: &str, found: &str) -> String {
    IdentityExpectation::exact("https://token.actions.githubusercontent.com", expected)
        .check(&identity(found))
        .unwrap_err()
        .to_string()
}

const MAIN: &str = "https://github.com/o/r/.github/workflows/w.yml@refs/heads/main";

#[test]
fn near_misses_are_named() {
    for (found, said) in [
        (
            "https://github.com/o/r/.github/workflows/w.yml@refs/heads/dev",
            "differs only in the branch or tag: refs/heads/dev",
        ),
        (
            "https://github.com/o/other/.github/workflows/w.yml@refs/heads/main",
            "a workflow of another repository, https://github.com/o/other",
        ),
        (
            "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main",
            "another workflow of the same repository, x.yml",
        ),
    ] {
        let text = text_of(MAIN, found);
        assert!(text.contains(said), "{text}");
    }
    assert!(text_of("a@b.example", "A@b.example").contains("upper and lower"));
    assert!(text_of("a@b.example", "a@c.example").contains("another domain"));
}

#[test]
fn the_same_name_under_another_root_is_somebody_else() {
    let expected = IdentityExpectation::exact(identity("").issuer, "a@b.example")
        .under(RootId(Digest::sha256(b"another")));
    assert!(matches!(
        expected.check(&identity("a@b.example")),
        Err(Failure::WrongRoot { .. })
    ));
}

#[test]
fn the_issuer_counts() {
    let expected = IdentityExpectation::exact("https://accounts.example", "a@b.example");
    assert!(matches!(
        expected.check(&identity("a@b.example")),
        Err(Failure::WrongIssuer { .. })
    ));
}

#[test]
fn cve_2022_36056_patterns_are_anchored() {
    let pattern = Matcher::pattern("*@example.com").unwrap();
    assert!(pattern.matches("alice@example.com"));
    for outside in [
        "alice@example.com.evil.net",
        "x/alice@example.com",
        "a@b@example.com",
        "example.com",
    ] {
        assert!(!pattern.matches(outside), "{outside}");
    }
    let repository = Matcher::pattern("https://github.com/o/r/**@refs/tags/v*").unwrap();
    assert!(repository.matches("https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1.2"));
    assert!(!repository.matches("https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1/x"));
    assert!(!repository.matches("https://evil.example/https://github.com/o/r/a@refs/tags/v1"));
}

#[test]
fn a_pattern_for_everybody_is_refused() {
    for text in ["*", "**", "***"] {
        assert!(Matcher::pattern(text).is_err(), "{text}");
    }
    assert!(Matcher::pattern("a***b").is_err());
}

proptest! {
    #[test]
    fn a_text_without_stars_covers_itself_only(a in "[a-z@/.]{0,12}", b in "[a-z@/.]{0,12}") {
        prop_assert_eq!(covers(a.as_bytes(), b.as_bytes()), a == b);
    }

    #[test]
    fn two_stars_cover_any_run(a in "[a-z]{1,4}", b in "[a-z/@]{0,8}", c in "[a-z]{1,4}") {
        let (pattern, value) = (format!("{a}**{c}"), format!("{a}{b}{c}"));
        prop_assert!(covers(pattern.as_bytes(), value.as_bytes()));
        let one = format!("{a}*{c}");
        let free = !b.contains(['/', '@']);
        prop_assert!(!free || covers(one.as_bytes(), value.as_bytes()));
    }
}
