use proptest::prelude::*;

use super::*;

#[test]
fn subjects_match_as_a_whole() {
    for (pattern, text, fits) in [
        (
            "repo:acme/app:ref:refs/heads/main",
            "repo:acme/app:ref:refs/heads/main",
            true,
        ),
        ("repo:acme/*", "repo:acme/app:ref:x", true),
        ("repo:acme/*", "repo:acme-evil/app", false),
        ("repo:acme/*", "x repo:acme/app", false),
        (
            "repo:*:environment:prod",
            "repo:acme/app:environment:prod",
            true,
        ),
        (
            "repo:*:environment:prod",
            "repo:acme/app:environment:prod2",
            false,
        ),
        ("a*a", "a", false),
        ("*", "", true),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn what_cannot_be_an_upstream() {
    let base = "https://sign.example";
    let own = "https://sign.example/oidc/login";
    let upstream = |id: &str, issuer: &str| Upstream {
        id: id.into(),
        issuer: issuer.into(),
        keys: IssuerOptions::default(),
        ..Upstream::default()
    };
    let load = |upstream: Vec<Upstream>, exchange: Vec<ExchangeRule>| {
        let settings = OidcSettings {
            upstream,
            exchange,
            ..OidcSettings::default()
        };
        Connectors::load(&settings, base, own).map(drop)
    };
    assert!(load(vec![upstream("corp", "https://login.example")], vec![]).is_ok());
    // What is asserted on the socket must not come out as a login.
    for issuer in ["https://sign.example/oidc/asserted", own, base] {
        assert!(
            load(vec![upstream("corp", issuer)], vec![]).is_err(),
            "{issuer}"
        );
    }
    for id in ["", "local", "client", "a b", "a/b"] {
        assert!(
            load(vec![upstream(id, "https://login.example")], vec![]).is_err(),
            "{id}"
        );
    }
    let twice = vec![
        upstream("a", "https://one.example"),
        upstream("a", "https://two.example"),
    ];
    assert!(load(twice, vec![]).is_err());
    let rule = ExchangeRule {
        connector: "nobody".into(),
        ..ExchangeRule::default()
    };
    assert!(load(vec![upstream("corp", "https://login.example")], vec![rule]).is_err());
}

proptest! {
    #[test]
    fn a_pattern_without_star_fits_itself_alone(pattern in "[a-c:/]{0,8}", text in "[a-c:/]{0,8}") {
        prop_assert_eq!(matches(&pattern, &text), pattern == text);
    }

    #[test]
    fn a_star_fits_whatever_stands_there(before in "[a-c]{0,5}", middle in "\\PC{0,9}", after in "[a-c]{0,5}") {
        let pattern = format!("{before}*{after}");
        let text = format!("{before}{middle}{after}");
        prop_assert!(matches(&pattern, &text));
    }
}
