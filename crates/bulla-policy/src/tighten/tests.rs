use super::*;
use crate::InstanceNames;
use bulla_core::{Digest, RootId};

fn policy() -> Policy {
    Policy::embedded_default(&InstanceNames {
        root: RootId(Digest::sha256(b"root")),
        asserted_issuer: "http://127.0.0.1:5620/oidc/asserted".into(),
        service_issuer: "http://127.0.0.1:5620/oidc/service".into(),
        registry: "127.0.0.1:5610".into(),
    })
    .unwrap()
}

fn granted(policy: &Policy, text: &str) -> Result<Policy, TightenError> {
    tighten(policy, &text.parse().unwrap())
}

#[test]
fn stricter_or_equal_is_granted_and_changes_the_digest() {
    let base = policy();
    for text in [
        "fail-on = 'high'",
        "fail-on = 'low'",
        "isolation = 'namespaces'",
        "max-database-age = '7d'",
        "source-signature = 'required'",
        "unknown-severity = 'deny'",
    ] {
        assert_ne!(
            granted(&base, text).unwrap().digest(),
            base.digest(),
            "{text}"
        );
    }
    for text in [
        "",
        "fail-on = 'critical'",
        "isolation = 'landlock'",
        "source-signature = 'reported'",
    ] {
        assert_eq!(granted(&base, text).unwrap(), base, "{text}");
    }
}

#[test]
fn looser_is_refused_with_both_values() {
    let strict = granted(
        &policy(),
        "fail-on = 'medium'\nisolation = 'namespaces'\nmax-database-age = '7d'\nsource-signature = 'required'\nunknown-severity = 'deny'",
    )
    .unwrap();
    for (text, asked, says) in [
        ("fail-on = 'high'", "high", "medium"),
        ("fail-on = 'none'", "none", "medium"),
        ("isolation = 'landlock'", "landlock", "namespaces"),
        ("isolation = 'none'", "none", "namespaces"),
        ("max-database-age = '8d'", "8d", "7d"),
        ("source-signature = 'reported'", "reported", "required"),
        ("unknown-severity = 'warn'", "warn", "deny"),
    ] {
        let error = granted(&strict, text).unwrap_err();
        assert_eq!(error.code(), Code("POLICY-0031"), "{text}");
        let shown = error.to_string();
        assert!(shown.contains(asked) && shown.contains(says), "{shown}");
    }
}

#[test]
fn nothing_is_ignored() {
    let base = policy();
    for (text, code) in [
        ("allow-unsigned = true", "POLICY-0032"),
        ("fail-on = 'terrible'", "POLICY-0033"),
        ("fail-on = 'unknown'", "POLICY-0033"),
        ("fail-on = 3", "POLICY-0033"),
        ("max-database-age = 'soon'", "POLICY-0033"),
    ] {
        assert_eq!(
            granted(&base, text).unwrap_err().code(),
            Code(code),
            "{text}"
        );
    }
    let mut bare = base;
    bare.rules.truncate(1);
    assert_eq!(
        granted(&bare, "fail-on = 'low'").unwrap_err().code(),
        Code("POLICY-0034")
    );
}

#[test]
fn a_refused_wish_is_a_denial() {
    let base = policy();
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let decision = granted(&base, "fail-on = 'never'")
        .unwrap_err()
        .decision(&base, now);
    assert_eq!(decision.outcome, Outcome::Deny);
    assert_eq!(decision.policy_digest, base.digest());
}

#[test]
fn wishes_read_elsewhere_are_granted_the_same_way() {
    let base = policy();
    let by_table = granted(&base, "fail-on = 'high'").unwrap();
    assert_eq!(tighten_by(&base, [("fail-on", "high")]).unwrap(), by_table);
    let code = |wish| tighten_by(&by_table, [wish]).unwrap_err().code().0;
    assert_eq!(code(("fail-on", "critical")), "POLICY-0031");
    assert_eq!(code(("allow", "all")), "POLICY-0032");
    assert_eq!(code(("fail-on", "")), "POLICY-0033");
}
