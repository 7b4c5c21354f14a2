//! A source tree, a recipe, and options with private directories.

use bulla_build::{BuildError, Built, Isolation, Options, Recipe, build};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Says that a test cannot run here; fails it where skipping is forbidden.
pub(crate) fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    assert!(
        std::env::var("BULLA_NO_SKIP").as_deref() != Ok("1"),
        "{name} must not be skipped: {reason}"
    );
}

pub(crate) struct Project {
    pub(crate) directory: TempDir,
    pub(crate) options: Options,
}

impl Project {
    /// None where the sandbox cannot be: the test is then skipped.
    pub(crate) fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("source")).unwrap();
        let options = Options {
            isolation: Some(Isolation::Namespaces),
            cache: path("cache"),
            scratch: path("scratch"),
            outputs: path("outputs"),
            epoch: 1_700_000_000,
            offline: false,
            helper: Some(PathBuf::from(env!("CARGO_BIN_EXE_sandbox-child"))),
            memory_scratch: None,
        };
        let project = Self { directory, options };
        (project.allows(Isolation::Namespaces) && project.allows(Isolation::Landlock))
            .then_some(project)
    }

    /// Whether this machine has the level; says so where it has not.
    fn allows(&self, level: Isolation) -> bool {
        let place = self.directory.path().join("probe");
        let helper = self.options.helper.as_deref();
        let possible = bulla_build::sandbox::probe(level, &place, helper);
        if let Err(error) = &possible {
            let thread = std::thread::current();
            skip(thread.name().unwrap_or("a test"), &error.to_string());
        }
        possible.is_ok()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.directory.path().join("source")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn build(&self, recipe: &str) -> Result<Built, BuildError> {
        let recipe = Recipe::parse(recipe, "bulla.toml").unwrap();
        let _ = fs::remove_dir_all(&self.options.outputs);
        build(&recipe, &self.source(), &self.options, &mut |_| {})
    }

    /// Runs one shell script that is expected to write `out`.
    pub(crate) fn script(&self, script: &str) -> Result<Built, BuildError> {
        self.build(&recipe(&[("only", script)], ""))
    }

    /// Nothing may be left of a build but its outputs and the cache.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(&self.options.scratch)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// A recipe of shell scripts with one output `out`.
pub(crate) fn recipe(steps: &[(&str, &str)], more: &str) -> String {
    let mut text = String::from("version = 1\nname = \"t\"\n");
    for (name, script) in steps {
        text.push_str(&format!(
            "[[step]]\nname = \"{name}\"\nrun = [\"sh\", \"-c\", '''{script}''']\n"
        ));
    }
    text.push_str(more);
    text.push_str("\n[[output]]\npath = \"out\"\nto = \"/out\"\n[image]\n");
    text
}

pub(crate) fn read(built: &Built) -> String {
    fs::read_to_string(&built.outputs[0].file).unwrap()
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self")
        .map(|meta| std::os::unix::fs::MetadataExt::uid(&meta))
        .unwrap()
        == 0
}

/// Whether a process whose command line contains `mark` lives.
pub(crate) fn lives(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| fs::read(Path::new(&entry.path()).join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(mark))
}
