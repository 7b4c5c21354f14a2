//! `bulla clean`: takes signatures, attestations or SBOMs off an image.

use bulla_core::Reference;
use bulla_oci::transfer::{self, Kind};
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;

use super::copy::{KindArg, name};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{evidence, image_source::asked_failed, reach::Reach},
    output, terminal,
};

/// Arguments of `bulla clean`.
#[derive(Args)]
#[command(after_help = "\
Removes what hangs on the image in both layouts; the image stays. A registry whose evidence is
append-only (bulla's own is) refuses.

Formats: text, json.

Examples:
  bulla clean registry.example.com/hello:v1
  bulla clean --type signature --force registry.example.com/hello:v1
  bulla clean --type attestation,sbom --force registry.example.com/hello:v1 -o json")]
pub struct CleanArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    /// Only this [default: all of it]
    #[arg(long = "type", value_enum, value_name = "KINDS", value_delimiter = ',')]
    kind: Vec<KindArg>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

/// Runs it.
///
/// # Errors
/// If the person does not consent, or the registry refuses.
pub fn run(args: CleanArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let reference = args.reference;
    if !args.force {
        consent(&reference, context)?;
    }
    let kinds: BTreeSet<Kind> = match args.kind.is_empty() {
        true => [Kind::Signature, Kind::Attestation, Kind::Sbom].into(),
        false => args.kind.into_iter().map(Into::into).collect(),
    };
    let removed = context.block_on(async {
        let reach = Reach::open(context, &[&reference], false).await?;
        let image = evidence::resolve(reach.source(), &reference).await?;
        let registry = reach.registry(&reference);
        let removed = transfer::clean(registry, &reference, &image.digest, &kinds).await;
        let removed = removed.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(removed)
    })?;
    match removed.len() {
        0 => context
            .talk
            .say(&format!(" · nothing to remove from {reference}")),
        count => context
            .talk
            .say(&format!(" ✓ {count} manifests removed from {reference}")),
    }
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "reference": reference, "removed": removed.iter().map(|one| {
                json!({"reference": one.reference, "kind": name(one.kind)})
            }).collect::<Vec<_>>(),
        })),
        _ => {
            let lines: Vec<String> = removed
                .iter()
                .map(|one| one.reference.to_string())
                .collect();
            Ok(lines.join("\n").into_bytes())
        }
    })?;
    Ok(Exit::Allowed)
}

fn consent(reference: &Reference, context: &Context) -> Result<(), Failure> {
    let question = format!("Remove what hangs on {reference}? [y/N] ");
    match terminal::ask(context, &question)? {
        Some(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::new(Exit::Usage, "CLI-0331", "nothing was removed")
            .hint("consent with --force")),
    }
}
