//! `bulla bundle`: looks into Sigstore bundles, makes them and renews them.

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

mod create;
mod inspect;
mod upgrade;

/// Arguments of `bulla bundle`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla bundle inspect app.sigstore.json
  bulla bundle upgrade old.sigstore.json --out app.sigstore.json
  bulla bundle create --artifact app.tar --signature app.sig --key cosign.pub --out app.sigstore.json")]
pub struct BundleArgs {
    #[command(subcommand)]
    command: BundleCommand,
}

#[derive(Subcommand)]
enum BundleCommand {
    /// Put signature, certificate, log entry and timestamp into one bundle
    Create(create::CreateArgs),
    /// Show what is in a bundle; nothing is verified
    Inspect(inspect::InspectArgs),
    /// Write a bundle of version 0.1 or 0.2 as version 0.3
    Upgrade(upgrade::UpgradeArgs),
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read, or is no bundle.
pub fn run(args: BundleArgs, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        BundleCommand::Create(args) => create::run(args, context),
        BundleCommand::Inspect(args) => inspect::run(args, context),
        BundleCommand::Upgrade(args) => upgrade::run(args, context),
    }
}
