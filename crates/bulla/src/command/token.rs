//! `bulla token`: an ID token of the local instance's issuer of asserted
//! identities, over the instance's socket only.

use clap::Args;

use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla token`.
#[derive(Args)]
#[command(after_help = "\
The token says only that somebody with access to this machine's account asserted the address.
It lives for ten minutes. Service identities (builder, scanner, registry) cannot be had here.

Formats: text, json.

Examples:
  bulla token --email dana@example.com
  bulla token --email dana@example.com --audience sigstore -o json
  SIGSTORE_ID_TOKEN=\"$(bulla token)\" cosign sign-blob --signing-config … FILE")]
pub struct TokenArgs {
    /// The address to assert [default: git's user.email]
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Whom the token is for
    #[arg(long, default_value = "sigstore")]
    audience: String,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached or refuses.
pub fn run(args: TokenArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let email = email_or_git(args.email, &context.talk);
    let token = context.block_on(async {
        let instance = compose::connect(context).await?;
        instance.person_token(&email, &args.audience).await
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({"token": token.reveal()})),
        _ => Ok(token.reveal().as_bytes().to_vec()),
    })?;
    Ok(Exit::Allowed)
}
