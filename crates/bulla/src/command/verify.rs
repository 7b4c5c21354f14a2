//! `bulla verify`: an image against the policy, or against those who count.

use bulla_oci::PlatformName;
use clap::Args;
use std::path::PathBuf;

use super::{
    args::{ExpectedArgs, TrustArgs, WaiverArgs, demand},
    sign::pair,
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        publish::Layouts,
        seal,
        target::Target,
        verifying::{self, Question, Wanted, Which},
    },
};

mod answer;
mod policy;

pub use answer::tell_answer;

/// Arguments of `bulla verify`.
#[derive(Args)]
#[command(after_help = "\
Without somebody who counts, the policy decides (the instance's, or --policy). With --key,
--certificate-identity or --identity, so many of them as --threshold says must have signed.
An index is judged by what is said of the index; --recursive judges each image below it, too,
and --platform judges one of those instead.

Formats: text, json.

Examples:
  bulla verify 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla verify --policy release.yaml 127.0.0.1:5610/hello@sha256:71c0…
  bulla verify --key cosign.pub --insecure-ignore-tlog registry.example.com/hello:v1
  bulla verify --certificate-identity dana@example.com \\
      --certificate-oidc-issuer http://127.0.0.1:5620/oidc/asserted 127.0.0.1:5610/hello:v1
  bulla verify --key cosign.pub --recursive registry.example.com/hello:v1 -o json
  bulla verify --sigstore public --threshold 2 ghcr.io/example/hello:v1 --explain \\
      --identity 'https://token.actions.githubusercontent.com=https://github.com/example/**' \\
      --identity https://accounts.google.com=dana@example.com")]
pub struct VerifyArgs {
    /// The image, or layout:DIR as bulla save writes it
    #[arg(value_name = "REF")]
    image: Target,
    /// The policy [default: the instance's]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "identity", "certificate_identity", "certificate_identity_regexp"])]
    policy: Option<PathBuf>,
    /// Only attestations of this predicate type count, instead of signatures
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    waivers: WaiverArgs,
    #[command(flatten)]
    found: FoundArgs,
    #[command(flatten)]
    which: WhichArgs,
    /// Only signatures with this annotation count; repeatable
    #[arg(short, long = "annotation", value_name = "KEY=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
}

/// Where seals are looked for, and how much is told.
#[derive(Args, Clone, Debug)]
pub struct FoundArgs {
    /// Where signatures are looked for: referrers, tags, or both
    #[arg(long, value_name = "LAYOUTS", default_value_t = Layouts::BOTH)]
    pub layout: Layouts,
    /// Show every check
    #[arg(long)]
    pub explain: bool,
}

/// What is judged of an index.
#[derive(Args, Clone, Debug)]
pub struct WhichArgs {
    /// Verify everything below an index, too: one image that is not accepted fails the whole
    #[arg(short, long, conflicts_with = "platform")]
    recursive: bool,
    /// Of an index, verify the image for this platform; what is no index must be for it
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<PlatformName>,
}

impl WhichArgs {
    /// What they say.
    pub fn which(&self) -> Which {
        match (&self.platform, self.recursive) {
            (Some(platform), _) => Which::Platform(platform.clone()),
            (None, true) => Which::Whole,
            (None, false) => Which::Named,
        }
    }
}

/// Runs it.
///
/// # Errors
/// If the image or its evidence cannot be had, or is not accepted.
pub fn run(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if !args.expected.is_given() {
        return policy::run(&args, context, &outputs);
    }
    let wanted = match &args.kind {
        None => Wanted::Signature,
        Some(kind) => Wanted::Statement(Some(seal::wanted_type(kind)?)),
    };
    let question = Question {
        target: args.image.clone(),
        evidence: None,
        layouts: args.found.layout,
        which: args.which.which(),
    };
    let demand = || {
        let demand = demand(&args.expected, &args.trust, &args.waivers, context)?;
        let annotations = args.annotation.iter().cloned().collect();
        Ok(demand.wanting(wanted).annotated(annotations))
    };
    let answer = context.block_on(verifying::image(&question, demand, context))?;
    tell_answer(context, &outputs, &answer, &args.image, args.found.explain)
}
