//! A Cargo build: no dependencies, no network, the same bytes twice.

use crate::setup::{Project, skip};
use bulla_build::Isolation;
use std::process::Command;

const RECIPE: &str = "version = 1\nname = \"hello\"\n[fetch]\nlock = \"Cargo.lock\"\n\
    [[step]]\nname = \"compile\"\nrun = [\"cargo\", \"build\", \"--frozen\"]\n\
    [[output]]\npath = \"target/debug/hello\"\nto = \"/usr/bin/hello\"\nmode = \"0755\"\n[image]\n";

fn project() -> Option<Project> {
    let project = Project::new()?;
    project.write(
        "Cargo.toml",
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    );
    project.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n",
    );
    project.write("src/main.rs", "fn main() { println!(\"hello\"); }\n");
    Some(project)
}

#[test]
fn builds_the_same_bytes_twice() {
    if Command::new("cargo").arg("--version").output().is_err() {
        return skip("builds_the_same_bytes_twice", "cargo is not installed");
    }
    let (Some(project), Some(other)) = (project(), self::project()) else {
        return;
    };
    let first = project.build(RECIPE).unwrap();
    let again = other.build(RECIPE).unwrap();
    assert_eq!(first.outputs[0].digest, again.outputs[0].digest);
    assert_eq!(first.isolation, Isolation::Namespaces);
    let names: Vec<&str> = first
        .toolchain
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert!(
        names.contains(&"rustc") && names.contains(&"cargo"),
        "{names:?}"
    );
    let ran = Command::new("sh")
        .args(["-c", "chmod +x \"$0\" && \"$0\""])
        .arg(&first.outputs[0].file)
        .output()
        .unwrap();
    assert_eq!(ran.stdout, b"hello\n");
    project.assert_clean();
}
