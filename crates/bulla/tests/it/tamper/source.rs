//! Source and build: what a commit may not hold, and what a step cannot reach.

use super::scene::{recipe, shared};

#[test]
fn a_secret_is_committed() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    // In pieces, so that this file holds none.
    let secret = ["AKIA", "Z7Q2", "WX5M", "T4LP", "N3VB"].concat();
    project.write("deploy.env", format!("AWS_ACCESS_KEY_ID={secret}\n"));
    let marker = "-----";
    let label = ["PRIVATE", "KEY"].join(" ");
    let body = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
    project.write(
        "deploy.pem",
        format!("{marker}BEGIN {label}{marker}\n{body}\n{marker}END {label}{marker}\n"),
    );
    project.commit("Add the deploy key");
    let denied = scene.ship(&project, &[]);
    denied.exit(1).says("SOURCE-0090").says("deploy.pem:1");
    assert!(
        !denied.account().contains(&body[20..]),
        "the secret itself is printed (rule R10)"
    );
    project.git(["rm", "-q", "deploy.pem", "deploy.env"]);
    project.commit("Remove it");
    scene.ship(&project, &[]).success();
}

#[test]
fn a_dirty_tree_passed_off_as_the_commit() {
    let scene = shared();
    let Some(project) = scene.project("cp hello.txt out", "") else {
        return;
    };
    project.write("hello.txt", "something else\n");
    scene
        .ship(&project, &[])
        .exit(1)
        .says("SOURCE-0091")
        .says("hello.txt");
    let dirty = scene.ship(&project, &["--allow-dirty", "-o", "json"]);
    dirty.exit(1).says("POLICY-0023");
    let json = dirty.json();
    let reference = json["reference"].as_str().expect("a reference");
    assert!(reference.contains(":dirty-"), "{reference}");
    scene.admit(reference).exit(1).says("POLICY-0023");
    let head = project.head();
    assert!(
        !json["chain"]["links"][0].to_string().contains(&head),
        "the dirty tree names the commit"
    );
}

#[test]
fn a_recipe_that_tries_to_loosen_the_policy() {
    let scene = shared();
    for (line, code) in [
        ("fail-on = \"never\"", "POLICY-0031"),
        ("isolation = \"none\"", "POLICY-0031"),
        ("sbom-present = false", "POLICY-0032"),
    ] {
        let more = format!("[policy]\n{line}\n");
        let Some(project) = scene.project("cp hello.txt out", &more) else {
            return;
        };
        let outcome = scene.ship(&project, &[]);
        outcome.says(code);
        assert_ne!(outcome.code, 0, "{line}\n{}", outcome.account());
        if code == "POLICY-0031" {
            outcome.exit(1);
        }
    }
    let Some(stricter) = scene.project("cp hello.txt out", "[policy]\nfail-on = \"high\"\n") else {
        return;
    };
    scene.ship(&stricter, &[]).success();
}

#[test]
fn a_build_step_that_needs_the_network() {
    let scene = shared();
    let Some(_) = bulla_testkit::require("curl") else {
        return;
    };
    let script = "curl -sS http://192.0.2.1/hello -o out";
    let Some(project) = scene.project(script, "") else {
        return;
    };
    let denied = scene.ship(&project, &[]);
    denied.exit(1).says("BUILD-0012");
    denied.says("step `make`").says("192.0.2.1:80");
}

#[test]
fn a_build_step_cannot_reach_the_instance_that_would_sign() {
    let scene = shared();
    let Some(_) = bulla_testkit::require("curl") else {
        return;
    };
    let ca = scene.instance.url("ca");
    let script = format!("curl -sS {ca}/healthz -o out");
    let Some(project) = scene.project(&script, "") else {
        return;
    };
    let denied = scene.ship(&project, &[]);
    // The step's own loopback is there, and nobody listens on it.
    denied.exit(1).says("BUILD-0014").says("step `make`");
    denied.says("Failed to connect");
}

#[test]
fn a_build_step_that_reads_a_file_outside_its_inputs() {
    let scene = shared();
    let outside = scene.world.write(scene.name("outside"), "not an input\n");
    let key = scene.instance.data().join("keys");
    for path in [outside, key] {
        let path = path.display().to_string();
        let script = format!("cat {path} > out");
        let Some(project) = scene.project(&script, "") else {
            return;
        };
        let denied = scene.ship(&project, &[]);
        denied.exit(1).says("BUILD-0013");
        denied.says("step `make`").says(&path);
    }
}

#[test]
fn an_output_that_leads_out_of_the_build() {
    let scene = shared();
    let Some(project) = scene.project("ln -s /etc/passwd out", "") else {
        return;
    };
    let denied = scene.ship(&project, &[]);
    denied.exit(1).says("BUILD-00").says("out");
    let name = scene.name("twin");
    project.write("bulla.toml", recipe(&name, "cp hello.txt out", ""));
    project.commit("Make a file of it");
    scene.ship(&project, &[]).success();
}
