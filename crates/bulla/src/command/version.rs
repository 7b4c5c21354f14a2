//! `bulla version`: what this binary is.

use clap::Args;
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla version`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla version
  bulla version -o json
  bulla version -o json=version.json")]
pub struct VersionArgs {}

/// The output of `version -o json`. Frozen, version 1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    target: String,
}

/// Runs it.
///
/// # Errors
/// If the result cannot be written.
pub fn run(_args: &VersionArgs, context: &Context) -> Result<Exit, Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    };
    context
        .outputs(&["text", "json"])?
        .write(|format| match format {
            "json" => output::json(&version),
            _ => Ok(format!("bulla {} ({})", version.version, version.target).into_bytes()),
        })?;
    Ok(Exit::Allowed)
}
