use proptest::prelude::*;

use super::*;

fn read(target: &str) -> Option<Result<String, OidcError>> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    outcome(&head, PATH, "s")
}

#[test]
fn a_code_counts_with_its_state_only() {
    assert_eq!(read("/auth/callback?code=c&state=s").unwrap().unwrap(), "c");
    for other in [
        "/auth/callback?code=c",
        "/auth/callback?code=c&state=t",
        "/auth/callback?code=c&state=",
        "/auth/callback?code=c&state=s&state=t",
        "/auth/callback?code=c&code=d&state=s",
        "/auth/callback?state=s",
        "/auth?code=c&state=s",
        "/favicon.ico",
        "http://elsewhere/auth/callback?code=c&state=s",
        "//elsewhere/auth/callback?code=c&state=s",
    ] {
        let found = read(other);
        let counts = matches!(&found, Some(Ok(_)));
        assert!(!counts, "{other}");
    }
    assert!(
        outcome(
            "POST /auth/callback?code=c&state=s HTTP/1.1\r\n\r\n",
            PATH,
            "s"
        )
        .is_none()
    );
}

#[test]
fn a_refusal_is_one_whatever_else_is_said() {
    let refusal = "/auth/callback?error=access_denied&error_description=no%0Away&code=c&state=s";
    let error = read(refusal).unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the issuer refuses: access_denied (no way)"
    );
    assert!(read("/auth/callback?error=access_denied&state=t").is_none());
}

proptest! {
    #[test]
    fn never_panics(head in ".{0,200}") {
        let _ = outcome(&head, PATH, "s");
    }
}
