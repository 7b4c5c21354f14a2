//! Steps without measure: each ends with a typed error, and nothing lives on.

use crate::setup::{Project, lives, recipe};
use bulla_build::{BuildError, Isolation, sandbox::Limit};

fn limited(project: &Project, script: &str, limits: &str) -> Limit {
    let error = project
        .build(&recipe(&[("wild", script)], &format!("[limits]\n{limits}")))
        .unwrap_err();
    project.assert_clean();
    match error {
        BuildError::Limit { step, limit, .. } => {
            assert_eq!(step, "wild");
            limit
        }
        other => panic!("{other:?}"),
    }
}

const LEVELS: [Isolation; 2] = [Isolation::Namespaces, Isolation::Landlock];

#[test]
fn a_step_that_hangs_is_ended() {
    for level in LEVELS {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.isolation = Some(level);
        let mark = format!("3{}{}", std::process::id(), level as u8);
        let script = format!("setsid sleep {mark} & sleep {mark}");
        assert_eq!(limited(&project, &script, "time = \"1s\""), Limit::Time);
        assert!(!lives(&mark), "{level}: a process lives on");
    }
}

#[test]
fn a_fork_bomb_is_ended() {
    for level in LEVELS {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.isolation = Some(level);
        let mark = format!("4{}{}", std::process::id(), level as u8);
        // Bounded by itself, too, so that a failing test harms nobody.
        let script = format!("i=0; while [ $i -lt 400 ]; do sleep {mark} & i=$((i+1)); done; wait");
        assert_eq!(
            limited(&project, &script, "processes = 50\ntime = \"30s\""),
            Limit::Processes
        );
        assert!(!lives(&mark), "{level}: a process lives on");
    }
}

#[test]
fn a_disk_filler_is_ended() {
    for (level, memory) in [
        (Isolation::Namespaces, true),
        (Isolation::Namespaces, false),
        (Isolation::Landlock, false),
    ] {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.isolation = Some(level);
        project.options.memory_scratch = Some(memory);
        let fill = "i=0; while [ $i -lt 400 ]; do head -c 1000000 /dev/zero > f$i || exit 1; i=$((i+1)); done; sleep 20";
        assert_eq!(
            limited(&project, fill, "disk = \"16MiB\"\ntime = \"30s\""),
            Limit::Disk
        );
    }
}

#[test]
fn a_deleted_file_counts_too() {
    for memory in [true, false] {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.memory_scratch = Some(memory);
        let script = "exec 5> NAME; rm NAME; i=0; while [ $i -lt 40 ]; do head -c 1000000 /dev/zero >&5; i=$((i+1)); done; sleep 20";
        // One file may not be larger than the limit either, hence the number of files.
        let (a, b) = (script.replace("NAME", "a"), script.replace("NAME", "b"));
        let script = format!("({a}) & ({b}) & sleep 20");
        assert_eq!(
            limited(&project, &script, "disk = \"32MiB\"\ntime = \"30s\""),
            Limit::Disk
        );
    }
}

#[test]
fn a_memory_eater_is_ended() {
    for level in LEVELS {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.isolation = Some(level);
        project.write(
            "eat.c",
            "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\
             int main() { for (int i = 0; i < 400; i++) { char *p = malloc(1 << 20); \
             if (!p) break; memset(p, 1, 1 << 20); } sleep(20); return 1; }\n",
        );
        let script = "cc eat.c -o eat && ./eat";
        assert_eq!(
            limited(&project, script, "memory = \"200MiB\"\ntime = \"30s\""),
            Limit::Memory
        );
    }
}
