use super::*;
use proptest::prelude::*;

#[test]
fn plain_and_odd_names_pass() {
    for path in [
        "a",
        "a/b/c",
        ".gitignore",
        ".github/x",
        "aux.c",
        "a b\n",
        "..a",
        "a..",
        "git",
    ] {
        check_path(path.as_bytes(), false).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    check_path(b"\xff\xfe", false).expect("not UTF-8");
    check_path(b".gitmodules", false).expect("a file");
}

#[test]
fn escapes_and_spellings_of_git_are_refused() {
    for path in [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "a/.",
        "a\0b",
        ".git",
        ".GIT/x",
        "a/.Git",
        "git~1",
        "GIT~1/hooks",
        ".git ",
        ".git...",
        ".git::$INDEX_ALLOCATION",
        ".\u{200d}git",
    ] {
        assert!(check_path(path.as_bytes(), false).is_err(), "{path:?}");
    }
    assert!(check_path(b".gitmodules", true).is_err(), "a link");
    assert!(check_path(&[b'a'; 256], false).is_err());
}

#[test]
fn folders_are_normalized() {
    for (given, normal) in [("", ""), (".", ""), ("./a//b/", "a/b"), ("a", "a")] {
        assert_eq!(check_directory(given).unwrap(), normal);
    }
    for given in ["..", "a/../..", "/a", ".git", "a/.git/b"] {
        assert!(check_directory(given).is_err(), "{given}");
    }
}

#[test]
fn a_chain_that_doubles_is_bounded() {
    let mut links = BTreeMap::new();
    for level in 0..60 {
        let next = format!("l{}", level + 1);
        let target = vec![next; 40].join("/../");
        links.insert(format!("l{level}").into_bytes(), target.into_bytes());
    }
    assert!(check_link(b"l0", &links).is_err());
}

proptest! {
    #[test]
    fn nothing_panics(path in prop::collection::vec(any::<u8>(), 0..60), text in ".{0,40}") {
        let _ = check_path(&path, true);
        let _ = check_directory(&text);
    }

    /// The kernel is the judge: links that we accept never resolve to the outside.
    #[cfg(unix)]
    #[test]
    fn accepted_links_stay_inside(
        targets in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec!["..", ".", "d", "e", "0", "1", "2"]), 1..6),
            3,
        )
    ) {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let root = top.join("a/b/root");
        std::fs::create_dir_all(root.join("d/e")).unwrap();
        let places = ["0", "d/1", "d/e/2"];
        let mut links = BTreeMap::new();
        for (place, target) in places.iter().zip(&targets) {
            let target = target.join("/");
            std::os::unix::fs::symlink(&target, root.join(place)).unwrap();
            links.insert(place.as_bytes().to_vec(), target.into_bytes());
        }
        if links.keys().all(|path| check_link(path, &links).is_ok()) {
            for place in places {
                if let Ok(real) = root.join(place).canonicalize() {
                    prop_assert!(real.starts_with(&root), "{place} is {}", real.display());
                }
            }
        }
    }
}
