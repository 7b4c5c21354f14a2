//! `cosign completion`: a script for a shell, from the table.

use clap::ValueEnum as _;

use super::{
    commands::{COMMANDS, Run},
    failure::Failure,
    flag::{Kind, Standing},
    given::Given,
    say,
};
use crate::completion::{Choice, Flag, Node, Shell, Tree};

/// Runs it.
///
/// # Errors
/// If it is for no shell that is known.
pub fn run(given: &Given) -> Result<(), Failure> {
    let name = given.args.first().map_or("", String::as_str);
    let shell = Shell::from_str(name, false).map_err(|_| {
        Failure::coded(
            "CLI-0486",
            format!("invalid argument {name:?} for \"cosign completion\""),
        )
        .hint("cosign completion bash, zsh, fish or powershell")
    })?;
    say::data(given, shell.script(&tree()).as_bytes())
}

/// Commands and flags that work, or are accepted.
pub fn tree() -> Tree {
    let offered = |run: Run| !matches!(run, Run::Not(_));
    let nodes = COMMANDS.iter().filter(|command| offered(command.run));
    let nodes = nodes.map(|command| {
        let below = command.children().filter(|child| offered(child.run));
        let flags = command
            .all_flags()
            .filter(|flag| !matches!(flag.standing, Standing::Refused(_)));
        let values = match command.path {
            "completion" => ["bash", "fish", "powershell", "zsh"]
                .map(str::to_owned)
                .to_vec(),
            _ => Vec::new(),
        };
        Node {
            path: command.path.to_owned(),
            commands: below
                .map(|child| Choice {
                    word: child.name().to_owned(),
                    about: child.about.to_owned(),
                })
                .collect(),
            flags: flags
                .map(|flag| Flag {
                    long: flag.name.to_owned(),
                    short: flag.short,
                    about: flag.about.to_owned(),
                    takes: flag.kind != Kind::Switch,
                    values: Vec::new(),
                })
                .collect(),
            values,
        }
    });
    Tree {
        program: "cosign".into(),
        nodes: nodes.collect(),
    }
}
