//! Who counts, and how many: identities, patterns, k of n.

use super::{EVE, REVIEW};
use crate::tamper::scene::{EMAIL, shared};

#[test]
fn two_of_three_means_two_people() {
    let scene = shared();
    let image = scene.bare();
    let people = [EMAIL, EVE, "olga@example.com"].map(|email| scene.somebody(email));
    let verify = |threshold: &str, more: &[&str]| {
        let mut args = vec!["verify", &image.reference, "--threshold", threshold];
        for somebody in &people {
            args.extend(["--identity", somebody]);
        }
        args.extend(more);
        scene.bulla(&args)
    };
    verify("1", &[]).exit(3);
    scene.sign_as(EMAIL, &image, &[]).success();
    verify("1", &[]).success();
    // The same person again, in the other layout too, is still one.
    scene.sign_as(EMAIL, &image, &[]).success();
    scene
        .sign_as(EMAIL, &image, &["--layout", "tags"])
        .success();
    verify("2", &[]).exit(1).says("1 of 2");
    scene.sign_as("mallory@example.com", &image, &[]).success();
    verify("2", &[]).exit(1);
    scene.sign_as(EVE, &image, &[]).success();
    let json = verify("2", &["-o", "json"]).success().json();
    let counted = json["report"]["threshold"]["counted"].as_array();
    assert_eq!(counted.map(Vec::len), Some(2), "{json}");
    verify("3", &[]).exit(1).says("olga");
    verify("4", &[]).exit(2).says("CLI-0320");
    verify("0", &[]).exit(2);
}

#[test]
fn a_key_and_a_person_are_two() {
    let scene = shared();
    let image = scene.bare();
    let (private, public) = scene.key("ecdsa-p256");
    let dana = scene.somebody(EMAIL);
    let verify = || {
        let args = ["verify", &image.reference, "--threshold", "2"];
        scene.bulla(&[&args[..], &["--key", &public, "--identity", &dana]].concat())
    };
    scene
        .bulla(&["sign", &image.reference, "--key", &private])
        .success();
    verify().exit(1).says("1 of 2");
    scene.sign_as(EMAIL, &image, &[]).success();
    verify().success();
}

#[test]
fn reviews_are_counted_across_attestations() {
    let scene = shared();
    let image = scene.bare();
    let people = [EMAIL, EVE].map(|email| scene.somebody(email));
    let verify = |kind: &str| {
        let args = ["verify-attestation", &image.reference, "--type", kind];
        let who = ["--identity", &people[0], "--identity", &people[1]];
        scene.bulla(&[&args[..], &who, &["--threshold", "2"]].concat())
    };
    scene.attest_as(EMAIL, &image, REVIEW).success();
    scene
        .attest_as(EVE, &image, "https://example.com/other/v1")
        .success();
    verify(REVIEW).exit(1);
    scene.attest_as(EVE, &image, REVIEW).success();
    verify(REVIEW).success();
    verify("spdxjson").exit(3);
}

#[test]
fn patterns_and_expressions_cover_all_of_a_name() {
    let scene = shared();
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    scene.bulla(&args).success();
    let issuer = scene.instance.url("oidc");
    let verify = |more: &[&str]| {
        let args = ["verify-blob", &file, "--bundle", &bundle];
        scene.bulla(&[&args[..], more].concat())
    };
    let by = |identity: &str| verify(&["--identity", &format!("{issuer}={identity}")]);
    by("*@example.com").success();
    by("dana@**").success();
    by("*@example.org").exit(1).says("TRUST-0040");
    by("*").exit(2);
    let regexp = |subject: &str| {
        let more = ["--certificate-identity-regexp", subject];
        verify(&[&more[..], &["--certificate-oidc-issuer", issuer]].concat())
    };
    regexp("[a-z]+@example[.]com").success();
    regexp(".*@example[.]org").exit(1);
    // An expression is about the whole name, not about some part of it.
    regexp("dana").exit(1);
    regexp("(").exit(2);
    verify(&["--certificate-identity", EMAIL])
        .exit(2)
        .says("CLI-0321");
    verify(&["--identity", EMAIL]).exit(2).says("CLI-0321");
    verify(&[]).exit(2).says("CLI-0040");
}

#[test]
fn the_tree_of_checks_is_text_and_data() {
    let scene = shared();
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    scene.bulla(&args).success();
    let verify = |who: &str, more: &[&str]| {
        let who = scene.somebody(who);
        let args = [
            "verify-blob",
            &file,
            "--bundle",
            &bundle,
            "--identity",
            &who,
        ];
        scene.bulla(&[&args[..], more].concat())
    };
    let text = verify(EMAIL, &["--explain"]);
    for stage in ["time", "certificate", "log", "signature", "signer"] {
        text.success().says(stage);
    }
    let json = verify(EMAIL, &["-o", "json"]).success().json();
    assert_eq!(json["outcome"], "allow", "{json}");
    assert_eq!(json["proof"]["signer"]["subject"], EMAIL);
    let denied = verify("dana@example.org", &["-o", "json"]);
    let json = denied.exit(1).json();
    assert_eq!(json["outcome"], "deny", "{json}");
    assert_eq!(json["rejections"][0]["code"], "TRUST-0040");
    assert!(json["report"]["envelopes"].is_array(), "{json}");
    denied.says("same name at another domain");
}
