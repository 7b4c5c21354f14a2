use super::{Edge, judge, layer_of};

fn verdict(name: &str, line: &str) -> Option<String> {
    let edge = Edge::parse(line).expect("a line of cargo tree");
    judge(name, layer_of(name).expect("a layer"), &edge)
}

#[test]
fn a_lower_layer_is_fine() {
    assert_eq!(
        verdict("bulla-trust", "1 bulla-core v0.1.0 (/x/crates/bulla-core)|"),
        None
    );
}

#[test]
fn the_same_layer_and_a_higher_one_are_not() {
    assert!(verdict("bulla-policy", "1 bulla-scan v0.1.0 (/x)|").is_some());
    assert!(verdict("bulla-crypto", "1 bulla-trust v0.1.0 (/x)|").is_some());
}

#[test]
fn pure_crates_do_not_reach_a_runtime_at_any_depth() {
    assert!(verdict("bulla-scan", "4 tokio v1.50.0|default,rt").is_some());
    assert!(verdict("bulla-net", "1 tokio v1.50.0|default,rt").is_none());
}

#[test]
fn test_evidence_never_ships() {
    assert!(verdict("bulla-policy", "1 bulla-trust v0.1.0 (/x)|test-evidence").is_some());
}

#[test]
fn git_belongs_to_one_crate() {
    assert!(verdict("bulla", "1 gix v0.90.0|sha1").is_some());
    assert!(verdict("bulla", "2 gix v0.90.0|sha1").is_none());
    assert!(verdict("bulla-source", "1 gix v0.90.0|sha1").is_none());
}
