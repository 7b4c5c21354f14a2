use proptest::prelude::*;
use std::collections::BTreeMap;

use super::*;

impl Claims for BTreeMap<&str, &str> {
    fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| Cow::Borrowed(*value))
    }
}

fn claims() -> BTreeMap<&'static str, &'static str> {
    [
        ("url", "https://git.example"),
        ("ref", "main"),
        ("ref_type", "branch"),
        ("empty", ""),
        ("ci.example/rerun", "true"),
    ]
    .into()
}

fn render(template: &str) -> Result<String, TemplateError> {
    Template::parse(template)?.render(&claims())
}

#[test]
fn what_issuer_files_use() {
    for (template, expected) in [
        ("ref", "main"),
        ("{{ .url }}/{{ .ref }}", "https://git.example/main"),
        ("{{.url}}#{{.ref}}", "https://git.example#main"),
        (
            r#"refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}"#,
            "refs/heads/main",
        ),
        (
            r#"refs/{{if eq .ref_type "tag"}}tags/{{ else }}heads/{{end}}{{ .ref }}"#,
            "refs/heads/main",
        ),
        (
            r#"{{if eq (index . "ci.example/rerun") "true"}}again{{ else }}""{{end}}"#,
            "again",
        ),
        (r#"{{(index . "ci.example/rerun")}}/x"#, "true/x"),
        (r#"[{{index . "missing"}}]"#, "[]"),
        (
            "{{ if .empty }}a{{ else if .ref }}b{{ else }}c{{ end }}",
            "b",
        ),
        (
            r#"{{ printf "%s/%v 100%%" .url .ref }}"#,
            "https://git.example/main 100%",
        ),
        (r#"{{ .ref | printf "%s-%s" "x" }}"#, "x-main"),
        (
            r#"{{ or .empty .ref }} {{ and .ref .url }}"#,
            "main https://git.example",
        ),
        (r#"{{ not .empty }} {{ ne .ref "x" }}"#, "true true"),
        (r#"{{ eq .ref "a" "main" }}"#, "true"),
        ("a  {{- /* why */ -}}  b", "ab"),
        ("a  {{- .ref -}}  b", "amainb"),
        ("{{ `}}` }}", "}}"),
        (r#"{{ "a\"}}" }}"#, "a\"}}"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn a_claim_that_is_missing_is_an_error() {
    for template in [
        "nothing",
        "{{ .nothing }}",
        r#"{{ if eq .nothing "" }}{{ end }}"#,
    ] {
        assert_eq!(
            render(template),
            Err(TemplateError::Missing("nothing".into())),
            "{template}"
        );
    }
    // Go does not look at what cannot decide any more.
    assert_eq!(render("{{ or .ref .nothing }}").as_deref(), Ok("main"));
}

#[test]
fn a_name_has_no_holes() {
    for template in [
        r#"https://ci.example/{{ index . "missing" }}/x"#,
        "https://ci.example/{{ .empty }}",
        "empty",
    ] {
        let parsed = Template::parse(template).unwrap();
        assert!(parsed.render_name(&claims()).is_err(), "{template}");
    }
    let parsed = Template::parse("{{ .url }}/{{ .ref }}").unwrap();
    assert_eq!(
        parsed.render_name(&claims()).unwrap(),
        "https://git.example/main"
    );
}

#[test]
fn what_could_run_code_or_forever_is_refused() {
    for template in [
        "{{ range . }}{{ end }}",
        "{{ with .x }}{{ end }}",
        "{{ define \"x\" }}{{ end }}",
        "{{ template \"x\" }}",
        "{{ $x := .ref }}",
        "{{ call .ref }}",
        "{{ html .ref }}",
        "{{ len .ref }}",
        "{{ .ref.Len }}",
        "{{ . }}",
        "{{ 1 }}",
        "{{ index .ref 1 }}",
        "{{ printf \"%d\" .ref }}",
        "{{ printf \"%s\" }}",
        "{{ printf .ref }}",
        "{{ if .ref }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if .ref }}{{ else }}{{ else }}{{ end }}",
        "{{ (.ref }}",
        "{{ .ref ) }}",
        "{{ .ref .url }}",
        "{{ .ref",
        "{{ \"x }}",
        "{{ }}",
        "{{ eq .ref }}",
        "{{ | .ref }}",
    ] {
        let refused = Template::parse(template);
        assert!(
            matches!(refused, Err(TemplateError::Syntax { .. })),
            "{template}: {refused:?}"
        );
    }
    let limited =
        |template: String| matches!(Template::parse(&template), Err(TemplateError::Limit(_)));
    assert!(limited("x".repeat(4097)));
    assert!(limited("{{.a}}".repeat(257)));
    assert!(limited(format!(
        "{}{}",
        "{{if .a}}".repeat(17),
        "{{end}}".repeat(17)
    )));
    assert!(limited(format!(
        "{{{{{}.a{}}}}}",
        "(".repeat(18),
        ")".repeat(18)
    )));
    let long = Template::parse(&"{{.a}}".repeat(100)).unwrap();
    let claim = "x".repeat(1000);
    let claims: BTreeMap<&str, &str> = [("a", claim.as_str())].into();
    assert_eq!(long.render(&claims), Err(TemplateError::Output));
}

proptest! {
    #[test]
    fn parsing_and_rendering_never_panic(text in r#"[{}a-z.()|"`% -]{0,60}"#) {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&claims());
            let _ = template.render_name(&claims());
        }
    }

    #[test]
    fn text_stands_as_it_is(text in "[^{]{0,40}") {
        let template = Template::parse(&format!("{text}{{{{.ref}}}}")).unwrap();
        prop_assert_eq!(template.render(&claims()).unwrap(), format!("{text}main"));
    }
}
