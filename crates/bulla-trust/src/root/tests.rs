use super::*;
use proptest::prelude::*;

fn id() -> RootId {
    RootId(Digest::sha256(b"root"))
}

fn parse(json: &str) -> Result<TrustRoot, RootError> {
    TrustRoot::parse(json.as_bytes(), id())
}

const EMPTY: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}"#;

#[test]
fn the_embedded_root_is_usable_and_named() {
    let root = TrustRoot::public_good().unwrap();
    assert_eq!(root.id(), &TrustRoot::public_good_id());
    for kind in [
        AuthorityKind::Certificates,
        AuthorityKind::CertificateLog,
        AuthorityKind::SignatureLog,
        AuthorityKind::Timestamps,
    ] {
        assert!(
            root.authorities().iter().any(|a| a.kind == kind),
            "{kind:?}"
        );
    }
}

#[test]
fn refuses_what_it_does_not_understand() {
    parse(EMPTY).unwrap();
    let with = |from: &str, to: &str| parse(&EMPTY.replace(from, to));
    assert!(matches!(
        with("\"tlogs\":[]", "\"tlogs\":[],\"onlyFor\":\"docs\""),
        Err(RootError::UnknownField { field }) if field == "onlyFor"
    ));
    assert!(matches!(
        with("version=0.1", "version=9"),
        Err(RootError::MediaType { .. })
    ));
    assert!(matches!(
        parse(&format!("{EMPTY} x")),
        Err(RootError::Limit(_))
    ));
    let ca = r#"{"uri":"u","certChain":{"certificates":[]}}"#;
    assert!(matches!(
        with(
            "\"certificateAuthorities\":[]",
            &format!("\"certificateAuthorities\":[{ca}]")
        ),
        Err(RootError::Material(_))
    ));
    let many = vec![ca; 65].join(",");
    assert!(matches!(
        with(
            "\"certificateAuthorities\":[]",
            &format!("\"certificateAuthorities\":[{many}]")
        ),
        Err(RootError::TooMany { .. })
    ));
}

#[test]
fn services_are_those_valid_at_that_time() {
    let config = |selector: &str, url: &str| {
        let service = |version: u32, url: &str| {
            format!(
                r#"[{{"url":"{url}","majorApiVersion":{version},"validFor":{{"start":"2025-01-01T00:00:00Z"}},"operator":"o"}}]"#
            )
        };
        format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":{},"oidcUrls":[],"rekorTlogUrls":{},"tsaUrls":{},"rekorTlogConfig":{{"selector":"{selector}"}},"tsaConfig":{{"selector":"ANY"}}}}"#,
            service(1, url),
            service(2, url),
            service(1, url)
        )
    };
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let before: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let parsed = SigningConfig::parse(config("ANY", "http://localhost:1/").as_bytes()).unwrap();
    let services = parsed.services(now).unwrap();
    assert_eq!(services.ca, "http://localhost:1");
    assert_eq!(services.oidc, None);
    assert!(matches!(
        parsed.services(before),
        Err(RootError::NoService { .. })
    ));
    let several = SigningConfig::parse(config("EXACT", "http://localhost:1").as_bytes()).unwrap();
    assert!(several.services(now).is_err());
}

#[test]
fn the_public_signing_config_is_readable() {
    SigningConfig::public_good().unwrap();
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = TrustRoot::parse(&bytes, id());
        let _ = SigningConfig::parse(&bytes);
    }

    #[test]
    fn a_cut_root_is_no_root(cut in 0..EMPTY.len()) {
        prop_assert!(parse(&EMPTY[..cut]).is_err());
    }
}
