//! The cosign face beside the real program: the same command lines, the same
//! exit codes, the same shape of what scripts read.

use bulla_testkit::{Outcome, World, require};
use std::{collections::BTreeSet, path::Path};

mod attached;
mod blobs;
mod digests;
mod documents;
mod images;
mod keyless;
mod old_keyless;
mod policies;
mod registries;
mod stamped;
mod stored_keys;
mod tools;
mod usage;

/// Runs one command line on the real program and on bulla, in folders of their
/// own below `world` that `prepare` filled alike.
struct Pair {
    world: World,
    cosign: std::path::PathBuf,
}

impl Pair {
    #[track_caller]
    fn new() -> Option<Self> {
        let cosign = require("cosign")?;
        Some(Self {
            world: World::new(),
            cosign,
        })
    }

    /// Runs the real program.
    fn theirs(&self, folder: &Path, args: &[&str]) -> Outcome {
        let mut command = self.world.command(&self.cosign);
        command.current_dir(folder).args(args);
        self.world.run(&mut command)
    }

    /// Runs bulla's face.
    fn ours(&self, folder: &Path, args: &[&str]) -> Outcome {
        let mut command = self.world.command(self.world.binary());
        command.current_dir(folder).arg("cosign").args(args);
        self.world.run(&mut command)
    }

    /// Runs both in the world's folder, and asserts that they end alike.
    #[track_caller]
    fn both(&self, args: &[&str]) -> (Outcome, Outcome) {
        let folder = self.world.dir();
        let (theirs, ours) = (self.theirs(&folder, args), self.ours(&folder, args));
        assert_eq!(
            theirs.code,
            ours.code,
            "\n{}\n{}",
            theirs.account(),
            ours.account()
        );
        (theirs, ours)
    }
}

/// The long flags in a help text, of either program.
fn flags(help: &str) -> BTreeSet<String> {
    let name = |line: &str| -> Option<String> {
        let line = line.trim_start();
        let line = match line.split_once(", --") {
            Some((letter, rest)) if letter.len() == 2 => format!("--{rest}"),
            _ => line.to_owned(),
        };
        let name = line.strip_prefix("--")?;
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        Some(name.get(..end.unwrap_or(name.len()))?.to_owned())
    };
    help.lines()
        .filter(|line| line.starts_with("  "))
        .filter_map(name)
        .filter(|name| name != "help")
        .collect()
}
