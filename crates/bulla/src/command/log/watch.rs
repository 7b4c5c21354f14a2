//! `bulla log watch`: reads a log of anybody on, by its tiles.
//!
//! What was verified is kept in a file, so that the next run goes on from there
//! and sees whether the log still contains it. Without one the log is read from
//! its first entry.

use bulla_authority::monitor::{
    Finding, IdentityRule, LogWatch, RemoteLog, Rules, WatchState, WatchedLog, What,
};
use bulla_crypto::verifier_key::VerifierKey;
use clap::Args;
use serde_json::json;
use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    instance::write_whole,
    output,
};

/// Bytes of a state file: eight partial tiles.
const STATE_BYTES: u64 = 1 << 20;

/// Arguments of `bulla log watch`.
#[derive(Args)]
#[command(after_help = "\
Every entry is read and hashed; the tree that they make must be the one that the log signed, and
must extend the one of the last run. With --watch or --allow, signers are looked at as well.

Exit codes: 0 nothing to tell, 1 the log contradicts itself, or an entry is unexpected.

Formats: text, json.

Examples:
  bulla log watch https://log.example.com/api/v2 --key log.example.com+5f0a8d11+AY… --state watch.json
  bulla log watch https://ct.example.com/2026 --key ct.example.com/2026+9c27…+BT… --certificates \\
    --watch '**@example.com' --allow 'release@example.com' --state ct.json")]
pub struct WatchArgs {
    /// Where the log's checkpoint and tiles are
    #[arg(value_name = "URL")]
    url: String,
    /// The log's verifier key, NAME+HASH+BASE64
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Its checkpoints begin with this line [default: the name of the key]
    #[arg(long, value_name = "TEXT")]
    origin: Option<String>,
    /// It is a certificate transparency log (static-ct-api)
    #[arg(long)]
    certificates: bool,
    /// What was verified so far; written again
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Look at signers of these names; repeatable [default: all, with --allow]
    #[arg(long, value_name = "PATTERN")]
    watch: Vec<String>,
    /// Signers of these names are expected; repeatable
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,
    /// Believe these certificates (PEM) and no others
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Go on: look again every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    every: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// If the log cannot be read, or its checkpoint is not its own.
pub fn run(args: &WatchArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let watch = log_watch(args)?;
    let mut state = read(args)?;
    let found = context.block_on(async {
        loop {
            let before = state.size();
            let found = watch.round(&mut state).await;
            let found = found.map_err(|error| Failure::from_error(Exit::CouldNotRun, &error))?;
            keep(args, &state)?;
            let size = state.size();
            context.talk.say(&format!(
                " · {} new entries, {size} verified",
                size - before
            ));
            match args.every {
                Some(seconds) if found.is_empty() => {
                    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                }
                _ => return Ok(found),
            }
        }
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "log": args.url, "verified": state.size(), "findings": found,
        })),
        _ => Ok(found
            .iter()
            .map(|found| line("", found))
            .collect::<String>()
            .into_bytes()),
    })?;
    Ok(match found.is_empty() {
        true => Exit::Allowed,
        false => Exit::Denied,
    })
}

fn log_watch(args: &WatchArgs) -> Result<LogWatch, Failure> {
    let usage = |error: &dyn bulla_core::Diagnose| Failure::from_error(Exit::Usage, error);
    let rule = |subject: &String| IdentityRule {
        subject: subject.clone(),
        issuer: None,
    };
    let (watch, allow): (Vec<_>, Vec<_>) = (
        args.watch.iter().map(rule).collect(),
        args.allow.iter().map(rule).collect(),
    );
    let rules = Rules::new(&watch, &allow).map_err(|error| usage(&error))?;
    let key = VerifierKey::parse(&args.key).map_err(|error| usage(&error))?;
    let log = WatchedLog {
        url: args.url.clone(),
        key: args.key.clone(),
        certificates: args.certificates,
        ca_file: args.ca_file.clone(),
    };
    let feed = RemoteLog::new(&log).map_err(|error| usage(&error))?;
    let watch = LogWatch::new(&args.url, key, Box::new(feed), Arc::new(rules));
    Ok(match &args.origin {
        Some(origin) => watch.of_origin(origin.clone()),
        None => watch,
    })
}

fn read(args: &WatchArgs) -> Result<WatchState, Failure> {
    let Some(path) = args.state.as_ref().filter(|path| path.exists()) else {
        return Ok(WatchState::default());
    };
    let file = fs::File::open(path).on_path("read", path)?;
    let bytes = bulla_core::limits::read_bounded(file, STATE_BYTES, "state of the watch");
    let bytes = bytes.map_err(|error| Failure::from_error(Exit::CouldNotRun, &error))?;
    WatchState::parse(&bytes).map_err(|error| {
        Failure::from_error(Exit::CouldNotRun, &error)
            .on(path.display().to_string())
            .hint("restore the file; without it the log is read from its start, and nothing before is compared")
    })
}

fn keep(args: &WatchArgs, state: &WatchState) -> Result<(), Failure> {
    match &args.state {
        Some(path) => write_whole(path, &state.to_json()),
        None => Ok(()),
    }
}

/// One finding in one line, `when` before it.
pub(super) fn line(when: &str, finding: &Finding) -> String {
    let glyph = match &finding.what {
        What::Contradiction { .. } => '✗',
        What::NotIssued { .. } | What::Unexpected { .. } => '!',
    };
    let mut line = plain(&format!("{glyph} {when}{finding}"));
    line.push('\n');
    line
}

/// What a stranger wrote into a certificate does not steer the terminal.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}
