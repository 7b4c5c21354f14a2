//! `bulla init`: looks at a repository and writes a `bulla.toml` that works for it.

use bulla_build::detect::{self, Proposal};
use clap::Args;
use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    output,
};

/// Arguments of `bulla init`.
#[derive(Args)]
#[command(after_help = "\
Knows Cargo, Go, npm, Python, Make and static sites.

Formats: text, json.

Examples:
  bulla init                 write bulla.toml here
  bulla init --print site/   show what would be written
  bulla init --force         replace the one that is there")]
pub struct InitArgs {
    /// The project
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// Print it, write nothing
    #[arg(long)]
    print: bool,
    /// Replace an existing bulla.toml
    #[arg(long, conflicts_with = "print")]
    force: bool,
}

/// Runs it.
///
/// # Errors
/// If nothing is recognised, or the file exists or cannot be written.
pub fn run(args: InitArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let proposal = propose(&args.path)?;
    let recipe = proposal.text.clone();
    let file = args.path.join("bulla.toml");
    if !args.print {
        if file.exists() && !args.force {
            return Err(Failure::new(
                Exit::Usage,
                "CLI-0020",
                format!("{} exists", file.display()),
            )
            .hint(
                "look at what would be written: bulla init --print; replace it: bulla init --force",
            ));
        }
        write(&proposal, &args.path, context)?;
    }
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({"path": file, "recipe": recipe, "kind": proposal.kind, "notes": proposal.notes, "written": !args.print})),
        _ if args.print => Ok(recipe.clone().into_bytes()),
        _ => Ok(file.display().to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

/// For `ship` where there is no recipe: asks the person whether to write one, if
/// there is a person at a terminal. Nothing is committed for them.
///
/// # Errors
/// If nothing is recognised, or the file cannot be written.
pub fn offer(path: &Path, context: &Context) -> Result<(), Failure> {
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !asks || path.join("bulla.toml").exists() {
        return Ok(());
    }
    context.talk.ask("write one now? [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if read.is_err() || !matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    write(&propose(path)?, path, context)
}

fn propose(path: &Path) -> Result<Proposal, Failure> {
    detect::propose(path).ok_or_else(|| {
        let what = format!("{} is of no kind that init knows", path.display());
        Failure::new(Exit::CouldNotRun, "CLI-0021", what)
            .line("looked for Cargo.toml, go.mod, package.json, Python projects, Makefile, index.html")
            .hint("write bulla.toml by hand: bulla explain CLI-0021 says how")
    })
}

fn write(proposal: &Proposal, path: &Path, context: &Context) -> Result<(), Failure> {
    let file = path.join("bulla.toml");
    fs::write(&file, &proposal.text).on_path("write", &file)?;
    for note in &proposal.notes {
        context.talk.warn(note);
    }
    context.talk.say(&format!(
        " ✓ {} project: wrote {}; commit it, then: bulla ship {}",
        proposal.kind,
        file.display(),
        path.display()
    ));
    Ok(())
}
