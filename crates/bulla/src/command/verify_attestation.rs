//! `bulla verify-attestation`: what was said about an image, and by whom.

use clap::Args;

use super::{
    args::{ExpectedArgs, TrustArgs, WaiverArgs, demand},
    verify::{FoundArgs, WhichArgs, tell_answer},
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        seal,
        target::Target,
        verifying::{self, Question, Wanted},
    },
};

/// Arguments of `bulla verify-attestation`.
#[derive(Args)]
#[command(after_help = "\
Without --type every attestation counts; what only signs does not. Where none is of the wanted
type there is nothing to verify: exit code 3. -o json carries the statements.
An index is judged by what is said of the index; --recursive demands the same of each image
below it, and --platform of one of those instead.

Formats: text, json.

Examples:
  bulla verify-attestation 127.0.0.1:5610/hello:v1 --type slsaprovenance1 \\
      --identity http://127.0.0.1:5620/oidc/service=http://127.0.0.1:5620/oidc/service/builder
  bulla verify-attestation --key cosign.pub --type spdxjson registry.example.com/hello:v1
  bulla verify-attestation --key cosign.pub --platform linux/arm64 registry.example.com/hello:v1
  bulla verify-attestation --threshold 2 --identity https://issuer.example.com=dana@example.com \\
      --identity https://issuer.example.com=eve@example.com \\
      --type https://example.com/review/v1 registry.example.com/hello:v1 -o json")]
pub struct VerifyAttestationArgs {
    /// The image, or layout:DIR as bulla save writes it
    #[arg(value_name = "REF")]
    image: Target,
    /// Only this predicate type counts: a short name as in bulla attest, or a URI
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
}

/// Runs it.
///
/// # Errors
/// If the image or its evidence cannot be had, or is not accepted.
pub fn run(args: VerifyAttestationArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    args.expected.must_be_given("verify-attestation")?;
    let kind = args.kind.as_deref().map(seal::wanted_type).transpose()?;
    let question = Question {
        target: args.image.clone(),
        evidence: None,
        layouts: args.found.layout,
        which: args.which.which(),
    };
    let demand = || {
        let demand = demand(&args.expected, &args.trust, &args.waivers, context)?;
        Ok(demand.wanting(Wanted::Statement(kind)))
    };
    let answer = context.block_on(verifying::image(&question, demand, context))?;
    tell_answer(context, &outputs, &answer, &args.image, args.found.explain)
}
