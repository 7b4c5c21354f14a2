use std::os::unix::fs::PermissionsExt;

use super::Instance;
use crate::World;

/// A stand-in for bulla that knows `up` and `token`.
const STAND_IN: &str = r#"#!/bin/sh
case "$1" in
up)
    while [ $# -gt 0 ]; do [ "$1" = --ready-file ] && ready=$2; shift; done
    printf '{"registry":"http://127.0.0.1:5610","docker_config":"/x/docker/config.json"}' > "$ready.part"
    mv "$ready.part" "$ready"
    trap 'echo stopped; exit 0' INT TERM
    while :; do sleep 0.05; done ;;
token) echo "token of $3 at $5" ;;
*) echo "ran $*" ; [ "$1" != fail ] ;;
esac
"#;

/// A world whose `bulla` is the stand-in.
pub(crate) fn stand_in() -> World {
    let world = World::new();
    let file = world.write("stand-in", STAND_IN);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.with_binary(file)
}

#[test]
fn an_instance_answers_until_it_is_stopped() {
    let world = stand_in();
    let instance = Instance::start(&world);
    assert_eq!(instance.registry(), "127.0.0.1:5610");
    let client = instance.client(&world, "true");
    let config = client.get_envs().find(|(name, _)| *name == "DOCKER_CONFIG");
    assert_eq!(config.unwrap().1.unwrap(), "/x/docker");
    let token = instance.token(&world, "a@example.com");
    assert_eq!(
        token,
        format!("token of a@example.com at {}", world.data().display())
    );
    assert_eq!(instance.stop(), Some(0));
}

#[test]
#[should_panic(expected = "is not ready")]
fn an_instance_that_ends_is_told_with_what_it_said() {
    let world = World::new().with_binary("/bin/false");
    Instance::start(&world);
}

#[test]
fn an_outcome_is_scrubbed_for_snapshots() {
    let world = stand_in();
    let outcome = world.bulla(["fail", "127.0.0.1:4000"]);
    assert_eq!(
        outcome.exit(1).snapshot(),
        "$ stand-in fail 127.0.0.1:[PORT]\n---- stdout\nran fail 127.0.0.1:[PORT]\n---- exit 1"
    );
}
