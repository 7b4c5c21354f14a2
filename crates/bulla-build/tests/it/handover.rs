//! What leaves the sandbox: declared regular files, copied once.

use crate::setup::{Project, read};
use bulla_build::{BuildError, output::OutputError};
use bulla_core::{Diagnose, Digest};

fn refused(script: &str) -> Option<OutputError> {
    for memory in [true, false] {
        let mut project = Project::new()?;
        project.options.memory_scratch = Some(memory);
        let error = project.script(script).unwrap_err();
        project.assert_clean();
        match error {
            BuildError::Output(error) if !memory => return Some(error),
            BuildError::Output(_) => {}
            other => panic!("{other:?}"),
        }
    }
    unreachable!()
}

#[test]
fn an_output_is_hashed_as_it_is_copied() {
    let Some(project) = Project::new() else {
        return;
    };
    let built = project.script("printf hello > out").unwrap();
    assert_eq!(built.outputs[0].digest, Digest::sha256(b"hello"));
    assert_eq!(built.outputs[0].size, 5);
    assert_eq!(read(&built), "hello");
}

#[test]
fn links_devices_and_pipes_are_refused() {
    for (script, code) in [
        ("ln -s /etc/passwd out", "BUILD-0034"),
        ("ln -s other out; echo a > other", "BUILD-0034"),
        ("mkfifo out", "BUILD-0034"),
        ("mkdir out", "BUILD-0034"),
        ("true", "BUILD-0033"),
    ] {
        let Some(error) = refused(script) else { return };
        assert_eq!(error.code().0, code, "{script}");
    }
}

#[test]
fn a_linked_directory_on_the_way_is_refused() {
    let Some(project) = Project::new() else {
        return;
    };
    let text = "version = 1\nname = \"t\"\n[[step]]\nname = \"a\"\n\
                run = [\"sh\", \"-c\", \"mkdir real; echo a > real/f; ln -s real dir\"]\n\
                [[output]]\npath = \"dir/f\"\nto = \"/out\"\n[image]\n";
    let error = project.build(text).unwrap_err();
    assert_eq!(error.code().0, "BUILD-0034", "{error}");
}

#[test]
fn a_second_name_is_fine_inside_only() {
    let Some(project) = Project::new() else {
        return;
    };
    // Cargo links its results like this.
    let built = project
        .script("mkdir -p d/e; echo a > d/e/f; ln d/e/f out")
        .unwrap();
    assert_eq!(read(&built), "a\n");
    let error = project.script("echo a > out; ln out /tmp/other || ln out $HOME/other || exit 3");
    match error {
        // The scratch places are mounts of their own.
        Err(BuildError::Step { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_output_directory_that_cannot_be_entered_does_not_stay() {
    let Some(project) = Project::new() else {
        return;
    };
    project
        .script("echo a > out; mkdir -p locked/x; chmod 0 locked")
        .unwrap();
    project.assert_clean();
}
