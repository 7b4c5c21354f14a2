use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn rfc_6238_vectors() {
    // Appendix B, SHA-1, the last six of eight digits.
    let secret = b"12345678901234567890";
    for (time, code) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
    ] {
        assert_eq!(check(secret, code, 0, at(time)), Some(time as u64 / 30));
    }
}

#[test]
fn one_step_to_either_side_and_never_twice() {
    let secret = b"12345678901234567890";
    let step = 59 / 30;
    for (time, fits) in [(0, true), (59, true), (89, true), (90, false)] {
        assert_eq!(
            check(secret, "287082", 0, at(time)).is_some(),
            fits,
            "{time}"
        );
    }
    assert_eq!(check(secret, "287 082", 0, at(59)), Some(step));
    assert_eq!(check(secret, "287082", step, at(59)), None);
    assert_eq!(check(secret, "287082", step + 1, at(59)), None);
    for bad in ["", "28708", "2870820", "28708x", "+87082", "٢٨٧٠٨٢"] {
        assert_eq!(check(secret, bad, 0, at(59)), None, "{bad}");
    }
}

#[test]
fn what_apps_and_people_are_shown() {
    assert_eq!(
        base32(b"12345678901234567890"),
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    );
    assert_eq!(base32(b"f"), "MY");
    assert_eq!(base32(b"foob"), "MZXW6YQ");
    let uri = provisioning_uri(b"foobar", "bulla local", "dana@example.com");
    assert_eq!(
        uri,
        "otpauth://totp/bulla%20local:dana%40example.com?secret=MZXW6YTBOI&issuer=bulla%20local&algorithm=SHA1&digits=6&period=30"
    );
    let (shown, kept) = recovery_codes().unwrap();
    assert_eq!((shown.len(), kept.len()), (10, 10));
    assert_eq!(
        recovery_hash(&shown[0].to_lowercase()).as_ref(),
        kept.first()
    );
    assert_eq!(shown[0].len(), 19);
    assert_eq!(recovery_hash("short"), None);
}

proptest! {
    #[test]
    fn no_code_panics(code in "\\PC{0,30}", time in 0i64..4_000_000_000) {
        let _ = check(b"secret", &code, 0, at(time));
        let _ = recovery_hash(&code);
    }
}
