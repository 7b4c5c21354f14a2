use super::*;
use crate::testing;

const DAY: Date = Date::constant(2020, 6, 8);

#[test]
fn packages_name_the_versions_that_mend() {
    let text = "---\ndistroversion: v3.11\nreponame: main\narchs:\n  - x86_64\npackages:\n  - pkg:\n      \
        name: aspell\n      secfixes:\n        0.60.8-r0:\n          - CVE-2019-17544 (remark)\n        \
        \"0\":\n          - CVE-2020-0001\n  - pkg:\n      name: b\n      secfixes:\n        1-r0:\n          \
        - CVE_2019-17544\n";
    let mut builder = Builder::new();
    assert_eq!(add(text, DAY, &mut builder), Ok(2));
    let database = builder.build("x").unwrap();
    let scope: Scope = "apk/alpine-3.11".parse().unwrap();
    let found = database.look_up(&scope, "aspell").unwrap();
    assert_eq!(found.len(), 1, "version 0 means never affected");
    assert_eq!(found[0].0.aliases, ["CVE-2019-17544"]);
    assert_eq!(database.look_up(&scope, "b").unwrap().len(), 1);
}

#[test]
fn other_shapes_are_errors() {
    let odd = "distroversion: v3.11\npackages:\n  - pkg:\n      name: a\n      secfixes:\n        - CVE-1\n";
    assert!(
        add(odd, DAY, &mut Builder::new())
            .unwrap_err()
            .contains("line 6")
    );
    assert!(add("", DAY, &mut Builder::new()).is_err());
}

#[test]
fn the_real_files_are_read() {
    let Some(folder) = testing::data("alpine-secdb/v3.11") else {
        return;
    };
    let mut builder = Builder::new();
    assert!(super::super::import(&folder, &mut builder).unwrap() > 800);
    let database = builder.build("alpine").unwrap();
    assert_eq!(database.sources()[0].scope.to_string(), "apk/alpine-3.11");
}
