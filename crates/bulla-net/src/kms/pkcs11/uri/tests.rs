use proptest::prelude::*;

use super::*;

#[test]
fn reads_what_cosign_and_p11tool_write() {
    let uri: KeyUri = "pkcs11:token=My%20token;slot-id=7;id=%01%ff;object=key?\
                       module-path=/usr/lib/x.so&pin-value=12%2534"
        .parse()
        .unwrap();
    assert_eq!(uri.token.as_deref(), Some("My token"));
    assert_eq!(uri.slot_id, Some(7));
    assert_eq!(uri.id.as_deref(), Some(&[1, 255][..]));
    assert_eq!(uri.module_path, Some(PathBuf::from("/usr/lib/x.so")));
    assert!(!format!("{uri:?}{uri}").contains("12%34"));
    assert_eq!(
        uri.to_string(),
        "pkcs11:token=My%20token;slot-id=7;object=key;id=%01%ff?module-path=/usr/lib/x.so"
    );
    let long = "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=0a;token=t;\
                id=%01;type=private";
    let uri: KeyUri = long.parse().unwrap();
    assert_eq!(uri.model.as_deref(), Some("SoftHSM v2"));
}

#[test]
fn refuses_what_does_not_name_one_key() {
    for (text, flaw) in [
        ("pkcs12:token=a;object=b", UriFlaw::Malformed),
        ("pkcs11:token=a", UriFlaw::Incomplete),
        ("pkcs11:object=a", UriFlaw::Incomplete),
        ("pkcs11:token;object=a", UriFlaw::Malformed),
        ("pkcs11:token=a;object=%f", UriFlaw::Malformed),
        ("pkcs11:token=a;object=%+1", UriFlaw::Malformed),
        ("pkcs11:token=a;object=%ff", UriFlaw::Malformed),
        ("pkcs11:slot-id=-1;object=a", UriFlaw::Malformed),
        ("pkcs11:token=a;object=", UriFlaw::Malformed),
        (
            "pkcs11:token=a;token=b;object=c",
            UriFlaw::Twice("token".into()),
        ),
        ("pkcs11:token=a;id=%01;id=%02", UriFlaw::Twice("id".into())),
        (
            "pkcs11:token=a;object=b;x-vendor=c",
            UriFlaw::Attribute("x-vendor".into()),
        ),
        (
            "pkcs11:token=a;object=b?pin-source=/x",
            UriFlaw::Attribute("pin-source".into()),
        ),
    ] {
        assert_eq!(text.parse::<KeyUri>().unwrap_err(), flaw, "{text}");
    }
    let long = format!("pkcs11:token={};object=a", "a".repeat(5000));
    assert!(long.parse::<KeyUri>().is_err());
}

proptest! {
    #[test]
    fn never_panics(text in "pkcs11:.{0,80}") {
        let _ = text.parse::<KeyUri>();
    }

    #[test]
    fn what_is_written_is_read(token in ".{1,20}", id in prop::collection::vec(any::<u8>(), 1..8)) {
        let uri = KeyUri { token: Some(token.clone()), id: Some(id.clone()), ..KeyUri::default() };
        let again: KeyUri = uri.to_string().parse().unwrap();
        prop_assert_eq!(again.token, Some(token));
        prop_assert_eq!(again.id, Some(id));
    }
}
