//! `bulla build`: a commit becomes an image layout, in the sandbox.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{self, build::Isolation},
    output,
};

/// Arguments of `bulla build`.
#[derive(Args)]
#[command(after_help = "\
Writes an OCI image layout and the (unsigned) provenance beside it; stdout is the digest.

Formats: text, json.

Examples:
  bulla build .
  bulla build --out ./image examples/hello
  bulla build --reproduce .      builds twice and compares, or shows the first difference")]
pub struct BuildArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the image layout goes
    #[arg(long, value_name = "DIR", default_value = "bulla-out")]
    out: PathBuf,
    /// Build twice and compare
    #[arg(long)]
    reproduce: bool,
}

/// What to build, and how strictly.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// The project: a directory in a git repository
    #[arg(default_value = ".", value_name = "PATH")]
    pub path: PathBuf,
    /// The commit
    #[arg(long, default_value = "HEAD", value_name = "REV")]
    pub rev: String,
    /// Take the working tree, changes and all; such an image names no commit and fails the default policy
    #[arg(long)]
    pub allow_dirty: bool,
    /// How the build is walled in; `none` fails the default policy
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub isolation: Option<Isolation>,
}

/// Runs it.
///
/// # Errors
/// If source, build or image fail; if a second build differs.
pub fn run(args: BuildArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let made = journey::build::to_layout(&args.source, &args.out, args.reproduce, context)?;
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "digest": made.digest, "layout": args.out, "provenance": made.provenance_file,
            "isolation": made.isolation, "reproduced": made.reproduced,
        })),
        _ => Ok(made.digest.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
