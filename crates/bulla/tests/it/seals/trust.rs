//! Other trust roots: made known by fingerprint, shown, updated, exported.

use crate::tamper::scene::{EMAIL, Scene, shared};
use bulla_core::Digest;
use bulla_testkit::World;

#[test]
fn the_embedded_root_says_where_it_came_from_and_how_old_it_is() {
    let world = World::new();
    let show = |more: &[&str]| {
        let args = [&["trust", "show", "--sigstore", "public"], more].concat();
        world.bulla(args)
    };
    let text = show(&[]);
    let out = &text.success().stdout;
    for part in [
        "this binary",
        "taken ",
        "days ago",
        "rekor.sigstore.dev",
        "fulcio",
    ] {
        assert!(out.contains(part), "no {part}\n{out}");
    }
    let json = show(&["-o", "json"]).success().json();
    assert!(json["taken"].is_string(), "{json}");
    assert!(!world.data().exists(), "an instance was made");
    let exported = world.bulla(["trust", "export", "--sigstore", "public", "--dir", "out"]);
    exported.success();
    let file = world.dir().join("out/trusted_root.json");
    let file = file.display().to_string();
    let again = world.bulla(["trust", "show", "--trusted-root", &file, "-o", "json"]);
    let again = again.success().json();
    assert_eq!(again["authorities"], json["authorities"]);
}

#[test]
fn nothing_is_trusted_without_its_fingerprint() {
    let scene = Scene::new();
    let world = World::new();
    let url = scene.instance.url("tuf").to_owned();
    let root = scene.instance.path("tuf_root").display().to_string();
    let bytes = std::fs::read(&root).unwrap();
    let print = Digest::sha256(&bytes).hex().to_owned();
    let init = |fingerprint: &str| {
        let args = ["trust", "init", &url, "--root", &root, "--fingerprint"];
        world.bulla([&args[..], &[fingerprint]].concat())
    };
    let file = scene.file("notes\n");
    let bundle = scene.path("bundle");
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    scene.bulla(&args).success();
    let dana = scene.somebody(EMAIL);
    let verify = || {
        let args = ["verify-blob", &file, "--bundle", &bundle];
        let who = ["--identity", &dana, "--sigstore", &url];
        world.bulla([&args[..], &who].concat())
    };
    verify().exit(7).says("CLI-0306").says("trust init");
    world
        .bulla(["trust", "init", &url, "--root", &root])
        .exit(2)
        .says("--fingerprint");
    init(&"0".repeat(64)).exit(1).says("CLI-0340");
    verify().exit(7);
    init("beef").exit(2);
    init(&print).success();
    verify().success();
    let update = world.bulla(["trust", "update", &url]);
    update.success();
    world
        .bulla(["trust", "update", "https://tuf.example.com"])
        .exit(7)
        .says("CLI-0306");
    let show = world.bulla(["trust", "show", "--sigstore", &url]);
    assert!(show.success().stdout.contains(&print), "{}", show.stdout);
    assert!(!world.data().join("instance.json").exists());
    // Once known, it is known without a connection.
    scene.instance.stop();
    verify().success();
}

#[test]
fn somebody_of_another_root_is_somebody_else() {
    let here = shared();
    let there = Scene::new();
    let file = there.file("notes\n");
    let bundle = there.path("bundle");
    let args = ["sign-blob", &file, "--bundle", &bundle, "--email", EMAIL];
    there.bulla(&args).success();
    let dana = there.somebody(EMAIL);
    let root = there.instance.path("trusted_root").display().to_string();
    let verify = |more: &[&str]| {
        let args = ["verify-blob", &file, "--bundle", &bundle];
        here.bulla(&[&args[..], &["--identity", &dana], more].concat())
    };
    verify(&[]).exit(1);
    verify(&["--sigstore", "public"]).exit(1);
    verify(&["--trusted-root", &root]).success();
    verify(&["--sigstore", &root]).success();
    verify(&["--trusted-root", &root, "--sigstore", "public"]).exit(2);
    verify(&["--trusted-root", &file]).exit(7);
}
