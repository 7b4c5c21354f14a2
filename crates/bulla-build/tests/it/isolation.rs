//! What a step sees, and what it cannot reach.

use crate::setup::{Project, read, recipe};
use bulla_build::{BuildError, Isolation};
use bulla_core::Diagnose;
use std::net::TcpListener;

#[test]
fn a_step_sees_the_same_world_everywhere() {
    let Some(project) = Project::new() else {
        return;
    };
    project.write("a.txt", "text");
    let script = "{ pwd; id -u; id -g; hostname; umask; echo $HOME $TZ $LC_ALL \
                  $SOURCE_DATE_EPOCH; ls /proc/self/fd | wc -l; ls -A /tmp | wc -l; \
                  stat -c %Y a.txt; cat /proc/self/status | grep -E '^(CapEff|NoNewPrivs|Seccomp):'; \
                  env | wc -l; } > out";
    let built = project.script(script).unwrap();
    let text = read(&built);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        &lines[..6],
        [
            "/work",
            "1000",
            "1000",
            "bulla",
            "0022",
            "/home/builder UTC C.UTF-8 1700000000"
        ]
    );
    // 0, 1, 2 and the directory itself.
    assert_eq!(&lines[6..9], ["4", "0", "1700000000"], "{text}");
    assert!(text.contains("CapEff:\t0000000000000000"), "{text}");
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(text.contains("Seccomp:\t2"), "{text}");
    // The fixed ones, PWD and `_`; nothing of ours.
    assert!(
        lines.last().unwrap().parse::<u32>().unwrap() <= 12,
        "{text}"
    );
    assert_eq!(built.isolation, Isolation::Namespaces);
    project.assert_clean();
}

#[test]
fn inputs_and_system_cannot_be_written() {
    let Some(project) = Project::new() else {
        return;
    };
    let script = "for f in /usr/x /etc/x /x /dev/x /proc/sys/kernel/hostname; do \
                  ( echo a > $f ) 2>/dev/null && echo wrote $f; done; \
                  mount -t tmpfs x /tmp 2>/dev/null && echo mounted; \
                  unshare -U true 2>/dev/null && echo unshared; echo end > out";
    let built = project.script(script).unwrap();
    assert_eq!(built.log, "", "a step could write where it must not");
    assert_eq!(read(&built), "end\n");
}

#[test]
fn a_name_on_the_network_is_named_in_the_error() {
    let Some(project) = Project::new() else {
        return;
    };
    let error = project
        .script("getent hosts www.example.com && echo a > out")
        .unwrap_err();
    let BuildError::Network { step, target, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (step.as_str(), target.as_str()),
        ("only", "www.example.com")
    );
    assert_eq!(error.code().0, "BUILD-0012");
    assert!(
        error
            .to_string()
            .contains("step `only` tried to reach www.example.com")
    );
    project.assert_clean();
}

#[test]
fn an_address_on_the_network_is_named_in_the_error() {
    let Some(project) = Project::new() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The machine's own loopback is as far away as the rest of the network.
    project.write("c.c", &connect_to("127.0.0.1", port));
    let local = project
        .script("cc c.c -o c && ./c && echo a > out")
        .unwrap_err();
    assert!(matches!(local, BuildError::Step { .. }), "{local:?}");

    project.write("c.c", &connect_to("192.0.2.7", 4711));
    let error = project
        .script("cc c.c -o c && ./c && echo a > out")
        .unwrap_err();
    let BuildError::Network { target, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(target, "192.0.2.7:4711");
}

fn connect_to(address: &str, port: u16) -> String {
    format!(
        "#include <arpa/inet.h>\n#include <stdio.h>\n#include <sys/socket.h>\n\
         int main() {{ struct sockaddr_in a = {{ .sin_family = AF_INET, .sin_port = htons({port}) }};\n\
         inet_pton(AF_INET, \"{address}\", &a.sin_addr);\n\
         int s = socket(AF_INET, SOCK_STREAM, 0);\n\
         if (connect(s, (struct sockaddr *)&a, sizeof a)) {{ perror(\"connect\"); return 1; }}\n\
         return 0; }}\n"
    )
}

#[test]
fn a_file_outside_is_not_there_and_is_named_in_the_error() {
    for level in [Isolation::Namespaces, Isolation::Landlock] {
        let Some(mut project) = Project::new() else {
            return;
        };
        project.options.isolation = Some(level);
        let secret = project.directory.path().join("secret.txt");
        std::fs::write(&secret, "key").unwrap();
        let error = project
            .script(&format!("cat {} > out", secret.display()))
            .unwrap_err();
        let BuildError::OutsideInput { step, target, .. } = &error else {
            panic!("{level}: {error:?}");
        };
        assert_eq!(
            (step.as_str(), target.as_str()),
            ("only", secret.to_str().unwrap())
        );
        assert_eq!(error.code().0, "BUILD-0013");
        project.assert_clean();
    }
}

#[test]
fn landlock_has_no_internet_sockets_and_writes_only_its_own_files() {
    let Some(mut project) = Project::new() else {
        return;
    };
    project.options.isolation = Some(Isolation::Landlock);
    let elsewhere = project.directory.path().join("elsewhere");
    project.write("c.c", &connect_to("127.0.0.1", 9));
    let script = format!(
        "cc c.c -o c; ./c 2>&1 | grep -o 'Bad file.*' >> out; \
         echo a > {} 2>/dev/null || echo refused >> out; echo b > $TMPDIR/b && echo own >> out",
        elsewhere.display()
    );
    let built = project.script(&script).unwrap();
    // socket() failed, so connect() got descriptor -1.
    assert_eq!(read(&built), "Bad file descriptor\nrefused\nown\n");
    assert!(!elsewhere.exists());
    assert_eq!(built.isolation, Isolation::Landlock);

    let error = project
        .script("echo 'Could not resolve host: a.example' >&2; exit 6")
        .unwrap_err();
    assert!(matches!(&error, BuildError::Network { target, .. } if target == "a.example"));
}

#[test]
fn nothing_passes_from_step_to_step_but_files() {
    let Some(project) = Project::new() else {
        return;
    };
    let steps = [
        (
            "one",
            "(sleep 1000; echo late > out) & echo $! > pid; export X=1; echo t > /tmp/t",
        ),
        (
            "two",
            "{ cat pid; ls /proc | grep -c '^[0-9]*$'; echo ${X-none}; cat /tmp/t; } > out",
        ),
    ];
    let built = project.build(&recipe(&steps, "")).unwrap();
    let text = read(&built);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    // Pid 1, the shell, ls and grep: no sleep.
    assert_eq!(lines, ["4", "none", "t"], "{text}");
    assert_eq!(built.steps.len(), 2);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let Some(project) = Project::new() else {
        return;
    };
    let text = "version = 1\nname = \"t\"\n[[step]]\nname = \"a\"\nrun = [\"no-such-tool\"]\n\
                [[output]]\npath = \"out\"\nto = \"/out\"\n[image]\n";
    let error = project.build(text).unwrap_err();
    let BuildError::Step { status, tail, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(status.to_string(), "exit code 127");
    assert!(tail.contains("cannot run `no-such-tool`"), "{tail}");
}

#[test]
fn level_none_only_on_request() {
    let Some(mut project) = Project::new() else {
        return;
    };
    project.options.isolation = None;
    let built = project.script("echo a > out").unwrap();
    assert_ne!(built.isolation, Isolation::None);
    project.options.isolation = Some(Isolation::None);
    let built = project.script("echo a > out").unwrap();
    assert_eq!(built.isolation, Isolation::None);
}

#[test]
fn the_parent_is_out_of_reach() {
    let Some(project) = Project::new() else {
        return;
    };
    let script = "{ kill -9 1 && echo killed; kill -0 1 && echo reachable; \
                  cat /proc/1/environ; ls -l /proc/1/fd; } > out 2>/dev/null; sleep 0.2; echo alive >> out";
    let text = read(&project.script(script).unwrap());
    assert!(text.ends_with("alive\n"), "{text}");
    assert!(
        !text.contains("->"),
        "descriptors of pid 1 are visible: {text}"
    );
}
