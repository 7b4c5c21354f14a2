//! `bulla trust`: what is trusted, where it came from and how old it is.

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

mod ceremony;
mod export;
mod init;
mod rotate;
mod show;
mod update;

/// Arguments of `bulla trust`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla trust show
  bulla trust show --sigstore public
  bulla trust init https://tuf.example.com --root root.json --fingerprint 9f2c41d07ab3…
  bulla trust export --sigstore https://tuf.example.com --dir trust")]
pub struct TrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Subcommand)]
enum TrustCommand {
    /// Keys of the root that people hold, and what they sign
    Ceremony(ceremony::CeremonyArgs),
    /// Write the documents of a trust root into a directory
    Export(export::ExportArgs),
    /// Make another Sigstore known here, by its first root.json
    Init(init::InitArgs),
    /// Replace the keys by which the local instance says what is newest
    Rotate(rotate::RotateArgs),
    /// Authorities, logs and keys of a trust root
    Show(show::ShowArgs),
    /// Get what is new from the Sigstores that are known here
    Update(update::UpdateArgs),
}

/// Runs it.
///
/// # Errors
/// If the trust root cannot be had.
pub fn run(args: TrustArgs, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        TrustCommand::Ceremony(args) => ceremony::run(args, context),
        TrustCommand::Export(args) => export::run(args, context),
        TrustCommand::Init(args) => init::run(args, context),
        TrustCommand::Rotate(args) => rotate::run(args, context),
        TrustCommand::Show(args) => show::run(args, context),
        TrustCommand::Update(args) => update::run(args, context),
    }
}
