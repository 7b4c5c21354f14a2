//! `bulla log`: what is in a transparency log, whether it stays true to itself, and
//! what the instance's monitor found.

use clap::{Args, Subcommand};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

mod findings;
mod search;
mod watch;

/// Arguments of `bulla log`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla log search --name dana@example.com
  bulla log findings
  bulla log search --log ct --issuer https://token.actions.githubusercontent.com
  bulla log watch https://log.example.com/api/v2 --key log.example.com+5f0a8d11+AY… --state watch.json")]
pub struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Show what the instance's monitor found, and acknowledge it
    Findings(findings::FindingsArgs),
    /// Find entries by name, issuer, digest or key
    Search(search::SearchArgs),
    /// Read a log on, check that it only grew, and tell of entries that nobody expects
    Watch(watch::WatchArgs),
}

/// Runs it.
///
/// # Errors
/// If the log cannot be read.
pub fn run(args: LogArgs, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        LogCommand::Findings(args) => findings::run(&args, context),
        LogCommand::Search(args) => search::run(args, context),
        LogCommand::Watch(args) => watch::run(&args, context),
    }
}
