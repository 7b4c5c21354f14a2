use super::*;
use crate::ir::Requirement;
use bulla_core::{Digest, RootId};

fn instance() -> InstanceNames {
    InstanceNames {
        root: RootId(Digest::sha256(b"root")),
        asserted_issuer: "http://127.0.0.1:5620/oidc/asserted".into(),
        service_issuer: "http://127.0.0.1:5620/oidc/service".into(),
        registry: "127.0.0.1:5610".into(),
    }
}

fn with_rules(rules: &str) -> String {
    format!(
        "apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata: {{name: t}}\nspec:\n  images: [{{glob: \"**\"}}]\n  rules:\n{rules}"
    )
}

fn error(text: &str) -> PolicyError {
    Policy::parse(text.as_bytes(), Some(&instance())).unwrap_err()
}

#[test]
fn the_embedded_default_holds_the_eight_rules() {
    let policy = Policy::embedded_default(&instance()).unwrap();
    let names: Vec<_> = policy.rules().iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "registry-allowed",
            "image-signed",
            "provenance-from-builder",
            "source-named",
            "isolated-build",
            "sbom-present",
            "scan-coverage",
            "no-critical-finding"
        ]
    );
    assert_eq!(policy.roots(), [instance().root]);
    let Requirement::Registry(registry) = &policy.rules()[0].requirement else {
        panic!("first rule is about the registry")
    };
    assert_eq!(registry.allow, ["127.0.0.1:5610"]);
}

#[test]
fn the_canonical_form_parses_back_to_the_same_policy() {
    let policy = Policy::embedded_default(&instance()).unwrap();
    let again = Policy::parse(&policy.canonical(), None).unwrap();
    assert_eq!(again, policy);
    assert_eq!(again.digest(), policy.digest());
}

#[test]
fn the_digest_follows_the_names_that_were_filled_in() {
    let other = InstanceNames {
        root: RootId(Digest::sha256(b"another root")),
        ..instance()
    };
    assert_ne!(
        Policy::embedded_default(&instance()).unwrap().digest(),
        Policy::embedded_default(&other).unwrap().digest()
    );
}

#[test]
fn json_and_yaml_are_the_same_policy() {
    let yaml = with_rules("    - name: r\n      registry: {allow: [a.example]}\n");
    let json = format!(
        r#"{{"apiVersion":"{API_VERSION}","kind":"{KIND}","metadata":{{"name":"t"}},"spec":{{"images":[{{"glob":"**"}}],"rules":[{{"name":"r","registry":{{"allow":["a.example"]}}}}]}}}}"#
    );
    assert_eq!(
        Policy::parse(yaml.as_bytes(), None).unwrap(),
        Policy::parse(json.as_bytes(), None).unwrap()
    );
}

#[test]
fn unknown_fields_are_refused_with_their_line() {
    let text =
        with_rules("    - name: r\n      registry: {allow: [a.example]}\n      exemptions: [b]\n");
    let error = error(&text);
    assert_eq!(error.code(), Code("POLICY-0001"));
    let shown = error.to_string();
    assert!(
        shown.contains("line 9") && shown.contains("exemptions"),
        "{shown}"
    );
}

#[test]
fn contradictions_name_their_line() {
    for (rules, line, part) in [
        (
            "    - name: r\n      signature: {authorities: [nobody]}\n",
            "line 8",
            "nobody",
        ),
        (
            "    - name: r\n      signature: {authorities: [instance/root]}\n",
            "line 8",
            "asserted, builder and scanner",
        ),
        ("    - name: lonely\n", "line 7", "exactly one requirement"),
        (
            "    - name: two\n      sbom: {authorities: [instance/scanner]}\n      registry: {allow: [x]}\n",
            "line 7",
            "exactly one requirement",
        ),
        (
            "    - name: zero\n      signature: {authorities: [instance/asserted], atLeast: 0}\n",
            "line 7",
            "at least 1",
        ),
        (
            "    - name: many\n      signature: {authorities: [instance/builder], atLeast: 2}\n",
            "line 7",
            "only 1 identities",
        ),
        (
            "    - name: weak\n      isolation: {authorities: [instance/builder], minimum: none}\n",
            "line 7",
            "asks for nothing",
        ),
        (
            "    - name: dull\n      findings: {authorities: [instance/scanner], failOn: unknown}\n",
            "line 7",
            "failOn",
        ),
    ] {
        let shown = error(&with_rules(rules)).to_string();
        assert!(shown.contains(line) && shown.contains(part), "{shown}");
    }
}

#[test]
fn empty_lists_and_doubled_names_are_refused() {
    for rules in [
        "    []\n",
        "    - name: r\n      registry: {allow: []}\n",
        "    - name: r\n      sbom: {authorities: []}\n",
        "    - name: r\n      sbom: {authorities: [instance/scanner], formats: []}\n",
        "    - name: r\n      findings: {authorities: [], failOn: high, vex: [instance/asserted]}\n",
        "    - name: r\n      registry: {allow: [a]}\n    - name: r\n      registry: {allow: [b]}\n",
        "    - name: \"two words\"\n      registry: {allow: [a]}\n",
    ] {
        assert!(
            Policy::parse(with_rules(rules).as_bytes(), Some(&instance())).is_err(),
            "{rules}"
        );
    }
}

#[test]
fn another_version_kind_or_a_second_document_is_refused() {
    let good = with_rules("    - name: r\n      registry: {allow: [a]}\n");
    assert!(Policy::parse(good.as_bytes(), None).is_ok());
    for (from, to) in [("v1alpha1", "v1beta1"), (KIND, "ClusterImagePolicy")] {
        assert_eq!(error(&good.replace(from, to)).code(), Code("POLICY-0003"));
    }
    assert_eq!(
        error(&format!("{good}---\n{good}")).code(),
        Code("POLICY-0001")
    );
}

#[test]
fn instance_names_need_an_instance() {
    let text = with_rules("    - name: r\n      registry: {allow: [instance]}\n");
    let error = Policy::parse(text.as_bytes(), None).unwrap_err();
    assert_eq!(error.code(), Code("POLICY-0005"));
    assert!(error.to_string().contains("line 8"), "{error}");
    let one_issuer = InstanceNames {
        service_issuer: instance().asserted_issuer,
        ..instance()
    };
    assert!(
        Policy::embedded_default(&one_issuer).is_err(),
        "whoever may assert a name must not be able to assert a service"
    );
}

#[test]
fn an_instance_name_cannot_be_redefined() {
    let text = format!(
        "apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata: {{name: t}}\nspec:\n  images: [{{glob: \"**\"}}]\n  authorities:\n    - name: instance/builder\n      keyless: {{root: instance, identities: [{{issuer: i, subject: s}}]}}\n  rules:\n    - name: r\n      sbom: {{authorities: [instance/builder]}}\n"
    );
    assert!(error(&text).to_string().contains("belongs to the instance"));
}

#[test]
fn bombs_and_deep_documents_end_early() {
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n{}spec: *j\n",
        ('b'..='j')
            .map(|c| {
                let before = char::from_u32(c as u32 - 1).unwrap();
                format!("{c}: &{c} [{}]\n", vec![format!("*{before}"); 10].join(","))
            })
            .collect::<String>()
    );
    assert!(parse_document(bomb.as_bytes()).is_err());
    // the YAML reader is quadratic in this; it must not get to see it
    assert!(parse_document("[".repeat(1_000_000).as_bytes()).is_err());
    assert!(parse_document("{\"a\":".repeat(100_000).as_bytes()).is_err());
    assert!(parse_document(&vec![b' '; DOCUMENT_BYTES as usize + 1]).is_err());
    assert!(parse_document(b"\xff\xfe").is_err());
    assert!(parse_document(b"").is_err());
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Policy::parse(&bytes, Some(&instance()));
    }

    #[test]
    fn never_panics_on_near_misses(at in 0usize..1200, with in "[ -~\\n]{0,4}") {
        let mut text = EMBEDDED_DEFAULT.to_owned();
        let at = at.min(text.len());
        text.insert_str(at, &with);
        let _ = Policy::parse(text.as_bytes(), Some(&instance()));
    }
}
