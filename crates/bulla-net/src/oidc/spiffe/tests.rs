use proptest::prelude::*;

use super::*;

/// `{svids: [{spiffe_id: "i", svid}]}`, with a field of a later version before.
fn message(svid: &str) -> Vec<u8> {
    let mut inner = vec![0x08, 0x96, 0x01, 0x0a, 1, b'i', 0x12, svid.len() as u8];
    inner.extend_from_slice(svid.as_bytes());
    let mut outer = vec![0x0a, inner.len() as u8];
    outer.extend(inner);
    outer
}

#[test]
fn the_first_identity_is_read() {
    assert_eq!(first_svid(&message("a.b.c")).unwrap(), "a.b.c");
    let two = [message("first"), message("second")].concat();
    assert_eq!(first_svid(&two).unwrap(), "first");
    assert_eq!(first_svid(&[]), None);
    assert_eq!(request_message("sigstore"), b"\x0a\x08sigstore");
    let long = "a".repeat(300);
    assert_eq!(request_message(&long)[..3], [0x0a, 0xac, 0x02]);
    assert_eq!(field(&request_message(&long), 1).unwrap(), long.as_bytes());
}

#[test]
fn sockets_are_named_as_the_specification_or_as_paths() {
    let socket = |address: &str| super::socket(&Environment::of([(VARIABLE, address)]));
    assert_eq!(
        socket("unix:///run/agent.sock"),
        Path::new("/run/agent.sock")
    );
    assert_eq!(socket("unix:/run/agent.sock"), Path::new("/run/agent.sock"));
    assert_eq!(socket("/run/agent.sock"), Path::new("/run/agent.sock"));
    assert_eq!(super::socket(&Environment::default()), Path::new(DEFAULT));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = first_svid(&bytes);
        let _ = unframed(&bytes);
    }

    #[test]
    fn a_cut_answer_is_none(cut in 0..16usize) {
        let whole = message("a.b.c");
        prop_assert_eq!(first_svid(&whole[..cut.min(whole.len() - 1)]), None);
        let framed = framed(&whole);
        prop_assert_eq!(unframed(&framed[..cut.min(framed.len() - 1)]), None);
    }
}
