//! One test per published advisory about verification that concerns this crate,
//! named after it, in a file per project. Each shows the attack on a bundle that
//! is good otherwise: one of the conformance assets, or one of the world in
//! [`crate::world`], whose own bundles are shown to be good first.

use bulla_core::Digest;
use bulla_trust::sigstore::{Artifact, verify_attestation, verify_blob};
use serde_json::Value;

use crate::{
    suite::Case,
    world::{World, root_of},
};

mod cosign;
mod gitsign;
mod libraries;
mod policy_controller;

const DSSE: &str = "rekor2-dsse-happy-path";
const BLOB: &str = "rekor2-happy-path";
const BLOB_V1: &str = "happy-path-v0.3";
/// What the world signs here.
const ARTIFACT: &[u8] = b"artifact";

#[track_caller]
fn assert_rejected(case: &Case, codes: &[&str]) {
    let (code, text) = case.rejection();
    assert!(codes.contains(&code), "{}: {code} {text}", case.name);
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// The code with which a bundle of the world is rejected, or `""`.
fn verdict(world: &World, bundle: &Value) -> (&'static str, String) {
    under(world, &world.trusted_root(), bundle)
}

/// The same under another root.
fn under(world: &World, root: &Value, bundle: &Value) -> (&'static str, String) {
    let (root, now) = (root_of(root), world.now());
    let bytes = bundle.to_string();
    let expected = world.expected();
    let outcome = if bundle.get("dsseEnvelope").is_some() {
        let digest = Digest::sha256(ARTIFACT);
        verify_attestation(&root, bytes.as_bytes(), &digest, now)
            .and_then(|verified| verified.require_identity(&expected))
    } else {
        let artifact = Artifact::Bytes(ARTIFACT);
        verify_blob(&root, bytes.as_bytes(), artifact, &expected, now).map(drop)
    };
    match outcome {
        Ok(()) => ("", String::new()),
        Err(rejection) => (rejection.code.0, rejection.text),
    }
}

#[track_caller]
fn assert_verdict(world: &World, bundle: &Value, codes: &[&str]) {
    let (code, text) = verdict(world, bundle);
    assert!(codes.contains(&code), "{code:?} {text}");
}

#[test]
fn what_the_world_makes_is_good() {
    let world = World::new();
    assert_verdict(&world, &world.blob(ARTIFACT, &world.order()), &[""]);
    let attestation = world.attestation(ARTIFACT, "https://example.com/x", &world.order());
    assert_verdict(&world, &attestation, &[""]);
}
