//! policy-controller.

use bulla_core::Digest;
use bulla_trust::{
    predicate::{PredicateType, Selection, select},
    sigstore::verify_attestation,
    threshold::{Authority, Signature, TallyOutcome, Threshold},
};

use super::ARTIFACT;
use crate::world::World;

/// CVE-2022-35930: a policy that wants an attestation of one type was satisfied
/// by any valid attestation, and by none of that type.
#[test]
fn cve_2022_35930_an_attestation_of_another_type_is_no_evidence() {
    let world = World::new();
    let digest = Digest::sha256(ARTIFACT);
    let verify = |kind: &str| {
        let bundle = world
            .attestation(ARTIFACT, kind, &world.order())
            .to_string();
        verify_attestation(&world.root(), bundle.as_bytes(), &digest, world.now()).unwrap()
    };
    let spdx = "https://spdx.dev/Document";
    let wanted = PredicateType::native("vuln").unwrap();
    let Selection::NoEvidence(none) = select(vec![verify(spdx)], &wanted) else {
        panic!("another type is no evidence");
    };
    assert_eq!(none.found, [spdx]);
    // Nor does what the filter took away count towards a threshold.
    let authority = Authority::identity("dana", world.expected());
    let threshold = Threshold::at_least(1, vec![authority]).unwrap();
    let left: Vec<Signature> = match select(vec![verify(spdx)], &wanted) {
        Selection::Found(left) => left.iter().map(Signature::from).collect(),
        Selection::NoEvidence(_) => Vec::new(),
    };
    assert_eq!(
        threshold.judge(&left, &[]).outcome,
        TallyOutcome::NoEvidence
    );
    let right = verify(wanted.uri());
    assert!(matches!(select(vec![right], &wanted), Selection::Found(_)));
}

/// The same with a plain signature in the attestation's place.
#[test]
fn cve_2022_35930_a_signature_is_no_attestation() {
    let world = World::new();
    let bundle = world.blob(ARTIFACT, &world.order()).to_string();
    let digest = Digest::sha256(ARTIFACT);
    let refused = verify_attestation(&world.root(), bundle.as_bytes(), &digest, world.now());
    assert_eq!(refused.unwrap_err().code.0, "TRUST-0007");
}
