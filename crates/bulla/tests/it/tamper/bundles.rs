//! Bundles that do not hold: edited, borrowed, untimed, of another root.

use super::{
    objects, rejects,
    scene::{CYCLONEDX, EMAIL, PROVENANCE, SIGNATURE, Scene, shared, statement, with_statement},
};
use serde_json::{Value, json};

#[test]
fn the_bundles_of_another_image() {
    let scene = shared();
    let (Some(image), Some(other)) = (scene.image(), scene.image()) else {
        return;
    };
    let bare = scene.copy_bare(&scene, &image);
    for (_, bundle) in scene.bundles(&other) {
        scene.attach(&bare, &bundle);
    }
    let outcome = scene.verify(&bare, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0031");
    objects(&outcome, "image-signed", "TRUST-0031");
    scene.admit(&bare.reference).exit(1).says("TRUST-0031");
}

#[test]
fn bundles_of_another_image_beside_the_right_ones_change_nothing() {
    let scene = shared();
    let (Some(image), Some(other)) = (scene.image(), scene.image()) else {
        return;
    };
    for (_, bundle) in scene.bundles(&other) {
        scene.attach(&image, &bundle);
    }
    let outcome = scene.verify(&image, &[]);
    rejects(outcome.success(), "TRUST-0031");
}

#[test]
fn the_subject_of_the_provenance_is_edited() {
    let scene = shared();
    let (Some(image), Some(other)) = (scene.image(), scene.image()) else {
        return;
    };
    // The other image's provenance, made to speak about this one.
    let borrowed = scene.bundle(&other, PROVENANCE);
    let mut claim = statement(&borrowed);
    let digest = image.digest.trim_start_matches("sha256:");
    claim["subject"][0]["digest"]["sha256"] = digest.into();
    let forged = with_statement(borrowed, &claim);
    let copy = scene.copy(&image, |kind, bundle| {
        (kind != PROVENANCE).then_some(bundle)
    });
    scene.attach(&copy, &forged);
    let outcome = scene.verify(&copy, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0030");
    objects(&outcome, "provenance-from-builder", "TRUST-0030");

    let twin = scene.copy(&image, |_, bundle| Some(bundle));
    scene.verify(&twin, &[]).success();
}

#[test]
fn the_log_entry_is_replaced_by_that_of_another_bundle() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let entries = scene.bundle(&image, CYCLONEDX)["verificationMaterial"]["tlogEntries"].clone();
    let copy = scene.copy(&image, |kind, mut bundle| {
        if kind == SIGNATURE {
            bundle["verificationMaterial"]["tlogEntries"] = entries.clone();
        }
        Some(bundle)
    });
    let outcome = scene.verify(&copy, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0024");
    objects(&outcome, "image-signed", "TRUST-0024");
}

#[test]
fn the_place_in_the_log_is_changed() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let copy = scene.copy(&image, |kind, mut bundle| {
        if kind == SIGNATURE {
            let entry = &mut bundle["verificationMaterial"]["tlogEntries"][0];
            let hash = entry["inclusionProof"]["rootHash"].clone();
            entry["inclusionProof"]["hashes"] = json!([hash]);
        }
        Some(bundle)
    });
    let outcome = scene.verify(&copy, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0021");
}

#[test]
fn an_expired_certificate_without_a_trusted_timestamp() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let strip = |kind: &str, mut bundle: Value| {
        if kind == SIGNATURE {
            bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
        }
        Some(bundle)
    };
    let untimed = scene.copy(&image, strip);
    // The certificate lives for ten minutes.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let explain = |reference: &str| {
        let later = later.to_string();
        scene
            .world
            .bulla(["explain", reference, "--as-of", &later, "-o", "json"])
    };
    let outcome = explain(&untimed.reference);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0013");
    objects(&outcome, "image-signed", "TRUST-0013");
    // Neither does it count now, while the certificate is still valid.
    let outcome = scene.verify(&untimed, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0014");
    // With its timestamp the signature outlives the certificate.
    explain(&image.reference).success();
}

#[test]
fn the_same_identity_under_another_trust_root() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let other = Scene::new();
    let there = other.copy_bare(&scene, &image);
    other
        .world
        .bulla(["sign", &there.reference, "--email", EMAIL])
        .success();
    let signature = other.bundle(&there, SIGNATURE);
    let copy = scene.copy(&image, |kind, bundle| (kind != SIGNATURE).then_some(bundle));
    scene.attach(&copy, &signature);
    let outcome = scene.verify(&copy, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0010");
    objects(&outcome, "image-signed", "TRUST-0010");

    // The very same bundles, names and issuer, under the other instance's root.
    let root = other.instance.path("trusted_root").display().to_string();
    let issuer = scene.instance.url("oidc");
    let by = |more: &[&str]| {
        let mut args = vec!["--certificate-identity", EMAIL];
        args.extend(["--certificate-oidc-issuer", issuer]);
        args.extend(more);
        args.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let verify = |more: &[&str]| {
        let mut args = vec!["verify".to_owned(), image.reference.clone()];
        args.extend(by(more));
        scene.world.bulla(args)
    };
    verify(&[]).success();
    verify(&["--trusted-root", &root])
        .exit(1)
        .says("TRUST-0010");

    let file = scene.world.write(scene.name("notes"), "some notes\n");
    let bundle = scene.world.dir().join(scene.name("bundle"));
    let (file, bundle) = (file.display().to_string(), bundle.display().to_string());
    scene
        .world
        .bulla(["sign-blob", &file, "--email", EMAIL, "--bundle", &bundle])
        .success();
    let verify = |more: &[&str]| {
        let mut args = vec![
            "verify-blob".into(),
            file.clone(),
            "--bundle".into(),
            bundle.clone(),
        ];
        args.extend(by(more));
        scene.world.bulla(args)
    };
    verify(&[]).success();
    verify(&["--trusted-root", &root])
        .exit(1)
        .says("TRUST-0010");
}

#[test]
fn a_statement_signed_for_this_digest_under_another_name_is_kept_apart() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    // A statement about the same digest, edited to be a signature.
    let bundle = scene.bundle(&image, CYCLONEDX);
    let mut claim = statement(&bundle);
    claim["predicateType"] = SIGNATURE.into();
    claim["predicate"] = json!({});
    let copy = scene.copy(&image, |kind, bundle| (kind != SIGNATURE).then_some(bundle));
    scene.attach(&copy, &with_statement(bundle, &claim));
    let outcome = scene.verify(&copy, &[]);
    outcome.exit(1);
    rejects(&outcome, "TRUST-0030");
}
