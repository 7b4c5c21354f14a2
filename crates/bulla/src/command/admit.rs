//! `bulla admit`: judges an AdmissionReview as the cluster's webhook would.

use clap::Args;
use std::{fs::File, io, path::PathBuf};

use bulla_core::limits;

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::admission,
    output,
};

/// Arguments of `bulla admit`.
#[derive(Args)]
#[command(after_help = "\
stdout is the AdmissionReview with the response, exactly as the webhook would send it.

Formats: text, json.

Examples:
  bulla admit --review review.json
  kubectl create -f pod.yaml --dry-run=client -o json | bulla admit --review -
  bulla admit --review review.json --policy release.yaml")]
pub struct AdmitArgs {
    /// An AdmissionReview v1, or a bare Pod or workload; - is stdin
    #[arg(long, value_name = "FILE")]
    review: PathBuf,
    /// The policy [default: the instance's]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If the review cannot be read or is none.
pub fn run(args: AdmitArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let bytes = if args.review.as_os_str() == "-" {
        limits::read_bounded(io::stdin().lock(), limits::REQUEST_BYTES, "AdmissionReview")
    } else {
        let file = File::open(&args.review).on_path("read", &args.review)?;
        limits::read_bounded(file, limits::REQUEST_BYTES, "AdmissionReview")
    }
    .or_could_not_run()?;
    let (answer, exit) = context.block_on(admission::judge_review(
        &bytes,
        args.policy.as_deref(),
        context,
    ))?;
    outputs.write(|_| output::json(&answer))?;
    Ok(exit)
}
