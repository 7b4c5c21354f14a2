//! `bulla trust show`: authorities, logs and keys, and how old they are.

use clap::Args;
use std::path::PathBuf;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::{place::Place, trust_view},
    output,
};

/// Arguments of `bulla trust show`.
#[derive(Args)]
#[command(after_help = "\
Makes no connection.

Formats: text, json.

Examples:
  bulla trust show
  bulla trust show --sigstore public
  bulla trust show --sigstore https://tuf.example.com -o json
  bulla trust show --trusted-root trusted_root.json")]
pub struct ShowArgs {
    /// Whose: local, public, a URL that trust init knows, or a file
    #[arg(long, value_name = "WHICH", default_value = "local")]
    sigstore: Place,
    /// A trusted_root.json
    #[arg(long, value_name = "FILE", conflicts_with = "sigstore")]
    trusted_root: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If the trust root cannot be read.
pub fn run(args: ShowArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let place = args.trusted_root.map_or(args.sigstore, Place::File);
    if place == Place::Local && !context.home()?.exists() {
        context.block_on(async {
            compose::connect(context).await?.stop().await;
            Ok(())
        })?;
    }
    let view = trust_view::of(&place, context)?;
    outputs.write(|format| match format {
        "json" => output::json(&view),
        _ => Ok(view.text().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
