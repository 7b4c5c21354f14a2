//! Admission by policy of images that are signed in the old layout only.

use super::{EVE, REVIEW};
use crate::tamper::{
    scene::{EMAIL, Image, MANIFEST, Scene, pinned, review, shared},
    signed_by,
};
use bulla_testkit::Outcome;

const TAGS: [&str; 2] = ["--layout", "tags"];

fn admit(scene: &Scene, policy: &str, image: &Image) -> Outcome {
    let review = scene.file(&review(&image.reference).to_string());
    scene.bulla(&["admit", "--review", &review, "--policy", policy])
}

fn tag(image: &Image, slot: &str) -> String {
    format!("{}.{slot}", image.digest.replace(':', "-"))
}

fn attest(scene: &Scene, email: &str, image: &Image) {
    let predicate = scene.file(r#"{"ok":true}"#);
    let args = ["attest", &image.reference, "--email", email];
    let what = ["--type", REVIEW, "--predicate", &predicate];
    scene.bulla(&[&args[..], &what, &TAGS].concat()).success();
}

#[test]
fn an_image_that_is_signed_under_the_old_tag_only_is_admitted() {
    let scene = shared();
    let policy = signed_by(&scene, EMAIL);
    let image = scene.bare();
    admit(&scene, &policy, &image).exit(3).says("POLICY-0012");
    scene.sign_as(EMAIL, &image, &TAGS).success();
    let json = admit(&scene, &policy, &image).success().json();
    assert_eq!(json["response"]["allowed"], true, "{json}");
    assert!(pinned(&json).ends_with(&image.digest), "{json}");
    // It is the tag that is read: no bundle hangs on the image.
    assert!(scene.bundles(&image).is_empty());
    // The same policy says the same on the command line, and cites what it rests on.
    let args = ["--policy", &policy];
    let verified = scene.verify(&image, &args);
    let json = verified.success().json();
    let rests_on = json["decision"]["rules"][0]["evidence"].as_array();
    assert_eq!(rests_on.map(Vec::len), Some(1), "{json}");
}

#[test]
fn somebody_else_under_the_old_tag_is_denied() {
    let scene = shared();
    let policy = signed_by(&scene, EMAIL);
    let image = scene.bare();
    scene.sign_as(EVE, &image, &TAGS).success();
    let denied = admit(&scene, &policy, &image);
    denied.exit(1).says("POLICY-0013").says(EVE);
    assert_eq!(denied.json()["response"]["allowed"], false);
    // A key is nobody that this policy names.
    let by_key = scene.bare();
    let (private, _) = scene.key("ecdsa-p256");
    let args = ["sign", &by_key.reference, "--key", &private];
    scene.bulla(&[&args[..], &TAGS].concat()).success();
    admit(&scene, &policy, &by_key).exit(1).says("TRUST-");
    // Nor does what somebody else added take away what Dana said.
    scene.sign_as(EMAIL, &image, &TAGS).success();
    admit(&scene, &policy, &image).success();
}

#[test]
fn a_signature_of_another_image_under_this_ones_tag_is_denied() {
    let scene = shared();
    let policy = signed_by(&scene, EMAIL);
    let (_, images) = scene.index();
    let [signed, other] = images.as_slice() else {
        panic!("{images:?}")
    };
    scene.sign_as(EMAIL, signed, &TAGS).success();
    admit(&scene, &policy, signed).success();
    let path = format!("/v2/{}/manifests/{}", signed.repository, tag(signed, "sig"));
    let taken = scene.http("GET", &path, MANIFEST, b"");
    assert_eq!(taken.status, 200);
    let put = scene.put_manifest(&other.repository, &tag(other, "sig"), &taken.body);
    assert_eq!(put.status, 201);
    let denied = admit(&scene, &policy, other);
    denied.exit(1).says("TRUST-0031").says(&signed.digest);
    assert_eq!(denied.json()["response"]["allowed"], false);
}

#[test]
fn attestations_under_the_old_tag_count_for_their_type() {
    let scene = shared();
    let signed = std::fs::read_to_string(signed_by(&scene, EMAIL)).expect("the policy");
    let (head, _) = signed.split_once("    - name: signed\n").expect("a rule");
    let rule = format!(
        "    - name: reviewed\n      attestation:\n        authorities: [release]\n        \
         predicateType: {REVIEW}\n"
    );
    let policy = scene.path(&format!("{}.yaml", scene.name("reviewed")));
    std::fs::write(&policy, format!("{head}{rule}")).expect("the policy");
    let image = scene.bare();
    // A signature is no review.
    scene.sign_as(EMAIL, &image, &TAGS).success();
    admit(&scene, &policy, &image).exit(3).says("POLICY-0012");
    attest(&scene, EVE, &image);
    admit(&scene, &policy, &image).exit(1).says("POLICY-0013");
    attest(&scene, EMAIL, &image);
    admit(&scene, &policy, &image).success();
}
