//! `bulla save`: an image and everything that hangs on it, into a directory.

use bulla_core::Reference;
use bulla_oci::transfer;
use clap::Args;
use std::path::PathBuf;

use super::copy::{WhatArgs, data, tell};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{image_source::asked_failed, reach::Reach},
    output,
};

/// Arguments of `bulla save`.
#[derive(Args)]
#[command(after_help = "\
Writes an OCI image layout with the image, its signatures and its attestations, as cosign reads
it, too. bulla verify layout:DIR verifies it without a connection; bulla load pushes it.

Formats: text, json.

Examples:
  bulla save 127.0.0.1:5610/hello:v1 --dir hello
  bulla save --platform linux/arm64 registry.example.com/hello:v1 --dir hello-arm64
  bulla save 127.0.0.1:5610/hello:v1 --dir hello -o json")]
pub struct SaveArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    /// A directory that is empty or not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    what: WhatArgs,
}

/// Runs it.
///
/// # Errors
/// If the image is not there, or the directory cannot be written.
pub fn run(args: SaveArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let options = args.what.options()?;
    let (saved, copied) = context.block_on(async {
        let reach = Reach::open(context, &[&args.reference], false).await?;
        let from = reach.evidence(&args.reference, &args.reference);
        let saved = transfer::save(&from, &args.dir, &options).await;
        let saved = saved.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(saved)
    })?;
    let digest = &saved.image().digest;
    let dir = args.dir.display();
    tell(context, &copied, &format!("{} → {dir}", args.reference));
    context.talk.say(&format!(
        " next: bulla verify layout:{dir} · bulla load --dir {dir} REF"
    ));
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({
            "version": 1, "reference": args.reference, "directory": args.dir, "digest": digest,
            "copied": data(&copied),
        })),
        _ => Ok(digest.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
