use super::*;
use crate::testing;

const LIST: &str = "[29 Mar 2023] DSA-5380-1 xorg-server - security update\n\
    \t{CVE-2023-1393 CVE-2023-0000}\n\
    \t[bullseye] - xorg-server 2:1.20.11-1+deb11u6\n\
    \t[buster] - xorg-server <not-affected>\n\
    \tNOTE: words\n\
    [01 Jan 2023] DSA-5300-2 other - regression update\n\
    \t[woody] - other 1.0-1\n";

#[test]
fn entries_name_the_version_that_mends() {
    let mut builder = Builder::new();
    assert_eq!(add(LIST, &mut builder), Ok(2));
    let database = builder.build("x").unwrap();
    let scopes: Vec<String> = database
        .sources()
        .iter()
        .map(|s| s.scope.to_string())
        .collect();
    assert_eq!(
        scopes,
        ["deb/debian-11"],
        "woody is not known, buster not affected"
    );
    let scope: Scope = "deb/debian-11".parse().unwrap();
    let found = database.look_up(&scope, "xorg-server").unwrap();
    assert_eq!(found[0].0.id, "DSA-5380-1");
    assert_eq!(found[0].0.aliases, ["CVE-2023-1393", "CVE-2023-0000"]);
    let mended = Event::Fixed("2:1.20.11-1+deb11u6".into());
    assert!(found[0].1.ranges[0].events.contains(&mended));
    assert_eq!(database.date(), Some(Date::constant(2023, 3, 29)));
}

#[test]
fn a_line_that_is_no_entry_is_an_error() {
    let error = add("[29 Mar 2023] DSA-1 x\nnonsense\n", &mut Builder::new()).unwrap_err();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn the_real_lists_are_read() {
    let Some(tracker) = testing::data("debian-tracker") else {
        return;
    };
    let mut builder = Builder::new();
    assert!(super::super::import(&tracker, &mut builder).unwrap() > 8000);
    let database = builder.build("debian").unwrap();
    let scope: Scope = "deb/debian-11".parse().unwrap();
    let found = database.look_up(&scope, "openssl").unwrap();
    assert!(found.len() >= 5, "{} advisories", found.len());
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(\\[[0-9a-zA-Z ]{0,12}\\] DSA-1 x\n|\t[\\[{}\\]a-z0-9 <>-]{0,20}\n){0,6}") {
        let _ = add(&text, &mut Builder::new());
    }
}
