//! `bulla load`: what `bulla save` wrote, into a registry.

use bulla_core::Reference;
use bulla_oci::{EvidenceSource, Saved, transfer};
use clap::Args;
use std::path::PathBuf;

use super::copy::{WhatArgs, data, landed, tell};
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{image_source::asked_failed, reach::Reach},
    output,
};

/// Arguments of `bulla load`.
#[derive(Args)]
#[command(after_help = "\
Pushes the image with its signatures and attestations, in the layouts they were saved in. What
cosign saved is read, too.

Formats: text, json.

Examples:
  bulla load --dir hello 127.0.0.1:5610/hello:v1
  bulla load --dir hello --only attestation registry.example.com/hello:v1
  bulla load --dir hello registry.example.com/hello:v1 -o json")]
pub struct LoadArgs {
    /// Where it goes
    #[arg(value_name = "REF")]
    reference: Reference,
    /// The directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    what: WhatArgs,
}

/// Runs it.
///
/// # Errors
/// If the directory is no saved image, or the registry refuses.
pub fn run(args: LoadArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let options = args.what.options()?;
    let saved = Saved::open(&args.dir).or_could_not_run()?;
    let copied = context.block_on(async {
        let reach = Reach::open(context, &[&args.reference], false).await?;
        let to = reach.registry(&args.reference);
        let from = EvidenceSource::Saved(&saved);
        let copied = transfer::copy(&from, to, &args.reference, &options).await;
        let copied = copied.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(copied)
    })?;
    let what = format!("{} → {}", args.dir.display(), args.reference);
    tell(context, &copied, &what);
    let pinned = landed(&args.reference, &copied);
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({
            "version": 1, "reference": pinned, "directory": args.dir, "copied": data(&copied),
        })),
        _ => Ok(pinned.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
