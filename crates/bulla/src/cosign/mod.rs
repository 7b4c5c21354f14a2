//! The cosign face: `bulla` started as `cosign`, or as `bulla cosign …`.
//!
//! It takes cosign 3's flags, prints what scripts read and ends with cosign's
//! exit codes, so that a pipeline switches by replacing the binary. Where cosign
//! is lax and bulla is strict, it stays strict. The command line is read from
//! tables ([`commands`], [`flags`]), without clap and without a runtime: a file
//! is verified before any of that would have started.

mod attach;
mod attachment;
mod attest;
mod bundles;
mod checks;
pub mod commands;
mod completion;
mod confirm;
mod current;
mod download;
pub mod failure;
pub mod flag;
mod flags;
mod generate;
pub mod given;
mod help;
mod info;
mod initialize;
mod keys;
mod login;
mod material;
mod mirror;
mod own_flags;
mod parse;
mod pkcs11_tool;
mod policy;
mod predicate;
mod printed;
mod registry;
mod say;
mod services;
mod sign;
mod sign_blob;
mod signing_config;
mod sniff;
mod spec;
mod surroundings;
mod table;
mod tls;
mod token;
mod transfer;
mod trust;
mod trusted_root;
mod upload;
mod verify;
mod verify_blob;

pub use completion::tree;

use std::{ffi::OsString, path::Path, process::ExitCode};

use commands::Run;
use failure::{Exit, Failure};
use parse::Parsed;

// What stands in `bulla --help` for the face. clap reads it only where a global
// option comes before the word `cosign`. (No doc comment: clap would show it.)
#[derive(clap::Args)]
pub struct CosignArgs {
    /// A command of cosign, and its flags
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    args: Vec<OsString>,
}

impl CosignArgs {
    /// An option of bulla before the face's name would be ignored: refused.
    pub fn refusal(self) -> crate::failure::Failure {
        crate::failure::Failure::new(
            crate::failure::Exit::Usage,
            "CLI-0409",
            "bulla's own options do not apply to the cosign face",
        )
        .hint(format!("bulla cosign {}", {
            let args = self.args.iter().map(|arg| arg.to_string_lossy());
            args.collect::<Vec<_>>().join(" ")
        }))
    }
}

/// The arguments of the face, if the process was started as it.
pub fn asked(mut args: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    let program = args.next()?;
    let name = Path::new(&program).file_name()?;
    if name == "cosign" {
        return Some(args.collect());
    }
    (args.next()? == "cosign").then(|| args.collect())
}

/// Runs the face with the arguments that follow its name.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let exit = match run(args) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            say::line(&format!("Error: {failure}"));
            say::line(&format!(
                "error during command execution: {}",
                failure.text()
            ));
            failure.process_exit()
        }
    };
    ExitCode::from(exit as u8)
}

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let text = |arg: OsString| {
        arg.into_string()
            .map_err(|arg| Failure::new(format!("{} is no UTF-8", arg.display())))
    };
    let args = args.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let given = match parse::parse(args, &|name| std::env::var(name).ok())? {
        Parsed::Help(command) => {
            crate::output::data(help::text(command).as_bytes());
            return Ok(());
        }
        Parsed::Run(given) => given,
    };
    say::begin(&given)?;
    match given.command.run {
        Run::With(run) => run(&given),
        Run::Not(_) | Run::Parent => Err(Failure::new("nothing to run")),
    }
}
