//! `bulla init`: looks at a repository and writes a `bulla.toml` that works for it.

use clap::Args;
use std::{fs, path::PathBuf};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    output,
};

/// Arguments of `bulla init`.
#[derive(Args)]
#[command(after_help = "\
Knows Cargo, Go, npm, Python, Make and static sites.

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
    let proposal = bulla_build::detect::propose(&args.path).ok_or_else(|| {
        let what = format!("{} is of no kind that init knows", args.path.display());
        Failure::new(Exit::CouldNotRun, "CLI-0021", what)
            .line("looked for Cargo.toml, go.mod, package.json, Python projects, Makefile, index.html")
            .hint("write bulla.toml by hand: bulla explain CLI-0021 says how")
    })?;
    let recipe = proposal.text;
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
        fs::write(&file, &recipe).on_path("write", &file)?;
        for note in &proposal.notes {
            context.talk.warn(note);
        }
        context.talk.say(&format!(
            " ✓ {} project: wrote {}; commit it, then: bulla ship {}",
            proposal.kind,
            file.display(),
            args.path.display()
        ));
    }
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({"path": file, "recipe": recipe, "kind": proposal.kind, "notes": proposal.notes, "written": !args.print})),
        _ if args.print => Ok(recipe.clone().into_bytes()),
        _ => Ok(file.display().to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
