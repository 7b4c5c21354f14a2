use super::*;

#[test]
fn names_stay_inside_the_repository() {
    let base = Url::parse("https://tuf.example/repository/").unwrap();
    let at = |path: &str| below(&base, path).map(|url| url.to_string());
    assert_eq!(
        at("targets/abc.trusted_root.json").unwrap(),
        "https://tuf.example/repository/targets/abc.trusted_root.json"
    );
    assert_eq!(
        at("1.a%2Fb.json").unwrap(),
        "https://tuf.example/repository/1.a%2Fb.json"
    );
    for path in [
        "",
        "/etc/passwd",
        "../x.json",
        "targets/../../x.json",
        "targets/..%2f..%2fx.json",
        "targets//x.json",
        "x.json?y",
        "x.json#y",
        "x\\y.json",
        "https://elsewhere.example/x.json",
    ] {
        assert_eq!(at(path), None, "{path}");
    }
}

#[test]
fn metadata_stays_inside_its_directory() {
    // sigstore's TUF cache wrote where a role's name led: CVE-2026-24137.
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(dir.path().join("instance"));
    let files = [
        "root.json",
        "root_history/2.root.json",
        "../outside.json",
        "root_history/../../outside.json",
        "/outside.json",
        "other/role.json",
        "root_history/a/b.json",
        ".hidden.json",
    ];
    let files = files.map(|name| (name.to_owned(), b"{}".to_vec())).into();
    cache.write_metadata(&files).unwrap();
    let names = |path: &str| {
        let mut names: Vec<String> = std::fs::read_dir(dir.path().join(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(""), ["instance"]);
    assert_eq!(names("instance"), ["metadata"]);
    assert_eq!(names("instance/metadata"), ["root.json", "root_history"]);
    assert_eq!(names("instance/metadata/root_history"), ["2.root.json"]);
    let kept = cache.metadata().unwrap();
    let kept: Vec<&str> = kept.keys().map(String::as_str).collect();
    assert_eq!(kept, ["root.json", "root_history/2.root.json"]);
}
