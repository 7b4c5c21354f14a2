//! `bulla sbom`: what is in an image, a layout or a directory.

use clap::Args;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{inventory, target::Target},
    output,
};

/// Arguments of `bulla sbom`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json, cyclonedx (1.6), spdx (2.3); several at once.

Examples:
  bulla sbom 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla sbom ./rootfs -o cyclonedx=bom.json -o spdx=sbom.spdx.json
  bulla sbom layout:./image -o json")]
pub struct SbomArgs {
    /// REF, layout:DIR, or a directory
    #[arg(value_name = "TARGET")]
    target: Target,
}

/// Runs it.
///
/// # Errors
/// If the target cannot be read.
pub fn run(args: SbomArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json", "cyclonedx", "spdx"])?;
    let (inventory, subject) = inventory::of_target(&args.target, context)?;
    let now = jiff::Timestamp::now();
    outputs.write(|format| match format {
        "json" => output::json(&inventory::view(&inventory)),
        "cyclonedx" => inventory::cyclonedx(&inventory, &subject, now),
        "spdx" => inventory::spdx(&inventory, &subject, now),
        _ => Ok(inventory::text(&inventory).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
