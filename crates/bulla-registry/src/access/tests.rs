use super::*;
use crate::config::Credential;

fn request(uri: &str, headers: &[(&str, &str)], action: Action) -> Result<(), RegistryError> {
    let config = RegistryConfig::loopback(Credential::new("bulla", "s3cret").unwrap());
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: header::HeaderName = name.parse().unwrap();
        map.append(name, value.parse().unwrap());
    }
    check(&config, &uri.parse().unwrap(), &map, action)
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[test]
fn answers_only_for_its_own_names() {
    let get = |uri: &str, headers: &[(&str, &str)]| request(uri, headers, Action::Pull);
    for host in ["127.0.0.1:5000", "localhost", "LOCALHOST:1", "[::1]:5000"] {
        assert!(get("/v2/", &[("host", host)]).is_ok(), "{host}");
    }
    for host in ["evil.example:5000", "127.0.0.1.evil.example", "", "[::2]"] {
        let refused = get("/v2/", &[("host", host)]);
        assert!(matches!(refused, Err(RegistryError::Host { .. })), "{host}");
    }
    assert!(get("/v2/", &[]).is_err());
    assert!(get("/v2/", &[("host", "localhost"), ("host", "evil.example")]).is_err());
    assert!(get("http://evil.example/v2/", &[("host", "localhost")]).is_err());
    assert!(get("http://localhost/v2/", &[("host", "evil.example")]).is_err());
}

#[test]
fn refuses_pages_of_other_sites() {
    let host = ("host", "127.0.0.1:5000");
    let get = |extra| request("/v2/", &[host, extra], Action::Pull);
    assert!(get(("origin", "http://127.0.0.1:5000")).is_ok());
    for origin in ["http://evil.example", "null", "http://127.0.0.1:6000"] {
        let refused = get(("origin", origin));
        assert!(matches!(refused, Err(RegistryError::CrossSite)), "{origin}");
    }
    assert!(get(("sec-fetch-site", "cross-site")).is_err());
    assert!(get(("sec-fetch-site", "same-site")).is_err());
    assert!(get(("sec-fetch-site", "none")).is_ok());
}

#[test]
fn pushing_needs_the_credential_and_a_wrong_one_never_passes() {
    let host = ("host", "localhost");
    let with = |value: &str, action| request("/v2/", &[host, ("authorization", value)], action);
    assert!(request("/v2/", &[host], Action::Pull).is_ok());
    assert!(request("/v2/", &[host], Action::Push).is_err());
    assert!(with(&basic("bulla:s3cret"), Action::Push).is_ok());
    assert!(with(&basic(":"), Action::Pull).is_ok());
    assert!(with(&basic(":"), Action::Push).is_err());
    for wrong in [
        "bulla:",
        "bulla:s3cre",
        "bulla:s3cret2",
        "other:s3cret",
        "bullas3cret",
    ] {
        assert!(with(&basic(wrong), Action::Pull).is_err(), "{wrong}");
        assert!(with(&basic(wrong), Action::Push).is_err(), "{wrong}");
    }
    for garbage in ["Basic", "Basic !", "Bearer x", ""] {
        assert!(with(garbage, Action::Pull).is_err(), "{garbage}");
    }
}

#[test]
fn there_is_no_empty_credential() {
    assert!(Credential::new("", "x").is_none());
    assert!(Credential::new("x", "").is_none());
    assert!(Credential::new("a:b", "x").is_none());
    let shown = format!("{:?}", Credential::new("bulla", "s3cret").unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}
