use super::*;
use crate::testing;
use proptest::prelude::*;

/// Runs one file of `A < B` lines; says how many agree.
fn agree(ecosystem: Ecosystem, file: &str, at_least: usize) {
    let path = format!("versions/semantic/testdata/{file}");
    let Some(path) = testing::suite(&path) else {
        return;
    };
    let (mut total, mut wrong) = (0, Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [a, sign, b] = words[..] else { continue };
        let expected = match sign {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            _ => continue,
        };
        if line.starts_with('#') {
            continue;
        }
        total += 1;
        let both = (compare(ecosystem, a, b), compare(ecosystem, b, a));
        if both != (Some(expected), Some(expected.reverse())) {
            wrong.push(format!("{line} (got {both:?})"));
        }
    }
    println!("{file}: {} of {total} agree", total - wrong.len());
    assert!(
        total - wrong.len() >= at_least,
        "{file}\n{}",
        wrong.join("\n")
    );
}

#[test]
fn debian_order() {
    agree(Ecosystem::Deb, "debian-versions.txt", 30);
}

#[test]
fn semantic_versioning_order() {
    agree(Ecosystem::Npm, "semver-versions.txt", 86);
}

#[test]
fn python_order() {
    agree(Ecosystem::Pypi, "pypi-versions.txt", 37);
}

#[test]
fn alpine_order() {
    agree(Ecosystem::Apk, "alpine-versions.txt", 778);
}

#[test]
fn what_is_no_version_has_no_order() {
    assert_eq!(compare(Ecosystem::Golang, "(devel)", "v1.0.0"), None);
    assert_eq!(compare(Ecosystem::Deb, "", "1"), None);
    assert_eq!(compare(Ecosystem::Cargo, "main", "1.0.0"), None);
}

#[test]
fn go_pseudo_versions_precede_the_release() {
    let order = |a, b| compare(Ecosystem::Golang, a, b);
    let pseudo = "v1.2.4-0.20210101000000-abcdefabcdef";
    assert_eq!(order(pseudo, "v1.2.4"), Some(Ordering::Less));
    assert_eq!(order(pseudo, "v1.2.3"), Some(Ordering::Greater));
    assert_eq!(order("v2.0.0+incompatible", "2.0.0"), Some(Ordering::Equal));
}

proptest! {
    #[test]
    fn every_order_is_an_order(
        a in "[0-9a-z.:~+_!-]{0,12}", b in "[0-9a-z.:~+_!-]{0,12}", c in "[0-9a-z.:~+_!-]{0,12}",
    ) {
        for ecosystem in Ecosystem::ALL {
            let order = |x: &str, y: &str| compare(ecosystem, x, y);
            prop_assert_eq!(order(&a, &b), order(&b, &a).map(Ordering::reverse));
            if let (Some(x), Some(y)) = (order(&a, &b), order(&b, &c))
                && x == y
            {
                prop_assert_eq!(order(&a, &c), Some(x), "{} {} {}", a, b, c);
            }
        }
    }
}
