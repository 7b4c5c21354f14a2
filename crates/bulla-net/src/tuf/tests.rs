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
