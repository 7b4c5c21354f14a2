use super::*;
use proptest::prelude::*;
use serde_json::json;

const ALLOW: &str = "data.signature.allow";

fn parse(text: &str) -> Result<Policy, RegoError> {
    let module = Module {
        name: "policy.rego",
        text,
    };
    Policy::parse(&[module], Budget::ONCE)
}

fn ask(text: &str, input: &Value) -> Result<Answer, RegoError> {
    parse(text)?.ask(ALLOW, input, now())
}

fn now() -> Timestamp {
    "2026-02-28T12:30:05Z".parse().unwrap()
}

#[track_caller]
fn value(text: &str) -> Value {
    let policy = format!("package signature\nallow = x {{ x := {text} }}");
    match ask(&policy, &json!({})).unwrap() {
        Answer::Value(value) => value,
        Answer::Undefined => Value::Null,
    }
}

#[test]
fn a_rule_allows_denies_or_says_nothing() {
    let policy = "package signature\n\
        import data.signature.verified\n\
        default allow = false\n\
        allow { input.predicateType == \"good\"; json.unmarshal(input.predicate.Data).n > 1 }";
    let input = |kind: &str| json!({"predicateType": kind, "predicate": {"Data": "{\"n\":2}"}});
    assert!(ask(policy, &input("good")).unwrap().is_true());
    assert_eq!(
        ask(policy, &input("bad")).unwrap(),
        Answer::Value(json!(false))
    );
    let silent = "package signature\nallow { input.x }";
    assert_eq!(ask(silent, &json!({})).unwrap(), Answer::Undefined);
    let elsewhere = "package other\nallow = true";
    assert_eq!(ask(elsewhere, &json!({})).unwrap(), Answer::Undefined);
    // Only `true` allows.
    for other in ["\"true\"", "1", "{true}", "[true]"] {
        let policy = format!("package signature\nallow = {other}");
        assert!(!ask(&policy, &json!({})).unwrap().is_true(), "{other}");
    }
}

#[test]
fn both_versions_of_the_language_and_several_modules() {
    let new = "package signature\nimport rego.v1\nallow if { some x in input.list; x > 2 }";
    assert!(ask(new, &json!({"list": [1, 3]})).unwrap().is_true());
    let modules = [
        Module {
            name: "a.rego",
            text: "package signature\nimport data.lib.text as t\nallow { t.is_good(input.x) }",
        },
        Module {
            name: "b.rego",
            text: "package lib.text\nis_good(x) { startswith(lower(x), \"good\") }",
        },
    ];
    let policy = Policy::parse(&modules, Budget::ONCE).unwrap();
    let ask = |x: &str| policy.ask(ALLOW, &json!({ "x": x }), now()).unwrap();
    assert!(ask("GOODS").is_true());
    assert_eq!(ask("bads"), Answer::Undefined);
}

#[test]
fn a_rule_has_one_default() {
    let module = |name| Module {
        name,
        text: "package signature\ndefault allow = false",
    };
    let error = Policy::parse(&[module("a"), module("b")], Budget::ONCE).unwrap_err();
    assert!(matches!(error, RegoError::Defaults(name) if name == ALLOW));
}

#[test]
fn what_is_no_rego_is_refused() {
    for bad in [
        "",
        "allow = true",
        "package signature\nallow {",
        "{\"a\": 1}",
    ] {
        let error = parse(bad).unwrap_err();
        assert!(matches!(error, RegoError::Syntax(_)), "{bad:?}: {error:?}");
    }
}

/// In the engine alone such a call is an error only when it is made, and one that
/// a second definition hides.
#[test]
fn what_is_not_there_is_refused_before_anything_is_evaluated() {
    for call in [
        "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})",
        "opa.runtime()",
        "net.lookup_ip_addr(\"localhost\")",
        "io.jwt.decode(input.x)",
        "startwith(input.x, \"y\")",
        "data.lib.f(input.x)",
    ] {
        for policy in [
            format!("package signature\nallow {{ {call} }}"),
            format!("package signature\nallow {{ not deny }}\ndeny {{ f(1) }}\nf(x) {{ {call} }}"),
            format!("package signature\nallow = true\nx = [y | y := [1, {call}][_]]"),
            format!("package signature\nallow = true {{ not {call} }} else = true"),
        ] {
            let error = parse(&policy).unwrap_err();
            let named = call.split('(').next().unwrap_or_default();
            assert!(
                matches!(&error, RegoError::UnknownFunction { module, function }
                    if module == "policy.rego" && function == named),
                "{policy}: {error:?}"
            );
        }
    }
}

#[test]
fn recursion_is_refused() {
    for policy in [
        "package signature\nallow { f(1) }\nf(x) { f(x + 1) }",
        "package signature\nallow { f(1) }\nf(x) { data.signature.g(x) }\ng(x) { f(x) }",
    ] {
        let error = parse(policy).unwrap_err();
        assert!(matches!(error, RegoError::Recursion(_)), "{error:?}");
    }
    // Through a rule it is found when that is evaluated.
    let policy = "package signature\nallow { f(1) }\nf(x) { not allow }";
    assert!(ask(policy, &json!({})).is_err());
    // One function of the name of another in another package is no recursion.
    let policy = "package signature\nallow { f([1]) }\nf(x) { count(x) == 1 }";
    assert!(ask(policy, &json!({})).unwrap().is_true());
}

#[test]
fn a_rule_with_two_values_is_an_error() {
    let policy = "package signature\nallow = true\nallow = false { input.x }";
    assert!(ask(policy, &json!({})).unwrap().is_true());
    assert!(ask(policy, &json!({"x": 1})).is_err());
}

#[test]
fn nothing_outlives_its_budget() {
    let small = Budget {
        time: Duration::from_millis(50),
        source_bytes: 400,
        input_bytes: 64,
    };
    let text = "package signature\n\
        allow { not slow }\n\
        slow { f(1) }\n\
        f(x) { n := numbers.range(1, 100000); n[i] + n[j] + n[k] == 0 }\n\
        f(x) { x == 2 }";
    let module = |text| Module { name: "slow", text };
    let policy = Policy::parse(&[module(text)], small).unwrap();
    let error = policy.ask(ALLOW, &json!({}), now()).unwrap_err();
    assert!(matches!(error, RegoError::Time(_)), "{error:?}");
    let error = policy
        .ask(ALLOW, &json!({"x": "y".repeat(64)}), now())
        .unwrap_err();
    assert!(
        matches!(error, RegoError::TooLong { what: "input", .. }),
        "{error:?}"
    );
    let long = format!("package signature\n# {}", "x".repeat(400));
    let error = Policy::parse(&[module(&long)], small).unwrap_err();
    assert!(
        matches!(error, RegoError::TooLong { what: "policy", .. }),
        "{error:?}"
    );
}

#[test]
fn functions_that_make_much_of_little_are_bounded() {
    assert_eq!(value("numbers.range(3, 1)"), json!([3, 2, 1]));
    assert_eq!(value("numbers.range_step(1, 6, 2)"), json!([1, 3, 5]));
    assert_eq!(value("bits.lsh(3, 4)"), json!(48));
    for huge in [
        "numbers.range(1, 1000000000000)",
        "numbers.range(-9223372036854775808, 9223372036854775807)",
        "numbers.range_step(1, 10, 0)",
        "bits.lsh(1, 1000000000000)",
    ] {
        assert_eq!(value(huge), Value::Null, "{huge}");
    }
}

#[test]
fn time_is_the_callers() {
    let day = "time.parse_rfc3339_ns(\"2026-02-28T12:30:05Z\")";
    assert_eq!(value(&format!("time.now_ns() - {day}")), json!(0));
    assert_eq!(value(&format!("time.date({day})")), json!([2026, 2, 28]));
    assert_eq!(value(&format!("time.clock({day})")), json!([12, 30, 5]));
    assert_eq!(value(&format!("time.weekday({day})")), json!("Saturday"));
    for (years, months, days, date) in [
        (0, 0, 1, json!([2026, 3, 1])),
        (2, 0, 1, json!([2028, 2, 29])),
        (0, -2, 0, json!([2025, 12, 28])),
        (0, 11, 3, json!([2027, 1, 31])),
        // As Go: the thirty-first of February is the third of March.
        (0, 12, 3, json!([2027, 3, 3])),
    ] {
        let moved = format!("time.date(time.add_date({day}, {years}, {months}, {days}))");
        assert_eq!(value(&moved), date);
    }
    for (text, nanoseconds) in [
        ("1h30m", json!(5_400_000_000_000_i64)),
        ("-1.5s", json!(-1_500_000_000)),
        ("100ms", json!(100_000_000)),
        ("0", json!(0)),
        ("", Value::Null),
        ("1", Value::Null),
        ("h", Value::Null),
        ("1y", Value::Null),
        ("99999999999h", Value::Null),
    ] {
        let asked = format!("time.parse_duration_ns({text:?})");
        assert_eq!(value(&asked), nanoseconds, "{text}");
    }
    assert_eq!(value("time.parse_rfc3339_ns(\"yesterday\")"), Value::Null);
    assert_eq!(value("time.date([0, \"Europe/Berlin\"])"), Value::Null);
}

#[test]
fn what_real_policies_use_is_there() {
    for (expression, expected) in [
        (
            "regex.match(\"^ghcr.io/[a-z]+$\", \"ghcr.io/me\")",
            json!(true),
        ),
        ("base64.decode(\"aGk=\")", json!("hi")),
        ("hex.encode(\"hi\")", json!("6869")),
        ("semver.compare(\"1.10.0\", \"1.9.0\")", json!(1)),
        (
            "glob.match(\"ghcr.io/*\", [\"/\"], \"ghcr.io/me\")",
            json!(true),
        ),
        ("concat(\"-\", sort([\"b\", \"a\"]))", json!("a-b")),
        ("sprintf(\"%s %d\", [\"x\", 7])", json!("x 7")),
        ("count([1 | input == {}])", json!(1)),
        ("object.get({\"a\": 1}, \"b\", 2)", json!(2)),
        ("[v | walk({\"a\": [5]}, [p, v]); is_number(v)]", json!([5])),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

/// Neither depth nor length of generated text brings the process down; the
/// engine's parser alone doubles its work with each bracket.
#[test]
fn deep_and_long_text_is_refused_not_fatal() {
    let budget = Budget {
        time: Duration::from_secs(1),
        ..Budget::ONCE
    };
    let answer = |text: &str| {
        let text = format!("package signature\n{text}");
        let module = Module {
            name: "deep",
            text: &text,
        };
        Policy::parse(&[module], budget)?.ask(ALLOW, &json!({}), now())
    };
    for (open, close) in [("[", "]"), ("{1 | ", "}"), ("(", ")"), ("[f(", ")]")] {
        let nested = format!("allow = {}1{}", open.repeat(5000), close.repeat(5000));
        let error = answer(&nested).unwrap_err();
        assert!(matches!(error, RegoError::TooDeep(_)), "{open}: {error:?}");
    }
    let text = format!(
        "# {}\nallow = \"{}\" == `{}`",
        "[".repeat(50),
        "\\\"[".repeat(50),
        "(".repeat(50)
    );
    assert_eq!(answer(&text).unwrap(), Answer::Value(json!(false)));
    for text in [
        format!("allow {{ {} true }}", "not ".repeat(5000)),
        format!("allow {{ x := {}1 }}", "1+".repeat(5000)),
        format!("allow {{ {}x }}", "a.".repeat(5000)),
    ] {
        let _ = answer(&text);
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[ -~\n]{0,200}") {
        let _ = ask(&format!("package signature\n{text}"), &json!({}));
    }
}
