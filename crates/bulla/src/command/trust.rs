//! `bulla trust show`: what is trusted, where it came from and how old it is.

use clap::{Args, Subcommand};
use std::path::PathBuf;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::trust_view,
    output,
};

/// Arguments of `bulla trust`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla trust show
  bulla trust show -o json
  bulla trust show --trusted-root trusted_root.json")]
pub struct TrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Subcommand)]
enum TrustCommand {
    /// Authorities, logs and keys of a trust root
    #[command(after_help = "\
Formats: text, json.

Examples:
  bulla trust show
  bulla trust show -o json
  bulla trust show --trusted-root trusted_root.json")]
    Show {
        /// A trusted_root.json [default: the instance's]
        #[arg(long, value_name = "FILE")]
        trusted_root: Option<PathBuf>,
    },
}

/// Runs it.
///
/// # Errors
/// If the trust root cannot be read.
pub fn run(args: TrustArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let TrustCommand::Show { trusted_root } = args.command;
    let view = match trusted_root {
        Some(file) => trust_view::of_file(&file)?,
        None => {
            let home = context.home()?;
            if !home.exists() {
                context.block_on(async {
                    compose::connect(context).await?.stop().await;
                    Ok(())
                })?;
            }
            trust_view::of_instance(&home)?
        }
    };
    outputs.write(|format| match format {
        "json" => output::json(&view),
        _ => Ok(view.text().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
