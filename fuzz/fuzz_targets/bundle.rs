//! Sigstore bundles, through every check: whatever is accepted was signed by the
//! one signer there is, about the one artifact there is.
#![no_main]

use bulla_core::Digest;
use bulla_fuzz::{ARTIFACT, PREDICATE, kept, sow, world};
use bulla_trust::{
    Predicate,
    sigstore::{
        Artifact, UnverifiedBundle, inspect, upgrade, verify_attestation, verify_signature,
    },
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    let text = |name: &str| kept().facts[name].to_string().into_bytes();
    sow("bundle", &[("blob", text("blob")), ("attestation", text("attestation"))]);
}, |bytes: &[u8]| {
    let kept = kept();
    if let Ok(view) = inspect::inspect(bytes) {
        assert!(!view.verified);
        let _ = view.to_string();
    }
    if let Ok(new) = upgrade::upgrade(bytes) {
        UnverifiedBundle::parse(&new.bundle).expect("what was upgraded");
    }
    let Ok(bundle) = UnverifiedBundle::parse(bytes) else {
        return;
    };
    let _ = bundle.kind();
    if let Ok(statement) = bundle.statement() {
        let _ = Predicate::read(&statement);
    }
    let digest = Digest::sha256(ARTIFACT);
    let other = Digest::sha256(b"another artifact");
    if let Ok(verified) = verify_attestation(&kept.root, bytes, &digest, kept.now) {
        assert_eq!(verified.proof().signer.subject, world::PERSON);
        assert_eq!(verified.claim().predicate_type, PREDICATE);
        assert_eq!(verified.claim().predicate["n"], 1);
    }
    if let Ok(verified) = verify_signature(&kept.root, bytes, Artifact::Bytes(ARTIFACT), kept.now) {
        assert_eq!(verified.proof().signer.subject, world::PERSON);
    }
    assert!(verify_attestation(&kept.root, bytes, &other, kept.now).is_err());
    assert!(verify_signature(&kept.root, bytes, Artifact::Digest(&other), kept.now).is_err());
});
