use super::*;
use proptest::prelude::*;

fn lock(source: &str, rest: &str) -> String {
    format!(
        "version = 4\n[[package]]\nname = \"mine\"\nversion = \"0.1.0\"\n\
         [[package]]\nname = \"itoa\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n{rest}\n"
    )
}

fn parse(text: &str) -> Result<Vec<Crate>, FetchError> {
    parse_lock(text.as_bytes(), Path::new("Cargo.lock"))
}

#[test]
fn names_crates_by_digest() {
    let checksum = "ab".repeat(32);
    let crates = parse(&lock(CRATES_IO, &format!("checksum = \"{checksum}\""))).unwrap();
    assert_eq!(crates.len(), 1);
    assert_eq!(crates[0].digest.hex(), checksum);
    assert_eq!(crates[0].uri(), "pkg:cargo/itoa@1.0.0");
}

#[test]
fn refuses_what_has_no_digest() {
    let git = parse(&lock("git+https://example.com/a#0123", "")).unwrap_err();
    assert!(git.to_string().contains("itoa 1.0.0"), "{git}");
    let none = parse(&lock(CRATES_IO, "")).unwrap_err();
    assert!(matches!(none, FetchError::Unsupported { .. }), "{none}");
    let weak = parse(&lock(CRATES_IO, "checksum = \"abcd\"")).unwrap_err();
    assert!(matches!(weak, FetchError::Lock { .. }), "{weak}");
}

#[test]
fn refuses_names_that_are_paths() {
    let text = "[[package]]\nname = \"../x\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n";
    assert!(matches!(parse(text), Err(FetchError::Lock { .. })));
}

#[test]
fn replaces_every_registry() {
    let checksum = "ab".repeat(32);
    let other = "registry+https://other.example/index";
    let crates = parse(&lock(other, &format!("checksum = \"{checksum}\""))).unwrap();
    let text = config(&crates, Path::new("/deps/cargo"));
    let table: toml::Table = toml::from_str(&text).unwrap();
    let source = table["source"].as_table().unwrap();
    assert_eq!(source["crates-io"]["replace-with"].as_str(), Some("bulla"));
    assert_eq!(
        source["registry-0"]["registry"].as_str(),
        Some("https://other.example/index")
    );
    assert_eq!(source["bulla"]["directory"].as_str(), Some("/deps/cargo"));
}

proptest! {
    #[test]
    fn no_lock_panics(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = parse_lock(&bytes, Path::new("Cargo.lock"));
    }
}
