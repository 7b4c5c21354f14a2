use proptest::prelude::*;

use super::*;

fn headers(values: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for value in values {
        map.append(header::AUTHORIZATION, value.parse().unwrap());
    }
    map
}

fn basic_of(pair: &str) -> Result<Option<(String, String)>, OAuthError> {
    basic(&headers(&[&format!("Basic {}", STANDARD.encode(pair))]))
}

#[test]
fn basic_as_clients_send_it() {
    assert_eq!(
        basic_of("sigstore:").unwrap().unwrap(),
        ("sigstore".into(), String::new())
    );
    assert_eq!(
        basic_of("a%2Fb:x%26y").unwrap().unwrap(),
        ("a/b".into(), "x&y".into())
    );
    assert_eq!(basic(&HeaderMap::new()).unwrap(), None);
    for bad in ["nocolon", "a:b&c=d", "a:%zz", "a:\u{0}"] {
        assert_eq!(basic_of(bad).unwrap_err().name(), "invalid_client", "{bad}");
    }
    for bad in [
        &["Bearer x"][..],
        &["Basic !!"],
        &["Basic"],
        &["Basic YTpi", "Basic YTpi"],
    ] {
        assert!(basic(&headers(bad)).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_header_panics(text in "[ -~]{0,80}") {
        let _ = basic(&headers(&[&text]));
        let _ = basic_of(&text);
    }
}
