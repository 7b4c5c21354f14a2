//! `bulla copy`: an image and everything that hangs on it, to another place.

use bulla_core::{Diagnose as _, Reference};
use bulla_oci::transfer::{self, Copied, CopyOptions, Kind};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
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
        let from = reach.evidence(&args.from, &args.from);
        let to = reach.registry(&args.to);
        let copied = transfer::copy(&from, to, &args.to, &options).await;
        let copied = copied.map_err(|error| asked_failed(&error))?;
        reach.close().await;
        Ok(copied)
    })?;
    tell(context, &copied, &format!("{} → {}", args.from, args.to));
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({
            "version": 1, "from": args.from, "to": args.to, "copied": data(&copied),
        })),
        _ => Ok(landed(&args.to, &copied).to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

/// Where it is now: by digest, where the image was moved.
pub fn landed(to: &Reference, copied: &Copied) -> Reference {
    match &copied.image {
        Some(image) => to.by_digest(image.digest.clone()),
        None => to.clone(),
    }
}

/// What was moved, as data.
pub fn data(copied: &Copied) -> Value {
    let evidence = copied.evidence.iter();
    let evidence: Vec<Value> = evidence
        .map(|(place, kind)| json!({"place": place, "kind": name(*kind)}))
        .collect();
    let problems = copied.problems.iter();
    let problems: Vec<Value> = problems
        .map(|(entry, error)| json!({"digest": entry.digest, "code": error.code(), "text": error.to_string()}))
        .collect();
    json!({
        "digest": copied.image.as_ref().map(|image| &image.digest),
        "manifests": copied.manifests, "blobs": copied.blobs, "bytes": copied.bytes,
        "mounted": copied.mounted, "present": copied.present,
        "evidence": evidence, "problems": problems,
    })
}

/// What a kind is called in data.
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Signature => "signature",
        Kind::Attestation => "attestation",
        Kind::Sbom => "sbom",
        Kind::Other => "other",
    }
}

/// Tells what was moved, and what could not be.
pub fn tell(context: &Context, copied: &Copied, what: &str) {
    let talk = &context.talk;
    talk.say(&format!(
        " ✓ {what} · {} manifests, {} blobs, {} bytes; {} were there · {} seals",
        copied.manifests,
        copied.blobs,
        copied.bytes,
        copied.present,
        copied.evidence.len()
    ));
    for (entry, error) in &copied.problems {
        let digest = entry.digest.short();
        talk.warn(&format!(
            "{digest} was not moved: {error}   [{}]",
            error.code()
        ));
    }
}
