//! What bulla itself takes, as clap knows it; below `cosign` what its face takes.

use super::{Choice, Flag, Node, Tree};

/// The tree of bulla's own commands, with those of the face below its name.
pub fn own() -> Tree {
    let mut nodes = Vec::new();
    collect(&crate::cli::command(), String::new(), &mut nodes);
    let face = crate::cosign::tree();
    nodes.retain(|node| node.path != "cosign");
    nodes.extend(face.nodes.into_iter().map(|node| Node {
        path: format!("cosign {}", node.path).trim_end().to_owned(),
        ..node
    }));
    Tree {
        program: "bulla".into(),
        nodes,
    }
}

fn collect(command: &clap::Command, path: String, nodes: &mut Vec<Node>) {
    let below = || command.get_subcommands().filter(|one| !one.is_hide_set());
    let arguments = || command.get_arguments().filter(|one| !one.is_hide_set());
    let about = |text: Option<&clap::builder::StyledStr>| {
        let text = text.map(ToString::to_string).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let values = |arg: &clap::Arg| {
        let possible = arg.get_possible_values().into_iter();
        possible
            .map(|value| value.get_name().to_owned())
            .collect::<Vec<_>>()
    };
    let flag = |arg: &clap::Arg| {
        let takes = arg.get_action().takes_values();
        Some(Flag {
            long: arg.get_long()?.to_owned(),
            short: arg.get_short(),
            about: about(arg.get_help()),
            takes,
            values: if takes { values(arg) } else { Vec::new() },
        })
    };
    nodes.push(Node {
        commands: below()
            .map(|one| Choice {
                word: one.get_name().to_owned(),
                about: about(one.get_about()),
            })
            .collect(),
        flags: arguments().filter_map(flag).collect(),
        values: arguments()
            .filter(|arg| arg.is_positional())
            .flat_map(values)
            .collect(),
        path: path.clone(),
    });
    for one in below() {
        let path = format!("{path} {}", one.get_name());
        collect(one, path.trim_start().to_owned(), nodes);
    }
}
