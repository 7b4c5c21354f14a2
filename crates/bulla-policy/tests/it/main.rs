//! Real bundles, real roots: from bytes to a decision.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used)]

use bulla_core::{Digest, Outcome, RootId};
use bulla_policy::{Evidence, Input, Policy, Seal, Stage, evaluate};
use bulla_trust::TrustRoot;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

const NOW: &str = "2026-11-21T12:00:00Z";

/// The conformance assets, or `None` after saying what was lacking.
fn assets(test: &str) -> Option<PathBuf> {
    let shared = env::var_os("BULLA_SUITES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let assets = shared.join("suites/sigstore-conformance/test/assets/bundle-verify");
    if assets.is_dir() {
        return Some(assets);
    }
    println!("SKIP {test}: no conformance assets at {}", assets.display());
    assert!(
        env::var("BULLA_NO_SKIP").as_deref() != Ok("1"),
        "a test was skipped although BULLA_NO_SKIP=1"
    );
    None
}

fn bundle(assets: &Path, case: &str) -> Seal {
    Seal::Bundle(fs::read(assets.join(case).join("bundle.sigstore.json")).unwrap())
}

/// A policy that wants provenance by one signer for one builder, under `root`.
fn policy(root: &RootId, issuer: &str, subject: &str, builder: &str) -> Policy {
    let text = format!(
        "apiVersion: policy.bulla.dev/v1alpha1\nkind: ArtifactPolicy\nmetadata: {{name: t}}\nspec:\n  images: [{{glob: \"r.example/*\"}}]\n  authorities:\n    - name: ci\n      keyless: {{root: \"{}\", identities: [{{issuer: \"{issuer}\", subject: \"{subject}\"}}]}}\n  rules:\n    - name: built\n      provenance: {{builders: [{{authority: ci, ids: [\"{builder}\"]}}]}}\n",
        root.0
    );
    Policy::parse(text.as_bytes(), None).unwrap()
}

/// The outcome, and the first code.
fn decide(policy: &Policy, evidence: &Evidence, digest: &Digest) -> (Outcome, &'static str) {
    let input = Input {
        requested: "r.example/a:1".parse().unwrap(),
        digest: digest.clone(),
        stage: Stage::Admission,
    };
    let decision = evaluate(policy, &input, evidence, NOW.parse().unwrap());
    let code = decision.rules[0].reasons[0].code.0;
    (decision.outcome, code)
}

#[test]
fn a_public_bundle_is_judged_by_signer_root_and_builder() {
    let Some(assets) = assets("a_public_bundle_is_judged_by_signer_root_and_builder") else {
        return;
    };
    let digest = Digest::sha256(&fs::read(assets.join("a.txt")).unwrap());
    let root = TrustRoot::public_good().unwrap();
    let bundles = [bundle(&assets, "happy-path-intoto-in-dsse-v3")];
    let evidence = Evidence::collect(&[root], &bundles, &digest, NOW.parse().unwrap());
    let [attestation] = evidence.attestations.as_slice() else {
        panic!("{:?}", evidence.rejections)
    };
    let signer = attestation.proof().signer.clone();
    let builder = attestation.claim().predicate["runDetails"]["builder"]["id"]
        .as_str()
        .unwrap();
    let (id, elsewhere) = (root.id(), RootId(Digest::sha256(b"another root")));
    let says = |policy: Policy| decide(&policy, &evidence, &digest);
    assert_eq!(
        says(policy(id, &signer.issuer, &signer.subject, builder)).0,
        Outcome::Allow
    );
    for (policy, code) in [
        (
            policy(
                id,
                &signer.issuer,
                &signer.subject,
                "https://elsewhere.example",
            ),
            "POLICY-0020",
        ),
        (
            policy(&elsewhere, &signer.issuer, &signer.subject, builder),
            "POLICY-0014",
        ),
        (
            policy(id, "https://elsewhere.example", &signer.subject, builder),
            "POLICY-0015",
        ),
        (
            policy(id, &signer.issuer, "dana@example.com", builder),
            "POLICY-0013",
        ),
    ] {
        assert_eq!(says(policy), (Outcome::Deny, code));
    }
}

#[test]
fn every_damaged_bundle_is_denied_with_the_code_of_its_damage() {
    let Some(assets) = assets("every_damaged_bundle_is_denied_with_the_code_of_its_damage") else {
        return;
    };
    let digest = Digest::sha256(&fs::read(assets.join("a.txt")).unwrap());
    let root = TrustRoot::public_good().unwrap();
    let any = policy(
        root.id(),
        "https://token.actions.githubusercontent.com",
        "x",
        "y",
    );
    let mut seen = 0;
    for case in [
        "dsse-invalid-sig_fail",
        "dsse-mismatch-envelope_fail",
        "dsse-mismatch-sig_fail",
        "bundle-malformed-json_fail",
    ] {
        let evidence = Evidence::collect(
            &[root],
            &[bundle(&assets, case)],
            &digest,
            NOW.parse().unwrap(),
        );
        assert!(evidence.attestations.is_empty(), "{case}");
        let (outcome, code) = decide(&any, &evidence, &digest);
        assert_eq!(outcome, Outcome::Deny, "{case}");
        assert!(code.starts_with("TRUST-"), "{case}: {code}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_bundle_about_another_artifact_is_no_evidence_of_this_one() {
    let Some(assets) = assets("a_bundle_about_another_artifact_is_no_evidence_of_this_one") else {
        return;
    };
    let root = TrustRoot::public_good().unwrap();
    let other = Digest::sha256(b"another artifact");
    let bundles = [bundle(&assets, "happy-path-intoto-in-dsse-v3")];
    let evidence = Evidence::collect(&[root], &bundles, &other, NOW.parse().unwrap());
    assert!(evidence.attestations.is_empty());
    assert_eq!(
        evidence.rejections[0].claims.as_deref(),
        Some("https://slsa.dev/provenance/v1"),
        "it is told to the rule about provenance"
    );
}

#[test]
fn each_root_is_tried_and_none_is_merged() {
    let Some(assets) = assets("each_root_is_tried_and_none_is_merged") else {
        return;
    };
    let digest = Digest::sha256(&fs::read(assets.join("a.txt")).unwrap());
    let own = fs::read(assets.join("rekor2-dsse-happy-path/trusted_root.json")).unwrap();
    let private = TrustRoot::parse(&own, RootId(Digest::sha256(b"a private root"))).unwrap();
    let public = TrustRoot::public_good().unwrap();
    let bundles = [
        bundle(&assets, "rekor2-dsse-happy-path"),
        bundle(&assets, "happy-path-intoto-in-dsse-v3"),
    ];
    let now = NOW.parse().unwrap();
    let both = Evidence::collect(&[public, &private], &bundles, &digest, now);
    assert_eq!(both.attestations.len(), 2, "{:?}", both.rejections);
    let one = Evidence::collect(&[public], &bundles, &digest, now);
    assert!(
        one.attestations
            .iter()
            .all(|a| a.proof().signer.root == *public.id())
    );
}
