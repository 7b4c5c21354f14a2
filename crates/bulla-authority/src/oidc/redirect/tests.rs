use proptest::prelude::*;

use super::*;

#[test]
fn loopback_ports_are_the_clients_choice_and_nothing_else_is() {
    let registered = "http://localhost/auth/callback";
    for good in [
        "http://localhost:41235/auth/callback",
        "http://localhost/auth/callback",
    ] {
        assert!(allows(registered, good), "{good}");
    }
    // Harbor CVE-2024-22244 and every open redirect: what looks alike is not.
    for bad in [
        "http://localhost:1/auth/callback/",
        "http://localhost:1/auth/callback?x=1",
        "http://localhost:1/auth/callback#x",
        "http://localhost:1/auth/../auth/callback",
        "http://localhost:1/auth//callback",
        "http://localhost:1\\auth\\callback",
        "http://user@localhost:1/auth/callback",
        "http://localhost:1@evil.example/auth/callback",
        "http://localhost.evil.example:1/auth/callback",
        "https://localhost:1/auth/callback",
        "http://127.0.0.1:1/auth/callback",
        "http://127.1:1/auth/callback",
        "http://LOCALHOST:1/auth/callback",
        "http://[::ffff:127.0.0.1]:1/auth/callback",
        "javascript:alert(1)",
        "//evil.example/auth/callback",
        "/auth/callback",
        "",
    ] {
        assert!(!allows(registered, bad), "{bad}");
    }
    assert!(allows("http://localhost/", "http://localhost:5"));
    assert!(allows("http://localhost/", "http://localhost:5/"));
    assert!(!allows(
        "http://localhost/",
        "http://localhost:5/auth/callback"
    ));
}

#[test]
fn others_match_character_by_character() {
    let registered = "https://app.example/cb?tenant=1";
    assert!(allows(registered, registered));
    for bad in [
        "https://app.example:443/cb?tenant=1",
        "https://app.example/cb?tenant=1&x",
        "https://app.example/cb",
        "https://App.example/cb?tenant=1",
        "https://app.example.evil/cb?tenant=1",
    ] {
        assert!(!allows(registered, bad), "{bad}");
    }
    assert!(allows(OUT_OF_BAND, OUT_OF_BAND));
}

#[test]
fn what_may_be_registered() {
    for good in [
        OUT_OF_BAND,
        "http://localhost/auth/callback",
        "http://[::1]/x",
        "https://app.example/cb?tenant=1",
    ] {
        assert!(check(good).is_ok(), "{good}");
    }
    for bad in [
        "http://app.example/cb",
        "https://app.example/cb#f",
        "https://u@app.example/cb",
        "https://app.example/../cb",
        "custom:/cb",
        "*",
        "https://*.example/ cb",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn only_the_port_ever_differs(asked in "(http://(localhost|127\\.0\\.0\\.1)(:[0-9]{1,6})?/?[a-z/.%?#@\\\\]{0,20}|\\PC{0,60})") {
        let registered = "http://127.0.0.1/auth/callback";
        if allows(registered, &asked) {
            let url = Url::parse(&asked).unwrap();
            prop_assert_eq!(url.host(), Some(Host::Ipv4(Ipv4Addr::LOCALHOST)));
            prop_assert_eq!(url.path(), "/auth/callback");
            prop_assert_eq!(url.query().or(url.fragment()), None);
        }
    }
}
