//! The whole way: from a commit to an admitted workload.
//!
//! The single commands are in `ship/steps.rs`.

mod steps;

use crate::tamper::scene::{EMAIL, Image, recipe, shared};
use bulla_testkit::{Instance, Repository, SshKey, World};
use serde_json::Value;
use std::fs;

const STAGES: [&str; 9] = [
    "source",
    "build",
    "image",
    "inventory",
    "scan",
    "sign",
    "log",
    "registry",
    "admission",
];

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .filter_map(|one| one["stage"].as_str())
        .collect()
}

#[test]
fn every_stage_in_order_and_the_reference_alone_on_stdout() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let json = scene.ship(&project, &["-o", "json"]).success().json();
    assert_eq!(names(&json["stages"]), STAGES);
    assert_eq!(names(&json["chain"]["links"]), STAGES);
    let rejections = json["chain"]["rejections"].as_array().map(Vec::len);
    assert_eq!(rejections, Some(0));
    let commit = project.head();
    let reference = json["reference"].as_str().expect("a reference");
    assert!(
        reference.ends_with(&format!(":git-{}", &commit[..12])),
        "{reference} is not named by the commit {commit}"
    );
    assert!(json["chain"]["links"][0].to_string().contains(&commit));

    // The second run ends with the same image.
    let again = scene.ship(&project, &[]);
    assert_eq!(again.success().stdout.trim_end(), reference);
    again.says("ALLOWED").says(EMAIL);
    let quiet = scene.ship(&project, &["-q", "-o", "json"]);
    assert_eq!(quiet.success().json()["digest"], json["digest"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn without_a_server_the_instance_runs_in_the_process() {
    let world = World::new();
    let Some(project) = Repository::new(&world, "alone") else {
        return;
    };
    project.write("bulla.toml", recipe("alone", "cp hello.txt out", ""));
    project.write("hello.txt", "hello\n");
    project.commit("Say hello");
    Instance::create(&world);
    let mut command = world.command(world.binary());
    command
        .current_dir(project.dir())
        .args(["ship", "-o", "json"]);
    let first = world.run(&mut command);
    let json = first.success().json();
    // git's own address signs.
    first.says(EMAIL);
    let image = Image::of(&json);
    // Nothing is left running, and every other command opens what was kept.
    world.bulla(["verify", &image.reference]).success();
    world.bulla(["explain", &image.reference]).success();
    let instance = Instance::start(&world);
    assert!(image.reference.starts_with(instance.registry()));
    let second = world.run(&mut command);
    assert_eq!(second.success().json()["digest"], image.digest.as_str());
    second.says("through the running bulla up");
}

#[test]
fn a_signed_commit_of_an_allowed_signer_is_shown() {
    let world = World::new();
    let Some(project) = Repository::new(&world, "signed") else {
        return;
    };
    let Some(key) = SshKey::generate(&world, EMAIL) else {
        return;
    };
    let Some(stranger) = SshKey::generate(&world, "mallory@example.com") else {
        return;
    };
    project.write("bulla.toml", recipe("signed", "cp hello.txt out", ""));
    project.write("hello.txt", "hello\n");
    project.commit_signed("Say hello", &key);
    let instance = Instance::start(&world);
    let allowed = instance.data().join("allowed_signers");
    fs::write(allowed, key.allowed_signer()).expect("the allowed signers");
    let dir = project.dir().display().to_string();
    let ship = || world.bulla(["ship", &dir, "--email", EMAIL, "-o", "json"]);
    let source = |json: &Value| {
        json["stages"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };

    let text = source(&ship().success().json());
    assert!(text.contains(EMAIL), "{text}");
    assert!(!text.contains("unsigned"), "{text}");
    // A good signature by a key that nobody allowed is not one of the named.
    project.write("hello.txt", "hello again\n");
    project.commit_signed("Say it again", &stranger);
    let text = source(&ship().success().json());
    assert!(!text.contains(EMAIL), "{text}");
    // A recipe may insist on a signature.
    let strict = "[policy]\nsource-signature = \"required\"\n";
    project.write("bulla.toml", recipe("signed", "cp hello.txt out", strict));
    project.commit_signed("Insist", &stranger);
    ship().exit(1).says("POLICY-0024");
    project.commit_signed("Insist, as Dana", &key);
    ship().success();
}

#[test]
fn an_image_built_elsewhere_lacks_provenance_and_is_told_so() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    let out = scene.world.dir().join(scene.name("elsewhere"));
    let dir = project.dir().display().to_string();
    let mut args = vec!["build".to_owned(), dir, "--out".into()];
    args.extend([out.display().to_string(), "-o".into(), "json".into()]);
    let built = scene.world.bulla(args).success().json();
    let layout = format!("layout:{}", out.display());
    let mut args = vec!["ship", "--image", &layout, "--email", EMAIL];
    args.extend(["-o", "json"]);
    let shipped = scene.world.bulla(args);
    shipped.exit(3).says("provenance is missing");
    let json = shipped.json();
    assert_eq!(json["digest"], built["digest"]);
    let rules = json["chain"]["decision"]["rules"].as_array();
    let denied: Vec<&str> = rules
        .into_iter()
        .flatten()
        .filter(|rule| rule["outcome"] != "allow" && rule["outcome"] != "warn")
        .filter_map(|rule| rule["rule"].as_str())
        .collect();
    assert_eq!(
        denied,
        ["provenance-from-builder", "source-named", "isolated-build"]
    );
}

#[test]
fn building_twice_gives_the_same_or_shows_the_first_difference() {
    let scene = shared();
    let reproduce = |script: &str| {
        let project = scene.project(script, "")?;
        let out = scene.world.dir().join(scene.name("out"));
        let mut args = vec!["build".to_owned(), "--reproduce".into()];
        args.extend([project.dir().display().to_string(), "--out".into()]);
        args.extend([out.display().to_string(), "-o".into(), "json".into()]);
        Some(scene.world.bulla(args))
    };
    let Some(same) = reproduce("cp hello.txt out") else {
        return;
    };
    assert_eq!(same.success().json()["reproduced"], true);
    let Some(differs) = reproduce("head -c 16 /dev/urandom > out") else {
        return;
    };
    differs.exit(1).says("out");
}

#[test]
fn explain_prints_the_chain_as_text_json_and_picture() {
    let scene = shared();
    let Some(image) = scene.image() else { return };
    let explain = |more: &[&str]| {
        let mut args = vec!["explain", &image.reference];
        args.extend(more);
        scene.world.bulla(args)
    };
    let text = explain(&[]);
    text.success()
        .says(&image.digest)
        .says("provenance-from-builder");
    let json = explain(&["-o", "json"]).success().json();
    assert_eq!(names(&json["links"]), STAGES);
    assert_eq!(json["digest"], image.digest.as_str());
    let svg = explain(&["-o", "svg"]);
    assert!(svg.success().stdout.starts_with("<svg"), "{}", svg.stdout);
    assert!(svg.stdout.trim_end().ends_with("</svg>"));
    let one = explain(&["--stage", "scan"]);
    one.success().says("scan-coverage");
    assert!(!one.stdout.contains("provenance-from-builder"));
    // Before it was signed, nothing spoke for it.
    let before = explain(&["--as-of", "2026-01-01T00:00:00Z", "-o", "json"]);
    before.exit(1).says("TRUST-0019");
    // What a code means needs no instance.
    World::new()
        .bulla(["explain", "POLICY-0013"])
        .success()
        .says("POLICY-0013");
}

#[test]
fn init_writes_a_recipe_that_ships() {
    let scene = shared();
    let Some(_) = bulla_testkit::require("make") else {
        return;
    };
    let Some(project) = Repository::new(&scene.world, &scene.name("site")) else {
        return;
    };
    project.write("index.html", "<!doctype html><title>hello</title>\n");
    project.commit("Say hello");
    let dir = project.dir().display().to_string();
    scene.ship(&project, &[]).exit(7).says("bulla init");
    scene.world.bulla(["init", &dir]).success();
    let text = fs::read_to_string(project.dir().join("bulla.toml")).expect("a recipe");
    assert!(text.contains('#'), "no comments: {text}");
    // What is there already is not written over.
    let again = scene.world.bulla(["init", &dir]);
    assert_ne!(again.code, 0, "{}", again.account());
    project.commit("Add the recipe");
    scene.ship(&project, &[]).success();
}
