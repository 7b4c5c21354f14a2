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
