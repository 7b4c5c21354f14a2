use super::*;
use proptest::prelude::*;

#[test]
fn reads_addresses() {
    let mut v4 = 2u16.to_ne_bytes().to_vec();
    v4.extend([1, 187, 93, 184, 216, 34]);
    assert_eq!(
        decode_address(&v4).unwrap().to_string(),
        "93.184.216.34:443"
    );
    assert_eq!(decode_address(&1u16.to_ne_bytes()), None);
    assert_eq!(decode_address(&[1, 0, b'/', b't', b'm', b'p', 0, 0]), None);
}

#[test]
fn reads_the_question() {
    let mut packet = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet.extend(b"\x07example\x03com\x00\x00\x01\x00\x01");
    let (name, end) = decode_question(&packet).unwrap();
    assert_eq!((name.as_str(), end), ("example.com", packet.len()));
    packet.truncate(packet.len() - 1);
    assert_eq!(decode_question(&packet), None);
}

#[test]
fn names_come_before_addresses() {
    let mut attempts = Attempts::default();
    for target in ["10.0.0.1:443", "example.com"] {
        attempts.add(target.into());
    }
    assert_eq!(attempts.into_targets(), ["example.com", "10.0.0.1:443"]);
}

proptest! {
    #[test]
    fn no_packet_panics(packet in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode_question(&packet);
        let _ = decode_address(&packet);
    }
}
