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

#[test]
fn a_setting_that_nobody_knows_is_refused() {
    let good = serde_json::json!({
        "session_seconds": 0,
        "upstream": [{
            "id": "ci", "issuer": "https://ci.example.com", "audience": "https://sign.example.com",
            "keys": {"jwks_file": "/etc/bulla/ci-jwks.json", "single_use": true},
        }],
        "exchange": [{
            "connector": "ci", "subjects": ["repo:acme/*"], "audiences": ["sigstore"],
            "scopes": ["openid"], "clients": ["sigstore"],
        }],
    });
    let read = |value| serde_json::from_value::<OidcSettings>(value);
    let settings = read(good.clone()).unwrap();
    assert!(settings.upstream[0].keys.single_use);
    // R15: a misspelt restriction must not silently restrict nothing.
    for pointer in ["", "/upstream/0", "/upstream/0/keys", "/exchange/0"] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()["subject"] = "x".into();
        assert!(read(bad).is_err(), "{pointer}");
    }
}
