//! Each step by itself: verify, sign, attest, token, admit, trust.

use crate::tamper::scene::{EMAIL, PROVENANCE, SIGNATURE, pinned, pod, review, shared};
use bulla_testkit::Distribution;
use serde_json::Value;

#[test]
fn verify_by_policy_and_by_identity() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let issuer = scene.instance.url("oidc");
    let verify = |more: &[&str]| {
        let mut args = vec!["verify", &image.reference];
        args.extend(more);
        scene.world.bulla(args)
    };
    let by_policy = verify(&[]);
    assert!(
        by_policy
            .success()
            .stdout
            .trim_end()
            .ends_with(&image.digest)
    );
    verify(&["--explain"])
        .success()
        .says("provenance-from-builder");
    let dana = ["--certificate-identity", EMAIL];
    let by = [&dana[..], &["--certificate-oidc-issuer", issuer]].concat();
    verify(&by).success().says(SIGNATURE);
    let signature = [&by[..], &["--type", SIGNATURE]].concat();
    verify(&signature).success();
    // A person did not say where it came from.
    let provenance = [&by[..], &["--type", PROVENANCE]].concat();
    verify(&provenance).exit(1).says("TRUST-0040");
    let elsewhere = ["--certificate-oidc-issuer", "https://login.example.com"];
    verify(&[&dana[..], &elsewhere].concat())
        .exit(1)
        .says("TRUST-0041");
    let missing = format!("{}-none", image.reference);
    scene.world.bulla(["verify", &missing]).exit(3);
}

#[test]
fn sign_and_attest_an_image() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let bare = scene.copy_bare(&scene, &image);
    let issuer = scene.instance.url("oidc");
    let verify = |kind: &str| {
        let mut args = vec!["verify", &bare.reference, "--certificate-identity", EMAIL];
        args.extend(["--certificate-oidc-issuer", issuer, "--type", kind]);
        scene.world.bulla(args)
    };
    verify(SIGNATURE).exit(3);
    let signed = scene
        .world
        .bulla(["sign", &bare.reference, "--email", EMAIL]);
    assert!(signed.success().stdout.trim_end().ends_with(&bare.digest));
    verify(SIGNATURE).success();
    verify("https://example.com/review/v1").exit(3);
    let predicate = scene
        .world
        .write(scene.name("review"), r#"{"by":"dana","ok":true}"#);
    let predicate = predicate.display().to_string();
    let mut args = vec!["attest", &bare.reference, "--predicate", &predicate];
    args.extend(["--type", "https://example.com/review/v1", "--email", EMAIL]);
    scene.world.bulla(args).success();
    verify("https://example.com/review/v1").success();
}

#[test]
fn sign_and_attest_a_file() {
    let scene = shared();
    let issuer = scene.instance.url("oidc");
    let file = scene.world.write(scene.name("notes"), "some notes\n");
    let other = scene.world.write(scene.name("notes"), "other notes\n");
    let predicate = scene.world.write(scene.name("review"), r#"{"ok":true}"#);
    let bundle = scene.world.dir().join(scene.name("bundle"));
    let [file, other, predicate, bundle] =
        [file, other, predicate, bundle].map(|path| path.display().to_string());
    let verify = |file: &str, who: &str| {
        let mut args = vec!["verify-blob", file, "--bundle", &bundle];
        args.extend([
            "--certificate-identity",
            who,
            "--certificate-oidc-issuer",
            issuer,
        ]);
        scene.world.bulla(args)
    };
    let mut sign = vec!["sign-blob", &file, "--bundle", &bundle];
    sign.extend(["--email", EMAIL]);
    let mut attest = vec!["attest-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    attest.extend(["--type", "https://example.com/review/v1"]);
    attest.extend(["--predicate", &predicate]);
    for make in [sign, attest] {
        scene.world.bulla(make).success();
        verify(&file, EMAIL).success().says(EMAIL);
        verify(&other, EMAIL).exit(1).says("TRUST-003");
        verify(&file, "mallory@example.com")
            .exit(1)
            .says("TRUST-0040");
    }
    let mut args = vec!["verify-blob", &file, "--bundle", &bundle];
    scene.world.bulla(&args).exit(2).says("CLI-0040");
    args.extend(["--certificate-identity", EMAIL]);
    scene.world.bulla(&args).exit(2);
}

#[test]
fn token_mints_people_and_no_service() {
    let scene = shared();
    let token = |email: &str| scene.world.bulla(["token", "--email", email]);
    let minted = token(EMAIL);
    assert_eq!(minted.success().stdout.trim_end().split('.').count(), 3);
    let service = scene.instance.url("oidc").replace("/asserted", "/service");
    for name in ["builder", "scanner", "registry"] {
        for name in [name.to_owned(), format!("{service}/{name}")] {
            let refused = token(&name);
            refused.says("AUTH-0102");
            assert_ne!(refused.code, 0, "{}", refused.account());
            assert_eq!(refused.stdout, "");
        }
    }
}

#[test]
fn admit_answers_a_review_and_a_bare_pod_alike() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let admit = |name: &str, document: &Value| {
        let file = scene.world.write(scene.name(name), document.to_string());
        let file = file.display().to_string();
        scene.world.bulla(["admit", "--review", &file])
    };
    let want = format!(
        "{}@{}",
        image.reference.rsplit_once(':').expect("a tag").0,
        image.digest
    );
    let asked = review(&image.reference);
    let answer = admit("review", &asked).success().json();
    assert_eq!(answer["response"]["uid"], asked["request"]["uid"]);
    assert_eq!(answer["response"]["allowed"], true);
    assert_eq!(pinned(&answer), want);
    let answer = admit("pod", &pod(&image.reference)).success().json();
    assert_eq!(pinned(&answer), want);
    // An image from elsewhere.
    let denied = admit("pod", &pod("registry.example.com/web:v1"));
    assert_ne!(denied.code, 0, "{}", denied.account());
    assert_eq!(denied.json()["response"]["allowed"], false);
    admit("text", &Value::from("no workload"))
        .exit(7)
        .says("ADMISSION-0093");
}

#[test]
fn trust_show_names_root_and_issuers() {
    let scene = shared();
    let text = scene.world.bulla(["trust", "show"]);
    text.success().says(scene.instance.url("root"));
    text.says(scene.instance.url("oidc")).says("online");
    let json = scene
        .world
        .bulla(["trust", "show", "-o", "json"])
        .success()
        .json();
    assert_eq!(json["assertedIssuer"], scene.instance.url("oidc"));
    assert!(
        json["authorities"]
            .as_array()
            .is_some_and(|all| all.len() >= 4)
    );
}

#[test]
fn ship_goes_to_any_registry_and_is_judged_there() {
    let Some(distribution) = Distribution::start() else {
        return;
    };
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let place = format!("{}/team/hello", distribution.host());
    let shipped = scene.ship(&project, &["--registry", &place]);
    let reference = shipped.success().stdout.trim_end().to_owned();
    assert!(
        reference.starts_with(&format!("{place}:git-")),
        "{reference}"
    );
    let dana = format!("{}={EMAIL}", scene.instance.url("oidc"));
    scene
        .world
        .bulla(["verify", &reference, "--identity", &dana])
        .success();
    let tag = format!("{place}:v1");
    let shipped = scene.ship(&project, &["--registry", &tag]);
    assert_eq!(shipped.success().stdout.trim_end(), tag);
    scene
        .ship(&project, &["--registry", "no registry"])
        .exit(2)
        .says("REGISTRY/REPOSITORY");
}
