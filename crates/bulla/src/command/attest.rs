//! `bulla attest`: a person says something about an image.

use bulla_core::Reference;
use clap::Args;
use std::path::PathBuf;

use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure},
    journey::seal::{self, Signer},
    output,
};

/// Arguments of `bulla attest`.
#[derive(Args)]
#[command(after_help = "\
Types: slsaprovenance1, cyclonedx, spdxjson, vuln, openvex, custom, or any URI.

Formats: text, json.

Examples:
  bulla attest 127.0.0.1:5610/hello:v1 --type openvex --predicate vex.json
  bulla attest 127.0.0.1:5610/hello:v1 --type cyclonedx --predicate bom.json
  bulla attest 127.0.0.1:5610/hello:v1 --type https://example.com/v1 --predicate review.json")]
pub struct AttestArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    #[command(flatten)]
    predicate: PredicateArgs,
}

/// What is said, and by whom.
#[derive(Args, Clone, Debug)]
pub struct PredicateArgs {
    /// What kind of statement
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: String,
    /// The statement's predicate: a JSON file
    #[arg(long, value_name = "FILE")]
    pub predicate: PathBuf,
    /// Who says it [default: git's user.email]
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
}

/// Runs it.
///
/// # Errors
/// If the predicate is not JSON, the image is not there, or a service refuses.
pub fn run(args: AttestArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let predicate = seal::read_predicate(&args.predicate.predicate)?;
    let kind = seal::predicate_type(&args.predicate.kind)?;
    let email = email_or_git(args.predicate.email, &context.talk);
    let sealed = context.block_on(async {
        let instance = compose::connect(context).await?;
        seal::attest_image(
            &instance,
            &args.reference,
            (&kind, predicate),
            &Signer::Person(email),
        )
        .await
    })?;
    context.talk.say(&format!(
        " ✓ {kind} about {} by {} (asserted) · log entry {}",
        sealed.pinned, sealed.signer, sealed.log_index
    ));
    outputs.write(|format| match format {
        "json" => output::json(&sealed),
        _ => Ok(sealed.pinned.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
