//! `bulla explain`: from an image back to its commit, or what an error code means.

use bulla_core::Reference;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{
        chain::{Chain, Stage},
        chain_svg, chain_text, evidence, pages,
    },
    output,
};

/// Arguments of `bulla explain`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json, svg; of an error code: text, json.

Examples:
  bulla explain 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla explain 127.0.0.1:5610/hello:git-4be1d2a90c11 -o svg=chain.svg
  bulla explain --stage admission 127.0.0.1:5610/hello@sha256:71c0…
  bulla explain TRUST-0031")]
pub struct ExplainArgs {
    /// An image, or an error code
    #[arg(value_name = "REF|CODE")]
    what: String,
    /// Only this stage, in text
    #[arg(long, value_enum, value_name = "STAGE")]
    stage: Option<StageArg>,
    /// The policy [default: the instance's]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Judge as of that time instead of now (RFC 3339)
    #[arg(long, value_name = "TIME")]
    as_of: Option<jiff::Timestamp>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StageArg {
    Source,
    Build,
    Image,
    Inventory,
    Scan,
    Sign,
    Log,
    Registry,
    Admission,
}

impl From<StageArg> for Stage {
    fn from(stage: StageArg) -> Self {
        match stage {
            StageArg::Source => Self::Source,
            StageArg::Build => Self::Build,
            StageArg::Image => Self::Image,
            StageArg::Inventory => Self::Inventory,
            StageArg::Scan => Self::Scan,
            StageArg::Sign => Self::Sign,
            StageArg::Log => Self::Log,
            StageArg::Registry => Self::Registry,
            StageArg::Admission => Self::Admission,
        }
    }
}

/// Runs it.
///
/// # Errors
/// If the image, its evidence or the page cannot be had.
pub fn run(args: ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    if pages::is_code(&args.what) {
        let outputs = context.outputs(&["text", "json"])?;
        let page = pages::page(&args.what)?;
        outputs.write(|format| match format {
            "json" => output::json(&json!({"version": 1, "code": args.what, "page": page})),
            _ => Ok(page.as_bytes().to_vec()),
        })?;
        return Ok(Exit::Allowed);
    }
    let outputs = context.outputs(&["text", "json", "svg"])?;
    let reference: Reference = args.what.parse::<Reference>().or_usage()?;
    let chain = context.block_on(async {
        let instance = compose::connect_for(context, reference.registry()).await?;
        let trust = instance.trust_root()?;
        let as_of = args.as_of.unwrap_or_else(jiff::Timestamp::now);
        let gathered = evidence::gather(&instance, &reference, &trust, as_of).await?;
        let policy = evidence::policy(&instance, args.policy.as_deref())?;
        let decision = evidence::judge(&policy, &gathered);
        Ok(Chain::new(
            reference.clone(),
            gathered.digest().clone(),
            gathered.attestations(),
            &gathered.rejections(),
            decision,
        ))
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&chain),
        "svg" => Ok(chain_svg::render(&chain).into_bytes()),
        _ => {
            let only = args.stage.map(Into::into);
            let picture = if only.is_none() {
                chain_text::picture(&chain) + "\n\n"
            } else {
                String::new()
            };
            Ok((picture + &chain_text::tree(&chain, only)).into_bytes())
        }
    })?;
    Ok(chain.decision.outcome.into())
}
