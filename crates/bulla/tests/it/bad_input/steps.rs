//! Steps that do not end, take too much, or leave something else than a file.

use bulla_testkit::require_user_namespaces;

use super::{Bench, recipe};

/// Each recipe fails with 1 and this code and words, leaves nothing, and does
/// not keep the next one from working.
fn refused(cases: &[(&str, &str, &str, &str)]) {
    if !require_user_namespaces() {
        return;
    }
    let bench = Bench::new();
    let Some(repository) = bench.repository("hostile", &recipe("true", "")) else {
        return;
    };
    for (script, limits, code, words) in cases {
        repository
            .write("bulla.toml", recipe(script, limits))
            .commit("Worse");
        for command in ["build", "ship"] {
            let outcome = bench.bulla(repository.dir(), &[command, "."]);
            outcome.exit(1).says(code).says(words);
            assert_eq!(outcome.stdout, "", "{}", outcome.account());
            bench.is_clean(repository.dir());
        }
    }
    bench.next_run_works(&repository);
}

#[test]
fn an_output_is_a_regular_file_of_its_own() {
    refused(&[
        ("ln -s /etc/passwd out", "", "BUILD-0034", "a symbolic link"),
        ("mkfifo out", "", "BUILD-0034", "a named pipe"),
        ("mkdir out", "", "BUILD-0034", "a directory"),
        ("true", "", "BUILD-0033", "not written by any step"),
    ]);
}

#[test]
fn a_device_is_no_output() {
    // In a user namespace the kernel refuses to make one; either way it is not taken.
    refused(&[("mknod out c 1 3", "", "BUILD-00", "step `make`")]);
}

#[test]
fn a_step_that_never_ends_is_ended() {
    refused(&[(
        "echo half > out; while :; do sleep 1; done",
        "time = \"2s\"",
        "BUILD-0011",
        "step `make` reached the limit of time: 2 s",
    )]);
}

#[test]
fn a_step_that_forks_without_end_is_ended() {
    refused(&[(
        "while :; do sleep 4321 & done",
        "processes = 64\ntime = \"30s\"",
        "BUILD-0011",
        "step `make` reached the limit of processes",
    )]);
    let left = std::process::Command::new("sh")
        .args(["-c", "ps -eo args | grep -c '^sleep 4321$'"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "0");
}

#[test]
fn a_step_that_fills_the_disk_is_ended() {
    refused(&[(
        "dd if=/dev/zero of=big bs=1M count=4096; sleep 60",
        "disk = \"16MiB\"\ntime = \"30s\"",
        "BUILD-0011",
        "step `make` reached the limit of disk: 16 MiB",
    )]);
}
