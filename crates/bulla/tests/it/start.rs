//! What verifying a bundle does not start: threads, connections, anything that
//! waits for events. Ten times faster than cosign means doing nothing else.
//!
//! The command is held twice and looked at from outside: where it reads the file
//! (everything before is set up) and where it writes its answer (all is done).
//! Both files are pipes with nobody at the other end until the test has looked.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bulla_testkit::{World, require, suites};

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn verifying_a_bundle_starts_no_runtime() {
    held(&["verify-blob"], true);
}

#[test]
fn neither_does_the_cosign_face() {
    held(&["cosign", "verify-blob"], false);
}

/// Holds the command at its file, and at its answer where it takes `-o json=FILE`.
#[track_caller]
fn held(words: &[&str], answers: bool) {
    let (Some(mkfifo), Some(assets)) = (
        require("mkfifo"),
        suites("sigstore-conformance/test/assets"),
    ) else {
        return;
    };
    let world = World::new();
    let case = assets.join("bundle-verify/rekor2-happy-path");
    let (file, answer) = (world.dir().join("a.txt"), world.dir().join("answer.json"));
    for pipe in [&file, &answer] {
        world.run(Command::new(&mkfifo).arg(pipe)).success();
    }
    let mut command = world.command(world.binary());
    command
        .args(words)
        .args(["--certificate-identity", IDENTITY])
        .args(["--certificate-oidc-issuer", ISSUER, "--trusted-root"])
        .arg(case.join("trusted_root.json"))
        .arg("--bundle")
        .arg(case.join("bundle.sigstore.json"));
    if answers {
        command.arg("-o").arg(format!("json={}", answer.display()));
    }
    let mut child = command
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()
        .expect("bulla");

    look(&mut child, "before it read the file");
    let artifact = fs::read(assets.join("a.txt")).expect("the artifact");
    let mut pipe = File::options().write(true).open(&file).expect("a reader");
    pipe.write_all(&artifact).expect("to write");
    drop(pipe);

    if answers {
        look(&mut child, "before it wrote the answer");
        let mut said = String::new();
        let mut pipe = File::open(&answer).expect("a writer");
        pipe.read_to_string(&mut said).expect("the answer");
        assert!(said.contains(IDENTITY), "{said}");
    }
    assert!(child.wait().expect("its end").success());
}

/// Waits until it sleeps, and finds one thread and nothing open but files.
fn look(child: &mut Child, when: &str) {
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let asked = Instant::now();
    while !sleeps(&proc) {
        let ended = child.try_wait().expect("its state");
        assert!(ended.is_none(), "it ended {when}: {ended:?}");
        assert!(asked.elapsed() < Duration::from_secs(60), "never {when}");
        std::thread::sleep(Duration::from_millis(2));
    }
    let threads = fs::read_dir(proc.join("task"))
        .expect("its threads")
        .count();
    assert_eq!(threads, 1, "threads {when}");
    for descriptor in fs::read_dir(proc.join("fd")).expect("its descriptors") {
        let open = fs::read_link(descriptor.expect("one").path()).unwrap_or_default();
        let open = open.display().to_string();
        let waits = ["socket:", "anon_inode:"]
            .iter()
            .any(|kind| open.starts_with(kind));
        assert!(!waits, "{open} is open {when}");
    }
}

/// Whether its first thread waits for something: here only a pipe can be it.
fn sleeps(proc: &Path) -> bool {
    let stat = fs::read_to_string(proc.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('S'))
}
