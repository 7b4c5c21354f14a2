//! `bulla copy`: an image and everything that hangs on it, to another place.

use bulla_core::Reference;
use bulla_oci::transfer::{self, CopyOptions, Copied, Kind};
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;

use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{image_source::asked_failed, reach::Reach},
    output,
};

/// Arguments of `bulla copy`.
#[derive(Args)]
#[command(after_help = "\
Copies the image, signatures, attestations and SBOMs in both layouts, and everything below an
index. Every byte is checked against its digest on the way.

Formats: text, json.

Examples:
  bulla copy registry.example.com/hello:v1 127.0.0.1:5610/hello:v1
  bulla copy --only signature,attestation registry.example.com/hello:v1 127.0.0.1:5610/hello:v1
  bulla copy --platform linux/amd64 registry.example.com/hello:v1 127.0.0.1:5610/hello:v1 -o json")]
pub struct CopyArgs {
    /// The image
    #[arg(value_name = "FROM")]
    from: Reference,
    /// Where it goes
    #[arg(value_name = "TO")]
    to: Reference,
    #[command(flatten)]
    what: WhatArgs,
}

/// What of it is moved.
#[derive(Args, Clone, Debug)]
pub struct WhatArgs {
    /// Only this, without the image: signature, attestation, sbom
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    only: Vec<KindArg>,
    /// Only this platform of an index
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// Write over tags that are there
    #[arg(long)]
    force: bool,
}

/// Kinds of evidence, as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Signatures
    #[value(alias = "sig", alias = "signatures")]
    Signature,
    /// Attestations
    #[value(alias = "att", alias = "attestations")]
    Attestation,
    /// SBOMs of the old layout
    #[value(alias = "sboms")]
    Sbom,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Signature => Self::Signature,
            KindArg::Attestation => Self::Attestation,
            KindArg::Sbom => Self::Sbom,
        }
    }
}

impl WhatArgs {
    /// As the transfer takes it.
    ///
    /// # Errors
    /// If the platform is none.
    pub fn options(&self) -> Result<CopyOptions, Failure> {
        let only: BTreeSet<Kind> = self.only.iter().copied().map(Into::into).collect();
        Ok(CopyOptions {
            only: (!only.is_empty()).then_some(only),
            platform: match &self.platform {
                Some(text) => Some(text.parse().or_usage()?),
                None => None,
            },
            force: self.force,
        })
    }
}

/// Runs it.
///
/// # Errors
/// If the image is not there, or a registry refuses.
pub fn run(args: CopyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let options = args.what.options()?;
    let copied = context.block_on(async {
        let reach = Reach::open(context, &[&args.from, &args.to], false).await?;
        let from = (reach.registry(&args.from), &args.from);
        let to = (reach.registry(&args.to), &args.to);
        let copied = transfer::copy(from, to, &options).await;
        let copied = copied.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(copied)
    })?;
    tell(context, &copied, &format!("{} → {}", args.from, args.to));
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({
            "version": 1, "from": args.from, "to": args.to, "copied": copied,
        })),
        _ => Ok(args
            .to
            .by_digest(copied.descriptor.digest.clone())
            .to_string()
            .into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

/// Tells how much was moved.
pub fn tell(context: &Context, copied: &Copied, what: &str) {
    context.talk.say(&format!(
        " ✓ {what} · {} manifests, {} blobs, {} bytes; {} were there",
        copied.manifests, copied.blobs, copied.bytes, copied.skipped
    ));
}
