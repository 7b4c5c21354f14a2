use super::mentions;

const ENUM: &str = r#"
/// Errors of here.
#[derive(Debug, thiserror::Error)]
pub enum HereError {
    /// The file is torn.
    /// It happens after a crash.
    #[error("{path} is torn at {at}")]
    Torn { path: String, at: u64 },
    /// Lost.
    #[error("lost")]
    Lost(#[source] std::io::Error),
}
impl bulla_core::Diagnose for HereError {
    fn code(&self) -> Code {
        match self {
            Self::Torn { .. } => Code("HERE-0001"),
            Self::Lost(_) => Code("HERE-0002"),
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Torn { path, .. } => Some(format!("restore {path}: `bulla up`")),
            Self::Lost(_) => None,
        }
    }
}
#[cfg(test)]
mod tests { const X: Code = Code("HERE-0009"); }
"#;

#[test]
fn variants_bring_their_documentation() {
    let found = mentions(ENUM);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].code, "HERE-0001");
    assert_eq!(found[0].message.as_deref(), Some("{path} is torn at {at}"));
    assert_eq!(
        found[0].meaning.as_deref(),
        Some("The file is torn. It happens after a crash.")
    );
    assert_eq!(found[0].hint.as_deref(), Some("restore {path}: `bulla up`"));
    assert_eq!(found[1].variant.as_deref(), Some("Lost"));
    assert_eq!(found[1].hint, None);
}

#[test]
fn reasons_bring_the_text_beside_them() {
    let found = mentions(
        r#"fn f() { Reason::new("POL-0003", format!("signed by {who}")).hint("bulla ship .");
           let b = Reason::new("POL-0004", "no inventory"); if x == "POL-0005" {} }"#,
    );
    let codes: Vec<&str> = found.iter().map(|m| m.code.as_str()).collect();
    assert_eq!(codes, ["POL-0003", "POL-0004"]);
    assert_eq!(found[0].message.as_deref(), Some("signed by {who}"));
    assert_eq!(found[0].hint.as_deref(), Some("bulla ship ."));
    assert_eq!(found[1].hint, None);
}

#[test]
fn constants_are_explained_by_their_documentation() {
    let found = mentions("/// Nothing was found.\npub const NONE: Code = Code(\"HERE-0003\");");
    assert_eq!(found[0].meaning.as_deref(), Some("Nothing was found."));
}

#[test]
fn standards_are_not_codes() {
    assert!(mentions(r#"f("RFC-3161x", "a"); g("SHA-256", "b")"#).is_empty());
}

#[test]
fn a_test_module_in_a_file_of_its_own_hides_nothing() {
    let code = |source: &str| {
        let found = mentions(source).into_iter();
        found.map(|mention| mention.code).collect::<Vec<_>>()
    };
    let said = "const CODE: Code = Code(\"AREA-0001\");";
    assert_eq!(
        code(&format!("#[cfg(test)]\nmod tests;\nmod watch;\n{said}")),
        ["AREA-0001"]
    );
    assert_eq!(
        code(&format!("#[cfg(test)]\nmod tests {{ {said} }}")),
        Vec::<String>::new()
    );
}
