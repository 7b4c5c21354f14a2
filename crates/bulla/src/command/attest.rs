//! `bulla attest`: somebody says something about an image.

use bulla_core::Reference;
use clap::Args;
use std::path::PathBuf;

use super::{
    args::SealArgs,
    sign::{PlacedArgs, tell},
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{
        publish::{self, Say},
        seal,
    },
    output,
};

/// Arguments of `bulla attest`.
#[derive(Args)]
#[command(after_help = "\
Types: slsaprovenance1, slsaprovenance02, cyclonedx, spdxjson, vuln, openvex, link, custom, or any
URI. Who signs and where the result goes: as in bulla sign.

Formats: text, json.

Examples:
  bulla attest 127.0.0.1:5610/hello:v1 --type openvex --predicate vex.json
  bulla attest 127.0.0.1:5610/hello:v1 --type cyclonedx --predicate bom.json
  bulla attest --key cosign.key --layout tags registry.example.com/hello:v1 \\
      --type https://example.com/v1 --predicate review.json")]
pub struct AttestArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    #[command(flatten)]
    predicate: PredicateArgs,
    #[command(flatten)]
    seal: SealArgs,
    #[command(flatten)]
    placed: PlacedArgs,
}

/// What is said.
#[derive(Args, Clone, Debug)]
pub struct PredicateArgs {
    /// What kind of statement
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: String,
    /// The statement's predicate: a JSON file
    #[arg(long, value_name = "FILE")]
    pub predicate: PathBuf,
}

/// Runs it.
///
/// # Errors
/// If the predicate is not JSON, the image is not there, or a service refuses.
pub fn run(args: AttestArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let predicate = seal::read_predicate(&args.predicate.predicate)?;
    let kind = seal::predicate_type(&args.predicate.kind)?;
    let order = args.seal.order(context)?;
    let say = Say::Attested(kind.clone(), predicate);
    let job = args.placed.job(args.reference, say);
    let written = context.block_on(publish::run(&order, &job, context))?;
    args.placed.keep(&written)?;
    tell(context, &written, &format!("attested ({kind})"));
    outputs.write(|format| match format {
        "json" => output::json(&written),
        _ => Ok(written.pinned.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
