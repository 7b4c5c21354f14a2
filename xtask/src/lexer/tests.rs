use super::{Kind, tokens};

fn kinds(source: &str) -> Vec<Kind> {
    tokens(source).into_iter().map(|t| t.kind).collect()
}

#[test]
fn words_in_strings_and_comments_are_not_words() {
    let source = r##"/// unsafe doc
        // unsafe comment
        /* unsafe /* nested */ */
        let a = "unsafe"; let b = r#"unsafe "quoted""#; let c = b"unsafe";"##;
    assert!(!tokens(source).iter().any(|t| t.is("unsafe")));
    assert!(kinds(source).contains(&Kind::Text("unsafe \"quoted\"".into())));
    assert_eq!(kinds(source).first(), Some(&Kind::Doc("unsafe doc".into())));
}

#[test]
fn characters_and_lifetimes_do_not_open_strings() {
    let source = "fn f<'a>(x: &'a str) { let q = '\"'; let n = '\\''; let b = b'\"'; unsafe {} }";
    assert_eq!(tokens(source).iter().filter(|t| t.is("unsafe")).count(), 1);
}

#[test]
fn lines_are_counted_through_literals() {
    let source = "let a = \"one\ntwo\";\nunsafe";
    let word = tokens(source).into_iter().find(|t| t.is("unsafe"));
    assert_eq!(word.map(|t| t.line), Some(3));
}

#[test]
fn a_continued_string_joins() {
    assert_eq!(
        kinds("\"one \\\n      two\""),
        vec![Kind::Text("one two".into())]
    );
}

#[test]
fn a_raw_name_is_one_word() {
    let words = kinds("struct S { r#type: u8 }");
    assert!(words.contains(&Kind::Word("type".into())), "{words:?}");
    assert!(!words.contains(&Kind::Mark('#')), "{words:?}");
}
