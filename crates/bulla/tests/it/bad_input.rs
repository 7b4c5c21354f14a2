//! Bad input and bad surroundings: a clear error with its code, nothing
//! half-written left, and the next run works.
//!
//! One file for each kind: the project, the build's steps, the machine, the
//! data directory, images built elsewhere.

mod data_directory;
mod images;
mod machine;
mod project;
mod steps;

use std::{fs, path::Path, process::Command};

use bulla_testkit::{Instance, Outcome, Repository, World};

/// A world with an instance on free ports, and a place of its own for
/// temporary files, so that leftovers are seen.
pub(crate) struct Bench {
    pub(crate) world: World,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self::without_instance();
        Instance::create(&bench.world);
        bench
    }

    pub(crate) fn without_instance() -> Self {
        let world = World::new();
        fs::create_dir(world.root().join("tmp")).unwrap();
        Self { world }
    }

    /// A repository with one commit of this recipe.
    pub(crate) fn repository(&self, name: &str, recipe: &str) -> Option<Repository<'_>> {
        let repository = Repository::new(&self.world, name)?;
        repository.write("bulla.toml", recipe).commit("First");
        Some(repository)
    }

    /// `bulla` in `dir`, with the temporary folder of this bench.
    pub(crate) fn command(&self, dir: &Path) -> Command {
        let mut command = self.world.command(self.world.binary());
        self.refine(&mut command, dir);
        command
    }

    pub(crate) fn refine(&self, command: &mut Command, dir: &Path) {
        command
            .current_dir(dir)
            .env("TMPDIR", self.world.root().join("tmp"));
    }

    pub(crate) fn bulla(&self, dir: &Path, args: &[&str]) -> Outcome {
        self.world.run(self.command(dir).args(args))
    }

    /// Asserts that no temporary file and no layout is left, in the world or in `dir`.
    #[track_caller]
    pub(crate) fn is_clean(&self, dir: &Path) {
        let tmp = names(&self.world.root().join("tmp"));
        assert!(tmp.is_empty(), "left in the temporary folder: {tmp:?}");
        let left: Vec<String> = names(dir)
            .into_iter()
            .filter(|name| name.starts_with("bulla-out") || name.starts_with(".bulla"))
            .collect();
        assert!(left.is_empty(), "left in {}: {left:?}", dir.display());
    }

    /// Asserts that the project ships once its recipe is mended.
    #[track_caller]
    pub(crate) fn next_run_works(&self, repository: &Repository<'_>) {
        repository
            .write("bulla.toml", recipe("echo mended > out", ""))
            .commit("Mend it");
        let outcome = self.bulla(repository.dir(), &["ship", "."]);
        outcome.success().says("ALLOWED");
        self.is_clean(repository.dir());
    }
}

/// A recipe of one shell step, without base image.
pub(crate) fn recipe(script: &str, limits: &str) -> String {
    format!(
        "version = 1\nname = \"tiny\"\n[[step]]\nname = \"make\"\nrun = [\"sh\", \"-c\", '''{script}''']\n\
         [limits]\n{limits}\n[[output]]\npath = \"out\"\nto = \"/out\"\n[image]\nbase = \"scratch\"\n"
    )
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
