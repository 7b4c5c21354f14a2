//! `bulla sign`: somebody stands for an image.

use bulla_core::Reference;
use clap::Args;
use std::{collections::BTreeMap, path::PathBuf};

use super::args::SealArgs;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    journey::publish::{self, Job, Layouts, Say, Written},
    output,
};

/// Arguments of `bulla sign`.
#[derive(Args)]
#[command(after_help = "\
Without --key a key lives for this one signature, and a certificate says whose it is: on the local
instance whom you assert to be, shown as asserted; elsewhere whom the issuer of your ID token
names. Certificate, log entry and timestamp go into a Sigstore bundle beside the image. Any
registry will do; its credential is docker's.

Environment: BULLA_PASSWORD or COSIGN_PASSWORD opens the key file.

Formats: text, json.

Examples:
  bulla sign 127.0.0.1:5610/hello:v1
  bulla sign --email dana@example.com 127.0.0.1:5610/hello@sha256:71c0…
  bulla sign --key cosign.key --layout referrers,tags registry.example.com/hello:v1
  bulla sign --sigstore public --recursive -a git=4be1d2a ghcr.io/example/hello:v1 --yes
  bulla sign --key 'pkcs11:token=release;object=signer' --no-log registry.example.com/hello:v1")]
pub struct SignArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    #[command(flatten)]
    seal: SealArgs,
    #[command(flatten)]
    placed: PlacedArgs,
    /// Say this about the image, within the signature; repeatable
    #[arg(short, long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
}

/// Where a seal goes.
#[derive(Args, Clone, Debug)]
pub struct PlacedArgs {
    /// referrers (Sigstore bundles), tags (sha256-….sig and .att, for old verifiers), or both
    #[arg(
        long,
        value_name = "LAYOUTS",
        default_value = "referrers",
        help_heading = "Where"
    )]
    layout: Layouts,
    /// Seal everything below an index, too
    #[arg(short, long, help_heading = "Where")]
    recursive: bool,
    /// Write the bundle into this file, too
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    bundle: Option<PathBuf>,
}

impl PlacedArgs {
    /// The job of saying `say` about `reference`.
    pub fn job(&self, reference: Reference, say: Say) -> Job {
        Job {
            reference,
            evidence: None,
            say,
            layouts: self.layout,
            recursive: self.recursive,
        }
    }

    /// Writes what is to be kept.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self, written: &Written) -> Result<(), Failure> {
        match &self.bundle {
            Some(file) => std::fs::write(file, &written.bytes).on_path("write", file),
            None => Ok(()),
        }
    }
}

/// Parses `KEY=VALUE`.
///
/// # Errors
/// If there is no `=`, or no key before it.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".into()),
    }
}

/// Runs it.
///
/// # Errors
/// If the image is not there, or a service refuses.
pub fn run(args: SignArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let order = args.seal.order(context)?;
    let annotations: BTreeMap<_, _> = args.annotation.into_iter().collect();
    let job = args.placed.job(args.reference, Say::Signed(annotations));
    let written = context.block_on(publish::run(&order, &job, context))?;
    args.placed.keep(&written)?;
    tell(context, &written, "signed");
    outputs.write(|format| match format {
        "json" => output::json(&written),
        _ => Ok(written.pinned.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

/// Tells what was sealed, one line each.
pub fn tell(context: &Context, written: &Written, verb: &str) {
    for one in std::iter::once(written).chain(&written.below) {
        let log = match one.log_index {
            Some(index) => format!("log entry {index}"),
            None => "not logged".into(),
        };
        context.talk.say(&format!(
            " ✓ {} {verb} by {} · {log} · {}",
            one.pinned,
            one.shown_signer,
            one.layouts.join(" and ")
        ));
    }
}
