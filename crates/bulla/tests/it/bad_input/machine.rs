//! What the machine does not allow: user namespaces, a port.

use std::{net::TcpListener, process::Command};

use bulla_testkit::{Instance, World, require_user_namespaces, skip};

use super::{Bench, names, recipe};

/// `sh` in a user namespace of its own, where `prepare` ran before `"$@"`.
fn inside(bench: &Bench, prepare: &str) -> Command {
    let mut command = bench.world.command("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!("{prepare} && exec \"$@\"")).arg("sh");
    command
}

#[test]
fn where_namespaces_are_forbidden_landlock_is_used_and_said_aloud() {
    let bench = Bench::new();
    if !require_user_namespaces() {
        return;
    }
    let Some(repository) = bench.repository("walled", &recipe("echo walled > out", "")) else {
        return;
    };
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces";
    let run = |args: &[&str]| {
        let mut command = inside(&bench, forbid);
        command.arg(bench.world.binary()).args(args);
        bench.refine(&mut command, repository.dir());
        bench.world.run(&mut command)
    };
    // Asked for by name, the level is that one or none.
    let outcome = run(&["ship", "--isolation", "namespaces", "."]);
    outcome
        .exit(7)
        .says("BUILD-0021")
        .says("sysctl user.max_user_namespaces");
    bench.is_clean(repository.dir());
    let image = bench.world.root().join("image");
    let out = image.to_str().unwrap();
    let outcome = run(&["build", "--isolation", "landlock", "--out", out, "."]);
    if outcome.code == 7 && outcome.stderr.contains("BUILD-0021") {
        skip("this kernel has no Landlock");
        return;
    }
    outcome.success();
    let outcome = run(&["ship", "-o", "json", "."]);
    outcome
        .success()
        .says("isolation level namespaces is not possible here")
        .says("sysctl user.max_user_namespaces=15000")
        .says("behind landlock, no network");
    let provenance = std::fs::read_to_string(image.with_extension("provenance.json"));
    let provenance: serde_json::Value = serde_json::from_str(&provenance.unwrap()).unwrap();
    let internal = &provenance["buildDefinition"]["internalParameters"];
    assert_eq!(internal["isolation"], "landlock", "{provenance}");
    // The lesser room is as closed.
    repository
        .write(
            "bulla.toml",
            recipe("cat /etc/shadow > out || cat /root/.profile > out", ""),
        )
        .commit("Look around");
    run(&["build", "--out", out, "."])
        .exit(1)
        .says("BUILD-0013");
}

#[test]
fn a_build_without_isolation_must_be_asked_for_and_is_denied() {
    let bench = Bench::new();
    let Some(repository) = bench.repository("open", &recipe("echo open > out", "")) else {
        return;
    };
    let outcome = bench.bulla(repository.dir(), &["ship", "--isolation", "none", "."]);
    outcome
        .exit(1)
        .says("NOT isolated")
        .says("DENIED by rule isolated-build")
        .says("POLICY-0025")
        .says("without --isolation none");
    assert_eq!(outcome.stdout, "", "a denied image is not named on stdout");
    assert_eq!(outcome.stderr.matches("[POLICY-0025]").count(), 1);
    bench.next_run_works(&repository);
}

#[test]
fn a_taken_port_is_named_before_anything_is_made() {
    let bench = Bench::without_instance();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = bench.world.root().join("data");
    let up = ["up", "--port", &port, "--data", data.to_str().unwrap()];
    let outcome = bench.bulla(bench.world.root(), &up);
    outcome
        .exit(7)
        .says("CLI-0015")
        .says(&format!("port {port} on 127.0.0.1 is taken"))
        .says("--port 0");
    assert!(!data.join("instance.json").exists(), "{:?}", names(&data));
    assert!(!data.join("ready.json").exists(), "{:?}", names(&data));
    drop(taken);
    Instance::start_at(&bench.world, &data).stop();
}

#[test]
fn an_instance_whose_port_is_taken_names_it() {
    let bench = Bench::new();
    let Some(repository) = bench.repository("ports", &recipe("echo > out", "")) else {
        return;
    };
    for service in ["registry", "authority", "admission"] {
        let port = port(&bench.world, service);
        let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let outcome = bench.bulla(repository.dir(), &["ship", "."]);
        outcome
            .exit(7)
            .says("CLI-0015")
            .says(&format!("port {port} on 127.0.0.1 is taken"))
            .says("--data DIR");
        assert!(!bench.world.data().join("ready.json").exists());
        drop(taken);
    }
    let other = bench.bulla(repository.dir(), &["up", "--port", "1"]);
    other.exit(2).says("CLI-0011");
    bench.next_run_works(&repository);
}

fn port(world: &World, service: &str) -> u16 {
    let text = std::fs::read_to_string(world.data().join("instance.json")).unwrap();
    let names: serde_json::Value = serde_json::from_str(&text).unwrap();
    u16::try_from(names["ports"][service].as_u64().unwrap()).unwrap()
}
