use super::*;
use crate::testing;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn reads_and_writes_the_canonical_form() {
    let purl = Purl::parse("pkg:npm/@Babel/core@7.0.0?b=2&A=1#/x/./y/").unwrap();
    assert_eq!(purl.to_string(), "pkg:npm/%40babel/core@7.0.0?a=1&b=2#x/y");
    assert_eq!(purl.full_name(), "@babel/core");
    assert!(Purl::parse("pkg:npm/%40babel/core").unwrap().covers(&purl));
    assert!(
        !Purl::parse("pkg:npm/%40babel/core@7.0.1")
            .unwrap()
            .covers(&purl)
    );
}

#[test]
fn refuses_what_is_not_a_purl() {
    for text in [
        "",
        "cargo/serde",
        "pkg:cargo",
        "pkg:cargo/",
        "pkg:1x/a",
        "pkg:npm/a?b c=1",
    ] {
        assert!(Purl::parse(text).is_err(), "{text:?} was accepted");
    }
    let long = format!("pkg:cargo/{}", "a".repeat(MAX_PURL_BYTES));
    assert_eq!(Purl::parse(&long), Err(PurlError::TooLong));
    assert!(matches!(
        Purl::parse("pkg:cargo/a%2"),
        Err(PurlError::Encoding { .. })
    ));
}

proptest! {
    #[test]
    fn never_panics_and_is_stable(text in "(pkg:)?[a-zA-Z0-9@/?#&=%:._ -]{0,60}") {
        if let Ok(purl) = Purl::parse(&text) {
            prop_assert_eq!(Purl::parse(&purl.to_string()), Ok(purl));
        }
    }
}

/// Known disagreements, held so that they cannot grow. Two cases demand that a
/// qualifier key in capitals fails to parse, while their own twins demand that
/// it is normalized; two split a `git` name after the host.
const KNOWN_DISAGREEMENTS: usize = 4;

#[test]
fn agrees_with_the_suite_of_the_specification() {
    let Some(folder) = testing::suite("purl/tests") else {
        return;
    };
    let (mut total, mut wrong) = (0, Vec::new());
    for file in testing::files_below(&folder, "json") {
        let suite: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for case in suite["tests"].as_array().unwrap() {
            total += 1;
            if let Err(why) = run_case(case) {
                wrong.push(format!(
                    "{}: {} ({why})",
                    file.display(),
                    case["description"]
                ));
            }
        }
    }
    println!("purl suite: {} of {total} agree", total - wrong.len());
    assert!(wrong.len() <= KNOWN_DISAGREEMENTS, "{}", wrong.join("\n"));
    assert!(total > 500, "the suite is smaller than expected: {total}");
}

fn run_case(case: &Value) -> Result<(), String> {
    let fails = case["expected_failure"] == Value::Bool(true);
    let expected = &case["expected_output"];
    let got = match case["test_type"].as_str() {
        Some("build") => build(&case["input"]).map(|p| Value::String(p.to_string())),
        Some("parse") => Purl::parse(case["input"].as_str().unwrap()).map(|p| as_json(&p)),
        _ => Purl::parse(case["input"].as_str().unwrap()).map(|p| Value::String(p.to_string())),
    };
    match got {
        Err(_) if fails => Ok(()),
        Err(error) => Err(format!("refused {}: {error}", case["input"])),
        Ok(got) if fails => Err(format!("accepted {} as {got}", case["input"])),
        Ok(got) if got == *expected => Ok(()),
        Ok(got) => Err(format!("got {got}, expected {expected}")),
    }
}

fn build(input: &Value) -> Result<Purl, PurlError> {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let mut parts = Purl::builder(text("type"), text("name"))
        .namespace(text("namespace"))
        .version(text("version"))
        .subpath(text("subpath"));
    for (key, value) in input["qualifiers"].as_object().into_iter().flatten() {
        parts = parts.qualifier(key, value.as_str().unwrap_or_default());
    }
    parts.build()
}

fn as_json(purl: &Purl) -> Value {
    let qualifiers: serde_json::Map<String, Value> = purl
        .qualifiers()
        .map(|(k, v)| (k.to_owned(), Value::String(v.to_owned())))
        .collect();
    serde_json::json!({
        "type": purl.kind(),
        "namespace": purl.namespace(),
        "name": purl.name(),
        "version": purl.version(),
        "qualifiers": if qualifiers.is_empty() { Value::Null } else { qualifiers.into() },
        "subpath": purl.subpath(),
    })
}
