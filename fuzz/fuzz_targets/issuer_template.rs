//! Templates of the issuer file, filled in from claims: never longer than what a
//! certificate carries, and a name never from a claim that is not there.
#![no_main]

use std::borrow::Cow;

use bulla_authority::ca::issuer::template::{Claims, Template};
use libfuzzer_sys::fuzz_target;

/// A few claims, one of them empty; every other is absent.
struct Few;

impl Claims for Few {
    fn claim(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "a" | "job_workflow_ref" => {
                Some("owner/repository/.github/w.yml@refs/heads/main".into())
            }
            "b" => Some("true".into()),
            "c" => Some("".into()),
            "d" => Some("x".repeat(2000).into()),
            _ => None,
        }
    }
}

/// Nothing at all.
struct Nothing;

impl Claims for Nothing {
    fn claim(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fuzz_target!(init: {
    let templates = [
        "https://github.com/{{ .a }}", "{{ if eq .b \"true\" }}{{ .a }}{{ else }}-{{ end }}",
        "{{ index . \"a\" | printf \"%s/%v\" .d }}", "a", "{{/* x */}}{{- not (and .b .c) -}}",
    ];
    let seeds: Vec<_> = templates.iter().zip(["1", "2", "3", "4", "5"])
        .map(|(template, name)| (name, template.as_bytes().to_vec()))
        .collect();
    bulla_fuzz::sow("issuer_template", &seeds);
}, |bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(template) = Template::parse(text) else {
        return;
    };
    let (shown, named) = (template.render(&Few), template.render_name(&Few));
    if let Ok(shown) = &shown {
        assert!(shown.len() <= 2048);
    }
    // A name is what is shown, or it is none.
    if let Ok(named) = named {
        assert_eq!(shown.ok(), Some(named));
    }
    let _ = template.render(&Nothing);
});
