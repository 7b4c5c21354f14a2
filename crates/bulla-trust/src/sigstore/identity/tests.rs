use super::matcher::covers;
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

#[test]
fn cve_2022_36056_expressions_are_anchored_unless_asked_otherwise() {
    let text = r"https://github\.com/o/r/.*@refs/tags/v\d+";
    let whole = Matcher::regex(text, Anchoring::Whole).unwrap();
    let part = Matcher::regex(text, Anchoring::AsWritten).unwrap();
    let good = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v12";
    assert!(whole.matches(good) && part.matches(good));
    for outside in [format!("x{good}"), format!("{good}/x"), format!("{good}\n")] {
        assert!(!whole.matches(&outside), "{outside}");
    }
    assert!(part.matches(&format!("https://evil.example/{good}/more")));
    assert!(whole.is_anchored() && !part.is_anchored());
    // Alternatives do not escape from the anchors.
    let either = Matcher::regex("a|b", Anchoring::Whole).unwrap();
    assert!(either.matches("a") && either.matches("b"));
    assert!(!either.matches("ax") && !either.matches("xb"));
}

#[test]
fn whether_an_expression_is_anchored_is_known() {
    for (text, anchored) in [
        ("^a$", true),
        (r"\Aa\z", true),
        ("^(a|b)$", true),
        ("^a$|^b$", true),
        ("^a|b$", false),
        ("^a", false),
        ("a$", false),
        ("(?m)^a$", false),
        ("^a$|b", false),
        (".*", false),
    ] {
        let matcher = Matcher::regex(text, Anchoring::AsWritten).unwrap();
        assert_eq!(matcher.is_anchored(), anchored, "{text}");
    }
}

#[test]
fn what_go_reads_otherwise_is_refused() {
    for text in [
        "[a&&b]",
        "[[ab]c]",
        "[a--b]",
        r"\<a",
        r"a\b{end}",
        "(?x)a b",
        "(?u)a",
        "(?R:a)",
    ] {
        let refused = Matcher::regex(text, Anchoring::AsWritten);
        assert!(
            matches!(refused, Err(PatternError::Foreign { .. })),
            "{text} {refused:?}"
        );
    }
    for text in [
        "(",
        "a)|(b",
        r"\p{Greek}",
        "(?=a)",
        r"(a)\1",
        "(?:(?:a{900}){900}){900}",
    ] {
        let refused = Matcher::regex(text, Anchoring::Whole);
        assert!(
            matches!(refused, Err(PatternError::Regex { .. })),
            "{text} {refused:?}"
        );
    }
    // ASCII classes, as in Go: another script's digit is none.
    let digit = Matcher::regex(r"\d", Anchoring::Whole).unwrap();
    assert!(digit.matches("7") && !digit.matches("٧"));
    let long = "a".repeat(2049);
    assert!(matches!(
        Matcher::regex(&long, Anchoring::Whole),
        Err(PatternError::Long)
    ));
}

#[test]
fn an_expression_for_everybody_is_refused_or_known() {
    for text in [".*", "(?s).*", "a?|.*", "[^z]*"] {
        let refused = Matcher::regex(text, Anchoring::Whole);
        assert!(matches!(refused, Err(PatternError::Everything)), "{text}");
        assert!(
            Matcher::regex(text, Anchoring::AsWritten)
                .unwrap()
                .is_everybody()
        );
    }
    assert!(
        Matcher::regex("", Anchoring::AsWritten)
            .unwrap()
            .is_everybody()
    );
    assert!(
        !Matcher::regex("@x", Anchoring::AsWritten)
            .unwrap()
            .is_everybody()
    );
}

#[test]
fn an_identity_alone_does_not_prove_claims() {
    let expected = IdentityExpectation::exact(identity("").issuer, "a@b.example")
        .claim(Claim::WorkflowName, Matcher::Exact("release".into()));
    let failure = expected.check(&identity("a@b.example")).unwrap_err();
    assert!(
        failure.to_string().contains("workflow name is not there"),
        "{failure}"
    );
}

#[test]
fn near_misses_of_patterns_and_expressions_are_named() {
    let text = |subject: Matcher, found: &str| {
        let issuer = Matcher::Exact(identity("").issuer);
        let expected = IdentityExpectation::new(issuer, subject);
        expected.check(&identity(found)).unwrap_err().to_string()
    };
    let pattern = |text: &str| Matcher::pattern(text).unwrap();
    let whole = |text: &str| Matcher::regex(text, Anchoring::Whole).unwrap();
    let tags = "https://github.com/o/r/**@refs/tags/v*";
    for (expected, found, said) in [
        (
            pattern(tags),
            MAIN,
            "differs only in the branch or tag: refs/heads/main",
        ),
        (
            pattern(tags),
            "https://github.com/o/other/.github/workflows/w.yml@refs/tags/v1",
            "a workflow of another repository, https://github.com/o/other",
        ),
        (
            pattern("*@Example.com"),
            "a@example.com",
            "upper and lower case",
        ),
        (
            pattern("a*@example.com"),
            "alice@example.net",
            "another domain, example.net",
        ),
        (whole("github.com/o/r/"), MAIN, "matches a part of it"),
        (whole("https://GitHub.com/.*"), MAIN, "upper and lower case"),
    ] {
        let text = text(expected, found);
        assert!(text.contains(said), "{text}");
    }
    let far = text(pattern(tags), "https://evil.example/w@refs/tags/v1");
    assert!(!far.contains('('), "{far}");
}
