//! `bulla trust ceremony verify`: what is right, who is missing.

use bulla_authority::ceremony::status;
use clap::Args;
use jiff::Timestamp;
use std::path::PathBuf;

use super::OrRefused as _;
use crate::{
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla trust ceremony verify`.
#[derive(Args)]
#[command(after_help = "\
Ends with 0 if nothing is missing, 3 while somebody has not signed yet, and 1 if something is wrong.

Formats: text, json.

Examples:
  bulla trust ceremony verify root-2
  bulla trust ceremony verify /media/usb/root-2
  bulla trust ceremony verify root-2 -o json")]
pub struct VerifyArgs {
    /// The folder of the ceremony
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Runs it.
///
/// # Errors
/// If something in the folder is wrong.
pub fn run(args: VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let folder = super::open(&args.dir)?;
    let found = status(&folder, Timestamp::now()).or_refused()?;
    for line in &found.done {
        context.talk.say(&format!(" ✓ {line}"));
    }
    for line in &found.missing {
        context.talk.say(&format!(" · {line}"));
    }
    if found.outcome.is_some() {
        context.talk.say(&format!(
            " complete; next, at the instance: bulla trust ceremony publish {}",
            args.dir.display()
        ));
    }
    outputs.write(|format| match format {
        "json" => output::json(&serde_json::json!({
            "version": 1, "complete": found.outcome.is_some(), "plan": found.plan,
            "done": found.done, "missing": found.missing, "digests": found.digests,
        })),
        _ => {
            let lines = found
                .digests
                .iter()
                .map(|(what, digest)| format!("{what} {}", digest.hex()));
            Ok(lines.collect::<Vec<_>>().join("\n").into_bytes())
        }
    })?;
    Ok(match found.outcome {
        Some(_) => Exit::Allowed,
        None => Exit::NothingToVerify,
    })
}
