//! All cases of sigstore-conformance `bundle-verify`, each with the artifact's
//! bytes (PATH) and with its digest alone (DIGEST), offline.

use bulla_core::Diagnose;
use bulla_trust::{
    Rejection, TrustRoot,
    sigstore::{
        Artifact, BundleKind, UnverifiedBundle, verify_attestation, verify_attestation_with_key,
        verify_blob, verify_blob_with_key,
    },
};
use jiff::Timestamp;

use crate::suite::{Case, assets};

/// Cases the assets had when this was written; fewer means that some vanished.
const CASES: usize = 140;

fn verify(case: &Case, root: &TrustRoot, artifact: Artifact<'_>) -> Result<(), Rejection> {
    let now = Timestamp::now();
    let bundle = &case.bundle;
    let attestation = UnverifiedBundle::parse(bundle)
        .is_ok_and(|bundle| bundle.kind() == BundleKind::Attestation);
    let digest = case.digest();
    match (&case.key, attestation) {
        (Some(key), true) => verify_attestation_with_key(root, bundle, &digest, key, now).map(drop),
        (Some(key), false) => verify_blob_with_key(root, bundle, artifact, key, now).map(drop),
        (None, true) => {
            verify_attestation(root, bundle, &digest, now)?.require_identity(&case.expectation())
        }
        (None, false) => verify_blob(root, bundle, artifact, &case.expectation(), now).map(drop),
    }
}

#[test]
fn every_case_is_judged_as_the_suite_says() {
    let Some(assets) = assets() else {
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for case in Case::all(&assets) {
        let digest = case.digest();
        for (form, artifact) in [
            ("PATH", Artifact::Bytes(&case.artifact)),
            ("DIGEST", Artifact::Digest(&digest)),
        ] {
            let outcome = match case.under_root(|root| verify(&case, root, artifact)) {
                Ok(Ok(())) => "accepted".to_owned(),
                Ok(Err(rejection)) => format!("{} {rejection}", rejection.code()),
                Err(root) => format!("root: {root}"),
            };
            println!("{:<62} {form:<6} {outcome}", case.name);
            judged += 1;
            if case.name.ends_with("_fail") == (outcome == "accepted") {
                wrong.push(format!("{} {form}: {outcome}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "judged otherwise: {wrong:#?}");
    assert!(judged >= CASES, "only {judged} of {CASES} cases were there");
}
