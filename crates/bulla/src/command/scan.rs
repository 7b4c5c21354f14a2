//! `bulla scan`: what is known against an image, a layout, a directory or an SBOM;
//! `bulla scan db`: the advisories it knows.

use bulla_core::Severity;
use clap::{Args, Subcommand};
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{inventory, scan, target::Target},
    output,
};

/// Arguments of `bulla scan`.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Findings do not change the exit code unless --fail-on is given. An ecosystem without data is
shown as not covered; it is never counted as clean.

Formats: text, json.

Examples:
  bulla scan 127.0.0.1:5610/hello:git-4be1d2a90c11
  bulla scan ./rootfs --fail-on high -o json=scan.json
  bulla scan db import advisories/*.zip"
)]
pub struct ScanArgs {
    #[command(subcommand)]
    command: Option<ScanCommand>,
    /// REF, layout:DIR, sbom:FILE, or a directory
    #[arg(value_name = "TARGET", required = true)]
    target: Option<Target>,
    /// Exit with 6 if there is a finding of this severity or worse
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// An advisory database [default: the imported one, else the embedded one]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// An OpenVEX document that says what does not affect you; repeatable
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
}

#[derive(Subcommand)]
enum ScanCommand {
    /// The advisory database
    #[command(subcommand)]
    Db(DbCommand),
    /// What an advisory says about the versions it affects
    #[command(after_help = "\
Formats: text, json.

Examples:
  bulla scan explain RUSTSEC-2021-0003
  bulla scan explain CVE-2021-25900
  bulla scan explain GO-2022-0969 --db advisories.db")]
    Explain {
        /// RUSTSEC-…, CVE-…, GHSA-…, GO-…
        id: String,
        /// An advisory database
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum DbCommand {
    /// Import advisories, and use them from now on
    #[command(after_help = "\
Read are OSV records (all.zip, or a directory of them), a copy of Debian's security tracker
(the directory above data/DSA/list, or such a list) and Alpine's secdb (*.yaml, or a directory).

Formats: text, json.

Examples:
  bulla scan db import osv/crates.io/all.zip osv/PyPI/all.zip
  bulla scan db import advisories/ --out advisories.db
  bulla scan db import osv/*/all.zip security-tracker/ alpine-secdb/v3.11 -o json")]
    Import {
        /// Archives, lists or directories of advisories
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Write it there, and do not use it by default
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// What the database covers, and how old it is
    #[command(after_help = "\
Formats: text, json.

Examples:
  bulla scan db status
  bulla scan db status --db advisories.db
  bulla scan db status -o json")]
    Status {
        /// An advisory database
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
}

/// Runs it.
///
/// # Errors
/// If target or database cannot be read; findings at or above `--fail-on` are
/// an exit code, not an error.
pub fn run(args: ScanArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let target = match (args.command, args.target) {
        (Some(command), _) => return manage(command, context),
        (None, Some(target)) => target,
        (None, None) => {
            return Err(Failure::new(
                Exit::Usage,
                "CLI-0030",
                "nothing to scan is named",
            ));
        }
    };
    let database = scan::database(context, args.db.as_deref())?;
    let (inventory, subject) = inventory::of_target(&target, context)?;
    let report = scan::scan(&database, &inventory, &subject, &args.vex)?;
    outputs.write(|format| match format {
        "json" => output::json(&scan::view(&report, &inventory)),
        _ => Ok(scan::text(&report, &inventory).into_bytes()),
    })?;
    let worst = scan::worst(&report);
    match args.fail_on {
        Some(gate) if worst.is_some_and(|worst| worst >= gate) => Ok(Exit::Findings),
        _ => Ok(Exit::Allowed),
    }
}

fn manage(command: ScanCommand, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let view = match command {
        ScanCommand::Explain { id, db } => {
            let database = scan::database(context, db.as_deref())?;
            scan::explain(&database, &id)?
        }
        ScanCommand::Db(DbCommand::Status { db }) => {
            scan::status(&scan::database(context, db.as_deref())?)
        }
        ScanCommand::Db(DbCommand::Import { paths, out }) => scan::import(context, &paths, out)?,
    };
    outputs.write(|format| match format {
        "json" => output::json(&view.json),
        _ => Ok(view.text.clone().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
