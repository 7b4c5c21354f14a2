//! Evidence that holds, and is not what the policy asks for.

use super::{
    objects,
    scene::{CYCLONEDX, EMAIL, PROVENANCE, SIGNATURE, SPDX, Scene, recipe, shared, statement},
};

/// A policy that wants the image signed by `subject`, as the instance's issuer names people.
fn signed_by(scene: &Scene, subject: &str) -> String {
    let root = scene.instance.url("root");
    let issuer = scene.instance.url("oidc");
    let text = format!(
        "apiVersion: policy.bulla.dev/v1alpha1\nkind: ArtifactPolicy\nmetadata:\n  name: release\n\
         spec:\n  images:\n    - glob: \"**\"\n  authorities:\n    - name: release\n      keyless:\n        \
         root: \"sha256:{root}\"\n        identities:\n          - issuer: \"{issuer}\"\n            \
         subject: \"{subject}\"\n  rules:\n    - name: signed\n      signature:\n        \
         authorities: [release]\n"
    );
    let file = scene
        .world
        .write(format!("{}.yaml", scene.name("policy")), text);
    file.display().to_string()
}

#[test]
fn a_signature_by_an_identity_that_the_policy_does_not_name() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let by = |subject: &str| scene.verify(&image, &["--policy", &signed_by(&scene, subject)]);
    by(EMAIL).success();
    let outcome = by("release@example.com");
    objects(outcome.exit(1), "signed", "POLICY-0013");
    // A name is compared as a whole (rule R7).
    objects(by("ana@example.com").exit(1), "signed", "POLICY-0013");
    objects(by("dana@example.co").exit(1), "signed", "POLICY-0013");
}

#[test]
fn an_identity_that_nobody_signed_with() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let issuer = scene.instance.url("oidc");
    let mut args = vec!["verify", &image.reference, "--certificate-identity"];
    args.extend(["mallory@example.com", "--certificate-oidc-issuer", issuer]);
    scene.world.bulla(args).exit(1).says("TRUST-0040");
}

#[test]
fn provenance_signed_by_a_person_instead_of_the_builder() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    // What the builder said, word for word, but said by a person.
    let claim = statement(&scene.bundle(&image, PROVENANCE));
    let predicate = scene.world.write(
        format!("{}.json", scene.name("provenance")),
        claim["predicate"].to_string(),
    );
    let bare = scene.copy_bare(&scene, &image);
    let shipped = scene
        .world
        .bulla(["ship", "--image", &bare.reference, "--email", EMAIL]);
    shipped
        .exit(3)
        .says("provenance is missing")
        .says("POLICY-0012");

    let copy = scene.copy(&image, |kind, bundle| {
        (kind != PROVENANCE).then_some(bundle)
    });
    let predicate = predicate.display().to_string();
    let mut args = vec!["attest", &copy.reference, "--type", "slsaprovenance1"];
    args.extend(["--predicate", &predicate, "--email", EMAIL]);
    scene.world.bulla(args).success();
    let outcome = scene.verify(&copy, &[]);
    objects(outcome.exit(1), "provenance-from-builder", "POLICY-0013");
    scene.admit(&copy.reference).exit(1).says("POLICY-0013");
}

#[test]
fn an_unsigned_image() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let unsigned = scene.copy(&image, |kind, bundle| (kind != SIGNATURE).then_some(bundle));
    let outcome = scene.verify(&unsigned, &[]);
    objects(outcome.exit(3), "image-signed", "POLICY-0012");
    let answer = scene.admit(&unsigned.reference);
    answer.exit(3).says("POLICY-0012");
    assert_eq!(answer.json()["response"]["allowed"], false);

    let bare = scene.copy_bare(&scene, &image);
    objects(
        scene.verify(&bare, &[]).exit(3),
        "image-signed",
        "POLICY-0012",
    );
}

#[test]
fn the_inventory_is_missing() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let without = scene.copy(&image, |kind, bundle| {
        (kind != CYCLONEDX && kind != SPDX).then_some(bundle)
    });
    let outcome = scene.verify(&without, &[]);
    objects(outcome.exit(3), "sbom-present", "POLICY-0012");
    let answer = scene.admit(&without.reference);
    answer.exit(3).says("POLICY-0012");
    assert_eq!(answer.json()["response"]["allowed"], false);
    // Either of the two formats is an inventory.
    let spdx = scene.copy(&image, |kind, bundle| (kind != CYCLONEDX).then_some(bundle));
    scene.verify(&spdx, &[]).success();
}

/// A lock file with a crate of which an advisory of critical severity is known.
const LOCK: &str = r#"version = 3

[[package]]
name = "smallvec"
version = "1.6.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "1a55ca5f3b68e41c979bf8c46a6f1da892ca4db8f94023ce0bd32407573b1ac0"
"#;

#[test]
fn a_finding_above_the_gate() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let name = scene.name("vulnerable");
    let more =
        "[[output]]\npath = \"Cargo.lock\"\nto = \"/usr/share/app/Cargo.lock\"\nmode = \"0644\"\n";
    project.write("bulla.toml", recipe(&name, "cp hello.txt out", more));
    project.write("Cargo.lock", LOCK);
    project.commit("Ship the lock file");
    let denied = scene.ship(&project, &[]);
    denied.exit(1).says("RUSTSEC-2021-0003").says("SCAN-0090");
    // Nothing was signed or pushed.
    let tags = scene.http("GET", &format!("/v2/{name}/tags/list"), "text/plain", b"");
    assert_eq!(tags.status, 404);

    // The same by `scan`, whose exit code for it is its own.
    let dir = project.dir().display().to_string();
    let scan = |gate: &str| scene.world.bulla(["scan", &dir, "--fail-on", gate]);
    scan("critical").exit(6).says("RUSTSEC-2021-0003");
    scene.world.bulla(["scan", &dir]).success();

    // The version that mends it is below every gate.
    project.write("Cargo.lock", LOCK.replace("1.6.0", "1.6.1"));
    project.commit("Mend it");
    scene.ship(&project, &[]).success();
    scan("critical").success();
}
