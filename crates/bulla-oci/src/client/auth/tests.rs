use super::*;
use proptest::prelude::*;

#[test]
fn reads_challenges_with_and_without_quotes() {
    let header = r#"Basic realm="bulla", Bearer realm="https://auth.example/token",service=reg,scope="repository:a:pull,push""#;
    let challenges = parse_challenges(header);
    let [basic, bearer] = challenges.as_slice() else {
        panic!("{challenges:?}");
    };
    assert_eq!(
        (basic.scheme.as_str(), bearer.scheme.as_str()),
        ("basic", "bearer")
    );
    assert_eq!(basic.parameters["realm"], "bulla");
    assert_eq!(bearer.parameters["realm"], "https://auth.example/token");
    assert_eq!(bearer.parameters["service"], "reg");
    assert_eq!(bearer.parameters["scope"], "repository:a:pull,push");
    assert_eq!(
        parse_challenges(r#"Bearer realm="a\"b""#)[0].parameters["realm"],
        "a\"b"
    );
    assert!(parse_challenges("").is_empty());
    assert!(parse_challenges("=x").is_empty());
    assert_eq!(
        parse_challenges(r#"Bearer realm="open"#)[0]
            .parameters
            .len(),
        0
    );
}

#[test]
fn a_credential_goes_to_the_registrys_own_token_service_only() {
    let own =
        |registry: &str, realm: &str| is_own(&registry.parse().unwrap(), &realm.parse().unwrap());
    assert!(own(
        "https://registry-1.docker.example/v2/",
        "https://auth.docker.example/token"
    ));
    assert!(own(
        "https://ghcr.example/v2/",
        "https://ghcr.example/token"
    ));
    assert!(own(
        "http://127.0.0.1:5000/v2/",
        "http://127.0.0.1:6000/token"
    ));
    for (registry, realm) in [
        ("https://registry.example/", "https://evil.test/token"),
        ("https://registry.example/", "http://registry.example/token"),
        ("https://registry.example/", "https://example.evil/token"),
        ("https://registry.example/", "http://127.0.0.1/token"),
        ("https://registry.example/", "https://10.0.0.1/token"),
        ("http://127.0.0.1:5000/", "http://127.0.0.2:5000/token"),
        ("http://localhost:5000/", "https://evil.test/token"),
    ] {
        assert!(!own(registry, realm), "{registry} {realm}");
    }
}

proptest! {
    #[test]
    fn any_header_is_answered(header in any::<String>()) {
        let _ = parse_challenges(&header);
    }
}
