use super::*;

fn statement(kind: &str, subject: &str) -> String {
    format!(r#"{{"_type":"{kind}","subject":[{subject}],"predicateType":"https://t"}}"#)
}

fn named(hex: &str) -> String {
    format!(r#"{{"name":"a","digest":{{"sha256":"{hex}"}}}}"#)
}

#[test]
fn both_versions_are_read_and_no_other() {
    for kind in [STATEMENT_V1, STATEMENT_V01] {
        let read = Statement::parse(statement(kind, "").as_bytes()).unwrap();
        assert_eq!((read.kind.as_str(), read.predicate), (kind, Value::Null));
    }
    for kind in [
        "",
        "https://in-toto.io/Statement/v2",
        "https://in-toto.io/statement/v1",
    ] {
        assert!(
            Statement::parse(statement(kind, "").as_bytes()).is_err(),
            "{kind}"
        );
    }
}

#[test]
fn only_lower_case_hex_equals_a_digest() {
    let digest = Digest::sha256(b"artifact");
    let is_about = |hex: &str| {
        let text = statement(STATEMENT_V1, &named(hex));
        Statement::parse(text.as_bytes()).unwrap().is_about(&digest)
    };
    assert!(is_about(digest.hex()));
    assert!(!is_about(&digest.hex().to_uppercase()));
    assert!(!is_about(&format!("{} ", digest.hex())));
    assert!(!is_about(""));
    assert!(!is_about(Digest::sha256(b"other").hex()));
}

#[test]
fn what_two_parsers_would_read_differently_is_refused() {
    let text = statement(STATEMENT_V1, "");
    for twice in [
        text.replacen("{", r#"{"subject":[],"#, 1),
        text.replacen("{", r#"{"_type":"x","#, 1),
        text.replacen("{", r#"{"predicateType":"x","#, 1),
    ] {
        assert!(Statement::parse(twice.as_bytes()).is_err(), "{twice}");
    }
    let unknown = text.replacen("{", r#"{"more":1,"#, 1);
    assert!(
        Statement::parse(unknown.as_bytes()).is_ok(),
        "in-toto says to ignore it"
    );
}

#[test]
fn subjects_are_bounded() {
    let subjects = |count: usize| vec![named("ab"); count].join(",");
    let parse = |count| {
        let text = statement(STATEMENT_V1, &subjects(count));
        Statement::parse(text.as_bytes())
    };
    assert!(parse(limits::SUBJECTS).is_ok());
    assert!(matches!(
        parse(limits::SUBJECTS + 1),
        Err(LimitError::Count { .. })
    ));
}
