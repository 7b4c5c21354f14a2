use super::*;
use proptest::prelude::*;

#[test]
fn the_first_error_is_told_in_one_printable_line() {
    let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[31m\nred","detail":"because"},{"code":"X"}]}"#;
    let answer = parse_errors(body);
    assert_eq!(answer.to_string(), ": DENIED: no [31m red (because)");
    let structured = br#"{"errors":[{"code":"UNKNOWN","message":"m","detail":{"Tag":"v1"}}]}"#;
    assert_eq!(parse_errors(structured).to_string(), ": UNKNOWN: m");
    for other in [
        &b""[..],
        b"<html>",
        b"{}",
        br#"{"errors":[]}"#,
        br#"{"errors":"x"}"#,
    ] {
        assert_eq!(parse_errors(other), RegistryAnswer::default());
    }
    let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(5000));
    assert!(parse_errors(long.as_bytes()).to_string().len() < 700);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = parse_errors(&bytes).to_string();
        prop_assert!(!text.chars().any(char::is_control));
    }
}
