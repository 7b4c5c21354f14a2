//! `bulla sign`: a person stands for an image.

use bulla_core::{Reference, statement::predicate_type};
use clap::Args;
use serde_json::json;

use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure},
    journey::seal::{self, Signer},
    output,
};

/// Arguments of `bulla sign`.
#[derive(Args)]
#[command(after_help = "\
On the local instance the identity is asserted, and shown as asserted. The key lives for this one
signature; certificate, log entry and timestamp go into a Sigstore bundle beside the image.

Formats: text, json.

Examples:
  bulla sign 127.0.0.1:5610/hello:v1
  bulla sign --email dana@example.com 127.0.0.1:5610/hello@sha256:71c0…
  bulla sign 127.0.0.1:5610/hello:v1 -o json")]
pub struct SignArgs {
    /// The image
    #[arg(value_name = "REF")]
    reference: Reference,
    /// Who signs [default: git's user.email]
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

/// Runs it.
///
/// # Errors
/// If the image is not there or a service refuses.
pub fn run(args: SignArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let email = email_or_git(args.email, &context.talk);
    let sealed = context.block_on(async {
        let instance = compose::connect(context).await?;
        let what = (predicate_type::COSIGN_SIGN_V1, json!({}));
        seal::attest_image(&instance, &args.reference, what, &Signer::Person(email)).await
    })?;
    context.talk.say(&format!(
        " ✓ {} signed by {} (asserted) · log entry {}",
        sealed.pinned, sealed.signer, sealed.log_index
    ));
    outputs.write(|format| match format {
        "json" => output::json(&sealed),
        _ => Ok(sealed.pinned.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
