use super::*;
use serde_json::json;
use std::fs;

#[test]
fn a_root_that_lacks_a_part_is_not_exported_in_part() {
    let dir = tempfile::tempdir().unwrap();
    for broken in [
        json!({}),
        json!({"certificateAuthorities": [], "tlogs": []}),
        json!(1),
    ] {
        let failure = write(&Tool::ALL, &broken, None, None, dir.path()).unwrap_err();
        assert!(failure.is("CLI-0530"), "{failure}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_public_good_root_has_a_form_for_every_tool() {
    let both = bulla_trust::root::ClientTrustConfig::public_good();
    let root: Value = serde_json::from_slice(&both.trusted_root).unwrap();
    let services: Value = serde_json::from_slice(&both.signing_config).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let tuf = Some(("https://tuf.example.com", "{}"));
    let written = write(&Tool::ALL, &root, Some(&services), tuf, dir.path()).unwrap();
    let exports = Exports::of(Some(("https://tuf.example.com", "00")), dir.path());
    let mut named: Vec<_> = exports.files.into_values().flatten().collect();
    named.sort();
    let mut written_sorted = written;
    written_sorted.sort();
    assert_eq!(written_sorted, named, "the list says what is written");
    for path in named {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.is_empty(), "{}", path.display());
        if path.extension().is_some_and(|kind| kind == "yaml") {
            for part in text.split("\n---\n") {
                let manifest: Value = yaml_serde::from_str(part).unwrap();
                for key in ["apiVersion", "kind", "metadata", "spec"] {
                    assert!(!manifest[key].is_null(), "{key} of {}", path.display());
                }
            }
        }
    }
    let policy = fs::read_to_string(dir.path().join("kyverno-clusterpolicy.yaml")).unwrap();
    let policy: Value = yaml_serde::from_str(&policy).unwrap();
    let keyless =
        &policy["spec"]["rules"][0]["verifyImages"][0]["attestors"][0]["entries"][0]["keyless"];
    for (part, begin) in [
        (&keyless["roots"], "-----BEGIN CERTIFICATE-----\n"),
        (&keyless["rekor"]["pubkey"], "-----BEGIN PUBLIC KEY-----\n"),
        (&keyless["ctlog"]["pubkey"], "-----BEGIN PUBLIC KEY-----\n"),
        (
            &keyless["ctlog"]["tsaCertChain"],
            "-----BEGIN CERTIFICATE-----\n",
        ),
    ] {
        assert!(part.as_str().unwrap().starts_with(begin));
    }
}
