//! `bulla bundle`: looked into, made, renewed.

use super::ALONE;
use crate::tamper::scene::{BUNDLE, EMAIL, shared};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

#[test]
fn a_bundle_is_looked_into_without_believing_it() {
    let scene = shared();
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    scene.bulla(&args).success();
    let inspect =
        |file: &str, more: &[&str]| scene.bulla(&[&["bundle", "inspect", file], more].concat());
    let text = inspect(&bundle, &[]);
    assert!(text.success().stdout.contains(EMAIL), "{}", text.stdout);
    let json = inspect(&bundle, &["-o", "json"]).success().json();
    assert_eq!(json["verified"], false, "{json}");
    inspect(&scene.file("{}"), &[]).exit(1).says("is no bundle");
    inspect("/nowhere", &[]).exit(7);
}

#[test]
fn parts_become_a_bundle() {
    let scene = shared();
    let file = scene.file("notes\n");
    let (private, public) = scene.key("ecdsa-p256");
    let args = ["sign-blob", &file, "--key", &private];
    let signed = scene.bulla(&[&args[..], &ALONE].concat());
    let bundle: Value = serde_json::from_str(&signed.success().stdout).unwrap();
    assert_eq!(bundle["mediaType"], BUNDLE);
    let signature = bundle["messageSignature"]["signature"].as_str().unwrap();
    let raw = STANDARD.decode(signature).unwrap();
    for (name, bytes) in [("base64", signature.as_bytes()), ("raw", &raw)] {
        let signature = scene.world.write(scene.name(name), bytes);
        let signature = signature.display().to_string();
        let out = scene.path(&scene.name("made"));
        let args = ["bundle", "create", "--artifact", &file, "--key", &public];
        scene
            .bulla(&[&args[..], &["--signature", &signature, "--out", &out]].concat())
            .success();
        let args = ["verify-blob", &file, "--bundle", &out, "--key", &public];
        scene
            .bulla(&[&args[..], &["--insecure-ignore-tlog"]].concat())
            .success();
    }
    let args = ["bundle", "create", "--key", &public];
    scene.bulla(&args).exit(2);
}

#[test]
fn an_old_bundle_is_renewed_only_with_what_it_lacks() {
    let scene = shared();
    let file = scene.file("notes\n");
    let bundle = scene.path(&scene.name("bundle"));
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    scene.bulla(&args).success();
    let mut json: Value = serde_json::from_slice(&std::fs::read(&bundle).unwrap()).unwrap();
    // As version 0.2 writes the same.
    json["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
    let leaf = json["verificationMaterial"]["certificate"].take();
    let material = json["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    let chain = serde_json::json!({"certificates": [leaf]});
    material.insert("x509CertificateChain".into(), chain);
    let old = scene.file(&json.to_string());
    let out = scene.path(&scene.name("renewed"));
    let args = ["bundle", "upgrade", &old, "--out", &out];
    scene.bulla(&args).success();
    let renewed: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(renewed["mediaType"], BUNDLE);
    let dana = scene.somebody(EMAIL);
    let args = ["verify-blob", &file, "--bundle", &out, "--identity", &dana];
    scene.bulla(&args).success();
    // Version 0.1 without an inclusion proof cannot be renewed out of nothing.
    json["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    json["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].take();
    json["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"] =
        serde_json::json!({"signedEntryTimestamp": "AAAA"});
    let lacking = scene.file(&json.to_string());
    scene
        .bulla(&["bundle", "upgrade", &lacking])
        .exit(1)
        .says("proof");
}
