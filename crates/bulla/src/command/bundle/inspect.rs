//! `bulla bundle inspect`: what is in a bundle.

use bulla_core::limits;
use bulla_trust::sigstore::inspect;
use clap::Args;
use std::{fs, path::PathBuf};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    output,
};

/// Arguments of `bulla bundle inspect`.
#[derive(Args)]
#[command(after_help = "\
Nothing is verified: bulla verify-blob does that.

Formats: text, json.

Examples:
  bulla bundle inspect app.sigstore.json
  bulla bundle inspect app.sigstore.json -o json
  bulla download signature 127.0.0.1:5610/hello:v1 | bulla bundle inspect /dev/stdin")]
pub struct InspectArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs it.
///
/// # Errors
/// If the file cannot be read or is no bundle.
pub fn run(args: InspectArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let open = fs::File::open(&args.file).on_path("read", &args.file)?;
    let bytes = limits::read_bounded(open, limits::BUNDLE_BYTES, "bundle").or_could_not_run()?;
    let inspection = inspect::inspect(&bytes)
        .or_denied()
        .map_err(|failure| failure.on(format!("{} is no bundle", args.file.display())))?;
    outputs.write(|format| match format {
        "json" => output::json(&inspection),
        _ => Ok(inspection.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
