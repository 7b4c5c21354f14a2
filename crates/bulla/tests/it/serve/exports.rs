//! What other tools are given, and that they take it.

use super::*;
use bulla_testkit::{Instance, require};

#[test]
fn the_ready_file_and_one_command_give_the_same() {
    let world = World::new();
    let instance = Instance::start(&world);
    let exports = &instance.ready()["exports"];
    let initialize = exports["cosign_initialize"].as_str().unwrap();
    assert!(initialize.ends_with(instance.url("root")), "{initialize}");
    let outcome = world.bulla(["trust", "export", "--for", "all", "--dir", "trust"]);
    outcome.success();
    let mut files = 0;
    for paths in exports["files"].as_object().unwrap().values() {
        for path in paths.as_array().unwrap() {
            let path = Path::new(path.as_str().unwrap());
            let name = path.file_name().unwrap();
            let exported = fs::read(world.dir().join("trust").join(name)).unwrap();
            assert_eq!(fs::read(path).unwrap(), exported, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 10, "{exports}");
    for path in exports["environment"].as_object().unwrap().values() {
        assert!(Path::new(path.as_str().unwrap()).is_file(), "{path}");
    }
    world
        .bulla(["trust", "export", "--for", "notepad", "--dir", "trust"])
        .exit(2)
        .says("policy-controller");
}

#[test]
fn cosign_trusts_the_instance_by_the_line_it_was_given() {
    let Some(cosign) = require("cosign") else {
        return;
    };
    let world = World::new();
    let instance = Instance::start(&world);
    let line = instance.ready()["exports"]["cosign_initialize"].clone();
    let line = line.as_str().unwrap();
    let mut command = world.command(cosign);
    command.args(line.split(' ').skip(1));
    let outcome = world.run(&mut command);
    outcome.success();
}

#[test]
fn kyverno_and_policy_controller_find_pem_where_they_look() {
    let world = World::new();
    let instance = Instance::start(&world);
    let files = &instance.ready()["exports"]["files"];
    let read = |tool: &str, index: usize| {
        let path = files[tool][index].as_str().unwrap();
        fs::read_to_string(path).unwrap()
    };
    let policy = read("kyverno", 0);
    for part in [
        "kind: ClusterPolicy",
        "verifyImages:",
        "tsaCertChain: |",
        instance.url("ca"),
    ] {
        assert!(policy.contains(part), "{part}\n{policy}");
    }
    let policy = read("kyverno", 1);
    for part in [
        "kind: ImageValidatingPolicy",
        "rekorPubKey: |",
        "ctLogPubKey: |",
        "roots: |",
    ] {
        assert!(policy.contains(part), "{part}\n{policy}");
    }
    let trust = read("policy-controller", 0);
    for part in [
        "kind: TrustRoot",
        "sigstoreKeys:",
        "kind: ClusterImagePolicy",
        "trustRootRef: bulla",
    ] {
        assert!(trust.contains(part), "{part}\n{trust}");
    }
}
