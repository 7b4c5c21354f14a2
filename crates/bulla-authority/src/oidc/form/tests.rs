use proptest::prelude::*;

use super::*;

#[test]
fn what_is_there_twice_or_not_a_form_is_refused() {
    let form = Form::parse(b"a=1&b=&c=%e2%82%ac+%26&scope=x&scope=y").unwrap();
    assert_eq!(form.one("a").unwrap(), Some("1"));
    assert_eq!(form.one("b").unwrap(), None);
    assert_eq!(form.one("c").unwrap(), Some("€ &"));
    assert_eq!(form.one("scope").unwrap_err().name(), "invalid_request");
    assert_eq!(form.all("scope").collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(form.need("d", 9).unwrap_err().name(), "invalid_request");
    for bad in [
        &b"a=%"[..],
        b"a=%4",
        b"a=%zz",
        b"a=%ff",
        b"a=\xff",
        b"a=%00",
        b"a=x%0d%0aSet-Cookie:y",
    ] {
        assert!(Form::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn huge_forms_are_refused() {
    assert!(Form::parse(&vec![b'a'; FORM_BYTES + 1]).is_err());
    assert!(Form::parse("a=1&".repeat(65).as_bytes()).is_err());
    let form = Form::parse(format!("state={}", "s".repeat(1025)).as_bytes()).unwrap();
    assert!(form.short("state", 1024).is_err());
}

proptest! {
    #[test]
    fn what_an_encoder_writes_is_read(fields in prop::collection::vec(("[a-z_]{1,12}", "\\PC{0,40}"), 0..20)) {
        let mut encoder = url::form_urlencoded::Serializer::new(String::new());
        encoder.extend_pairs(&fields);
        let form = Form::parse(encoder.finish().as_bytes()).unwrap();
        prop_assert_eq!(form.fields, fields);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(form) = Form::parse(&bytes) {
            for (name, value) in &form.fields {
                prop_assert!(!name.chars().chain(value.chars()).any(char::is_control));
            }
        }
    }
}
