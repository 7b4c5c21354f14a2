use super::*;
use proptest::prelude::*;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

fn parse(text: &str) -> Result<AllowedSigners, AllowedSignersError> {
    AllowedSigners::parse_in(text.as_bytes(), &TimeZone::UTC)
}

fn standing(prefix: &str, email: &str, at: &str) -> Standing {
    let signers = parse(&format!("{prefix} {KEY} a comment\n")).unwrap();
    let key = PublicKey::from_openssh(KEY).unwrap();
    signers.standing(key.key_data(), "git", at.parse().unwrap(), email)
}

#[test]
fn comments_blank_lines_and_quotes() {
    let text = format!("# who\n\n  \"a b@x\" {KEY}\r\nc@x NAMESPACES=\"git,file\" {KEY}\n");
    assert_eq!(parse(&text).unwrap().len(), 2);
    assert!(parse("").unwrap().is_empty());
}

#[test]
fn every_mistake_names_its_line() {
    for (line, code, text) in [
        (
            format!("a@x cert-authority {KEY}"),
            "SOURCE-0030",
            "cert-authority",
        ),
        (
            format!("a@x cert-authority,namespaces=\"git\" {KEY}"),
            "SOURCE-0030",
            "line 2",
        ),
        (
            format!("a@x valid-untill=\"20300101\" {KEY}"),
            "SOURCE-0032",
            "valid-untill",
        ),
        (format!("a@x namespaces {KEY}"), "SOURCE-0032", "namespaces"),
        (
            format!("a@x valid-after=\"tomorrow\" {KEY}"),
            "SOURCE-0031",
            "valid-after",
        ),
        (
            format!("a@x valid-after=\"20261301\" {KEY}"),
            "SOURCE-0031",
            "valid-after",
        ),
        (
            format!("a@x valid-after=\"2026\" {KEY}"),
            "SOURCE-0031",
            "valid-after",
        ),
        (
            format!("a@x namespaces=\"a\",namespaces=\"git\" {KEY}"),
            "SOURCE-0031",
            "twice",
        ),
        (
            format!("a@x valid-after=\"20260102\",valid-before=\"20260101\" {KEY}"),
            "SOURCE-0031",
            "never valid",
        ),
        (
            format!("a@x namespaces=\"git {KEY}"),
            "SOURCE-0031",
            "quote",
        ),
        ("a@x ssh-ed25519 AAAA".to_owned(), "SOURCE-0031", "key"),
        ("a@x".to_owned(), "SOURCE-0031", "key"),
        (KEY.to_owned(), "SOURCE-0031", "key"),
    ] {
        let error = parse(&format!("\n{line}\n")).expect_err(&line);
        assert_eq!(error.code().0, code, "{line}: {error}");
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn times_are_inclusive_and_zoned() {
    let allowed = Standing::Allowed("a@x".to_owned());
    let limits = "a@x valid-after=\"20260301\",valid-before=\"202603021200\"";
    for (at, inside) in [
        ("2026-02-28T23:59:59Z", false),
        ("2026-03-01T00:00:00Z", true),
        ("2026-03-02T12:00:00Z", true),
        ("2026-03-02T12:00:01Z", false),
    ] {
        assert_eq!(standing(limits, "a@x", at) == allowed, inside, "{at}");
    }
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let local = time("20260301000000", &zone).unwrap();
    assert_eq!(local.to_string(), "2026-02-28T22:00:00Z");
    assert_eq!(
        time("20260301Z", &zone).unwrap().to_string(),
        "2026-03-01T00:00:00Z"
    );
    for bad in [
        "",
        "Z",
        "2026030",
        "202603011",
        "20260301 ",
        "+2026301",
        "20260230",
    ] {
        assert_eq!(time(bad, &zone), None, "{bad:?}");
    }
}

#[test]
fn a_later_line_may_allow_what_an_earlier_one_does_not() {
    let text = format!("a@x namespaces=\"file\" {KEY}\na@x {KEY}\n");
    let key = PublicKey::from_openssh(KEY).unwrap();
    let at = "2026-03-01T00:00:00Z".parse().unwrap();
    let found = parse(&text)
        .unwrap()
        .standing(key.key_data(), "git", at, "a@x");
    assert_eq!(found, Standing::Allowed("a@x".to_owned()));
}

#[test]
fn a_pattern_alone_names_nobody_else() {
    let at = "2026-03-01T00:00:00Z";
    assert_eq!(standing("*@x", "m@y", at), Standing::Unknown);
    assert_eq!(standing("*", "", at), Standing::Unknown);
    assert_eq!(standing("*@x", "m@x", at), Standing::Allowed("m@x".into()));
    assert_eq!(
        standing("a@x,*@x", "m@y", at),
        Standing::Allowed("a@x".into())
    );
}

/// The same, slowly and plainly.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        (Some((b'?', p)), Some((_, t))) => glob(p, t),
        (Some((a, p)), Some((b, t))) => a == b && glob(p, t),
        _ => false,
    }
}

proptest! {
    #[test]
    fn patterns_match_as_the_plain_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
        prop_assert_eq!(
            matches(pattern.as_bytes(), text.as_bytes()),
            glob(pattern.as_bytes(), text.as_bytes())
        );
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[ -~]{0,80}") {
        let _ = AllowedSigners::parse_in(&bytes, &TimeZone::UTC);
        let _ = parse(&format!("{text} {KEY}"));
        let _ = crate::signature::ssh::parse(&bytes);
        let _ = crate::signature::openpgp::parse(&bytes);
        let _ = crate::Keyring::parse(&bytes);
    }
}
