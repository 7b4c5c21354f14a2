use super::*;
use proptest::prelude::*;
use x509_cert::{
    TbsCertificate, Version,
    der::{
        Encode,
        asn1::{BitString, Ia5String, OctetString},
    },
    ext::Extension,
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::Validity,
};

/// A certificate with these names and a signature of no worth.
fn leaf(names: Vec<GeneralName>) -> Leaf {
    let key = bulla_crypto::SigningKey::generate(bulla_crypto::Scheme::EcdsaP256).unwrap();
    let spki = SubjectPublicKeyInfoOwned::from_der(key.public().spki_der()).unwrap();
    let algorithm = spki.algorithm.clone();
    let names = SubjectAltName(names).to_der().unwrap();
    let certificate = Certificate {
        tbs_certificate: TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[1]).unwrap(),
            signature: algorithm.clone(),
            issuer: Name::default(),
            validity: Validity::from_now(std::time::Duration::from_secs(600)).unwrap(),
            subject: Name::default(),
            subject_public_key_info: spki,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(vec![Extension {
                extn_id: "2.5.29.17".parse().unwrap(),
                critical: true,
                extn_value: OctetString::new(names).unwrap(),
            }]),
        },
        signature_algorithm: algorithm,
        signature: BitString::from_bytes(&[0]).unwrap(),
    };
    Leaf::read(&certificate.to_der().unwrap()).unwrap()
}

#[test]
fn a_certificate_has_one_name() {
    let email = |text: &str| GeneralName::Rfc822Name(Ia5String::new(text).unwrap());
    let uri = |text: &str| GeneralName::UniformResourceIdentifier(Ia5String::new(text).unwrap());
    assert_eq!(
        leaf(vec![email("a@b.example")]).subject().unwrap(),
        "a@b.example"
    );
    assert_eq!(
        leaf(vec![uri("https://x/y")]).subject().unwrap(),
        "https://x/y"
    );
    for names in [
        vec![],
        vec![email("a@b.example"), email("c@b.example")],
        vec![email("a@b.example"), uri("https://x/y")],
        vec![email("https://x/y")],
        vec![uri("a@b.example")],
        vec![GeneralName::DnsName(Ia5String::new("b.example").unwrap())],
    ] {
        let shown = format!("{names:?}");
        let subject = leaf(names).subject();
        assert!(
            matches!(subject, Err(Failure::NoIdentity { .. })),
            "{shown}"
        );
    }
}

#[test]
fn names_are_of_the_form_that_their_type_promises() {
    for email in ["a@b.example", "a.b+c@d", "o'neil/x@b.example"] {
        assert!(is_email(email), "{email}");
        assert!(!is_uri(email), "{email}");
    }
    for uri in [
        "https://github.com/o/r@x",
        "spiffe://d/w",
        "urn:x",
        "http://127.0.0.1:1/oidc",
    ] {
        assert!(is_uri(uri), "{uri}");
        assert!(!is_email(uri), "{uri}");
    }
    for neither in [
        "",
        "@",
        "a@",
        "@b",
        "a@b@c",
        ":",
        "x:",
        ":x",
        "a b@c",
        "has space:x",
    ] {
        assert!(!is_email(neither) && !is_uri(neither), "{neither}");
    }
}

proptest! {
    #[test]
    fn no_text_is_both_an_address_and_a_uri(text in "[a-z@:/. ]{0,16}") {
        prop_assert!(!(is_email(&text) && is_uri(&text)));
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(UnverifiedBundle::parse(&bytes).is_err());
    }

    #[test]
    fn never_panics_on_json(text in r#"[\[\]{}:,"a-zA-Z0-9.]{0,200}"#) {
        let text = format!("{{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",{text}");
        prop_assert!(UnverifiedBundle::parse(text.as_bytes()).is_err());
    }
}
