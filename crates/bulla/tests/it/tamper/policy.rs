//! Evidence that holds, and is not what the policy asks for.

use super::{
    objects,
    scene::{CYCLONEDX, EMAIL, PROVENANCE, SIGNATURE, SPDX, Scene, recipe, shared, statement},
};
use serde_json::json;

/// A policy that wants the image signed by `subject`, as the instance's issuer names people.
pub fn signed_by(scene: &Scene, subject: &str) -> String {
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

/// What an installed Python package says about itself.
fn metadata(version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: langchain\nVersion: {version}\n")
}

#[test]
fn a_finding_above_the_gate() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let name = scene.name("vulnerable");
    let more = "[[output]]\npath = \"METADATA\"\nmode = \"0644\"\n\
        to = \"/usr/lib/python3/dist-packages/langchain.dist-info/METADATA\"\n";
    project.write("bulla.toml", recipe(&name, "cp hello.txt out", more));
    project.write("METADATA", metadata("0.0.1"));
    project.commit("Add a package with a critical finding");
    let denied = scene.ship(&project, &[]);
    denied.exit(1).says("PYSEC-2023-138").says("SCAN-0090");
    // Nothing was signed or pushed.
    let tags = scene.http("GET", &format!("/v2/{name}/tags/list"), "text/plain", b"");
    assert_eq!(tags.status, 404);

    // The same by `scan`, whose exit code for it is its own.
    let root = format!("{}-root", project.dir().display());
    let installed = format!("{root}/usr/lib/python3/dist-packages/langchain.dist-info/METADATA");
    scene.world.write(&installed, metadata("0.0.1"));
    let scan = |more: &[&str]| {
        let mut args = vec!["scan", &root];
        args.extend(more);
        scene.world.bulla(args)
    };
    scan(&["--fail-on", "critical"])
        .exit(6)
        .says("PYSEC-2023-138");
    scan(&[]).success().says("PYSEC-2023-138");
}

#[test]
fn a_recipe_may_lower_the_gate() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    // One finding of high severity, and none above it.
    let text = "Metadata-Version: 2.1\nName: cryptography\nVersion: 41.0.5\n";
    let output = "[[output]]\npath = \"METADATA\"\nmode = \"0644\"\n\
        to = \"/usr/lib/python3/dist-packages/cryptography.dist-info/METADATA\"\n";
    let strict = format!("{output}\n[policy]\nfail-on = \"high\"\n");
    let name = scene.name("gated");
    project.write("METADATA", text);
    project.write("bulla.toml", recipe(&name, "cp hello.txt out", output));
    project.commit("Add a package with a high finding");
    scene.ship(&project, &[]).success();
    project.write("bulla.toml", recipe(&name, "cp hello.txt out", &strict));
    project.commit("Ask for more");
    scene.ship(&project, &[]).exit(1).says("PYSEC-2023-254");

    // A person vouches that it does not matter; for another finding that says nothing.
    let vex = |id: &str| {
        let document = json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1",
            "author": "Dana", "timestamp": "2026-11-01T00:00:00Z", "version": 1,
            "statements": [{
                "vulnerability": {"name": id},
                "products": [{"@id": "pkg:pypi/cryptography@41.0.5"}],
                "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path",
            }],
        });
        let file = scene.world.write(scene.name("vex"), document.to_string());
        scene.ship(&project, &["--vex", &file.display().to_string()])
    };
    vex("PYSEC-2023-255").exit(1).says("PYSEC-2023-254");
    vex("PYSEC-2023-254").success();
}
