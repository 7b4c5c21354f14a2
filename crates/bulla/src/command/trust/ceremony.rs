//! `bulla trust ceremony`: root keys that people hold, and what they sign.
//!
//! Everything but `publish` works without a network and without the instance, in
//! a folder that is carried around. What is right and what is missing is decided
//! by `bulla_authority::ceremony`; here are arguments, questions and words.

use bulla_authority::ceremony::{CeremonyError, Folder};
use clap::{Args, Subcommand};
use std::path::Path;

use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
};

mod init;
mod keys;
mod place;
mod plan;
mod publish;
mod sign;
mod verify;

/// Arguments of `bulla trust ceremony`.
#[derive(Args)]
#[command(after_help = "\
In order: `trust export --ceremony` at the instance; `plan`; every person `init`; who holds the
authorities' root keys signs, then everybody `sign`; `verify`; `publish` at the instance.

Formats: text, json.

Examples:
  bulla trust export --ceremony export.json
  bulla trust ceremony plan root-2 --export export.json --person alice --person bob --threshold 2
  bulla trust ceremony init root-2 --as alice --passphrase-file alice.txt
  bulla trust ceremony sign root-2 --as alice --passphrase-file alice.txt
  bulla trust ceremony verify root-2
  bulla trust ceremony publish root-2")]
pub struct CeremonyArgs {
    #[command(subcommand)]
    command: CeremonyCommand,
}

#[derive(Subcommand)]
enum CeremonyCommand {
    /// Make somebody's key, or name the one that they have
    Init(init::InitArgs),
    /// Write down who signs what, how many of them, and until when it holds
    Plan(plan::PlanArgs),
    /// Put what was signed into the instance
    Publish(publish::PublishArgs),
    /// Show what is signed, and sign it
    Sign(sign::SignArgs),
    /// Check everything, and say who has not signed yet
    Verify(verify::VerifyArgs),
}

/// Runs it.
///
/// # Errors
/// If the ceremony cannot go on.
pub fn run(args: CeremonyArgs, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        CeremonyCommand::Init(args) => init::run(args, context),
        CeremonyCommand::Plan(args) => plan::run(args, context),
        CeremonyCommand::Publish(args) => publish::run(args, context),
        CeremonyCommand::Sign(args) => sign::run(args, context),
        CeremonyCommand::Verify(args) => verify::run(args, context),
    }
}

/// The folder of a ceremony.
fn open(dir: &Path) -> Result<Folder, Failure> {
    Folder::open(dir).map_err(|error| refused(&error))
}

/// What is wrong was signed or written by somebody; the rest is about this machine.
fn refused(error: &CeremonyError) -> Failure {
    let exit = match error {
        CeremonyError::File { .. } | CeremonyError::Exists { .. } => Exit::CouldNotRun,
        CeremonyError::Plan { .. }
        | CeremonyError::Stranger { .. }
        | CeremonyError::Recipient { .. } => Exit::Usage,
        CeremonyError::NoKey { .. } | CeremonyError::Waits { .. } => Exit::NothingToVerify,
        CeremonyError::Age { .. } => Exit::Authentication,
        _ => Exit::Denied,
    };
    Failure::from_error(exit, error)
}

/// The same for results.
trait OrRefused<T> {
    fn or_refused(self) -> Result<T, Failure>;
}

impl<T> OrRefused<T> for Result<T, CeremonyError> {
    fn or_refused(self) -> Result<T, Failure> {
        self.map_err(|error| refused(&error))
    }
}

/// The export of the instance in the data directory, or of a configuration.
///
/// # Errors
/// If there is no instance, or it has not started yet.
pub fn export(config: Option<&Path>, context: &Context) -> Result<Vec<u8>, Failure> {
    context.block_on(async {
        let place = place::Place::open(config, context).await?;
        let export = place.mailbox().export().await.or_could_not_run()?;
        place.close().await;
        export.ok_or_else(|| {
            Failure::new(
                Exit::CouldNotRun,
                "CLI-0342",
                "the instance has not said yet what a ceremony needs",
            )
            .hint("start it once with this version: bulla up, or bulla serve")
        })
    })
}
