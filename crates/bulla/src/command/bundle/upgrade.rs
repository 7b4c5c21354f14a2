//! `bulla bundle upgrade`: an old bundle in the form of today.

use bulla_core::limits;
use bulla_trust::sigstore::upgrade;
use clap::Args;
use serde_json::json;
use std::{fs, path::PathBuf};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    output,
};

/// Arguments of `bulla bundle upgrade`.
#[derive(Args)]
#[command(after_help = "\
Nothing is verified, and nothing is added that the bundle lacks: where version 0.3 demands an
inclusion proof that version 0.1 has not, name the log's answer with --entry.

Formats: text, json.

Examples:
  bulla bundle upgrade old.sigstore.json --out app.sigstore.json
  bulla bundle upgrade old.sigstore.json > app.sigstore.json
  bulla bundle upgrade old.sigstore.json --entry entry.json --out app.sigstore.json -o json")]
pub struct UpgradeArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log's answer for its entry, with the inclusion proof
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Where the new one goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If the file is no bundle, or lacks what version 0.3 demands.
pub fn run(args: UpgradeArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let read = |path: &PathBuf| {
        let open = fs::File::open(path).on_path("read", path)?;
        limits::read_bounded(open, limits::BUNDLE_BYTES, "bundle").or_could_not_run()
    };
    let bytes = read(&args.file)?;
    let upgraded = match &args.entry {
        Some(entry) => upgrade::with_entries(&bytes, &[&read(entry)?]),
        None => upgrade::upgrade(&bytes),
    };
    let upgraded = upgraded
        .or_denied()
        .map_err(|failure| failure.on(format!("{} cannot be upgraded", args.file.display())))?;
    for note in &upgraded.notes {
        context.talk.say(&format!(" · {note}"));
    }
    let Some(out) = &args.out else {
        output::data(&upgraded.bundle);
        output::data(b"\n");
        return Ok(Exit::Allowed);
    };
    fs::write(out, &upgraded.bundle).on_path("write", out)?;
    context
        .talk
        .say(&format!(" ✓ {} → {}", upgraded.from, out.display()));
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "from": upgraded.from, "bundle": out, "notes": upgraded.notes,
        })),
        _ => Ok(out.display().to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
