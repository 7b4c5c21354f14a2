use super::*;
use proptest::prelude::*;

const HEX: &str = "7d38b5cd25a2baf85ad3bb5b9311383e671a8a142eb302b324d4a5fba8748c69";

fn payload() -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"r/x"}},"image":{{"docker-manifest-digest":"sha256:{HEX}"}},"type":"cosign container image signature"}},"optional":{{"a":"b"}}}}"#
    )
}

#[test]
fn reads_what_cosign_writes() {
    let read = SimpleSigning::parse(payload().as_bytes()).unwrap();
    assert_eq!(read.digest.hex(), HEX);
    assert_eq!(read.docker_reference, "r/x");
    assert_eq!(read.optional["a"], "b");
    let without = payload().replace(r#"{"a":"b"}"#, "null");
    assert!(
        SimpleSigning::parse(without.as_bytes())
            .unwrap()
            .optional
            .is_empty()
    );
}

#[test]
fn what_is_critical_must_be_understood() {
    for (from, to) in [
        ("cosign container", "atomic container"),
        (r#""image":{"#, r#""until":1,"image":{"#),
        (
            r#""docker-manifest-digest""#,
            r#""x":1,"docker-manifest-digest""#,
        ),
        (r#"{"docker-reference""#, r#"{"x":"","docker-reference""#),
        ("sha256:", "md5:"),
        (HEX, "7d38"),
        (r#""optional""#, r#""critical""#),
        (r#""optional""#, r#""more":1,"optional""#),
    ] {
        let edited = payload().replacen(from, to, 1);
        assert!(
            matches!(
                SimpleSigning::parse(edited.as_bytes()),
                Err(Failure::NotSimpleSigning { .. })
            ),
            "{edited}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(SimpleSigning::parse(&bytes).is_err());
    }

    #[test]
    fn a_cut_payload_is_none(cut in 0..payload().len()) {
        prop_assert!(SimpleSigning::parse(&payload().as_bytes()[..cut]).is_err());
    }
}
