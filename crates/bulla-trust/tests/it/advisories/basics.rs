//! The world's own bundles are good: what the other files break must be whole.

use bulla_core::Digest;
use bulla_trust::sigstore::{Artifact, verify_attestation, verify_blob};

use crate::world::World;

#[test]
fn what_the_world_makes_verifies() {
    let world = World::new();
    let (root, now) = (world.root(), world.now());
    let bundle = world.blob(b"artifact", &world.order()).to_string();
    let artifact = Artifact::Bytes(b"artifact");
    verify_blob(&root, bundle.as_bytes(), artifact, &world.expected(), now).unwrap();
    let bundle = world.attestation(b"artifact", "https://example.com/x", &world.order());
    let digest = Digest::sha256(b"artifact");
    let verified = verify_attestation(&root, bundle.to_string().as_bytes(), &digest, now).unwrap();
    verified.require_identity(&world.expected()).unwrap();
}
