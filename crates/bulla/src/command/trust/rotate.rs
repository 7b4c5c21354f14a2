//! `bulla trust rotate`: new keys for snapshot, timestamp and online targets, at
//! once, because the present ones may be in other hands.
//!
//! The process that serves the instance does it, asked over its socket: its root
//! key signs a root that names the new keys. Where people hold that key the
//! instance refuses, and names the ceremony.

use clap::Args;
use serde_json::json;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla trust rotate`.
#[derive(Args)]
#[command(after_help = "\
For an emergency: after a break-in, or when a copy of the keys was lost. Clients follow with
their next update, from whatever root they know, and refuse from then on what the former keys
sign. The root's own key and the fingerprint stay. Where people hold the key of root or targets,
a ceremony names the new keys: bulla trust ceremony --help.

Formats: text, json.

Examples:
  bulla trust rotate
  bulla trust rotate --data /var/lib/bulla -o json")]
pub struct RotateArgs {}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or its root key is offline.
pub fn run(_: RotateArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let done = context.block_on(async {
        let instance = compose::connect(context).await?;
        let done = instance.rotate_tuf().await;
        instance.stop().await;
        done
    })?;
    let version = done["root_version"].as_u64().unwrap_or_default();
    context.talk.say(&format!(
        " ✓ snapshot, timestamp and online targets have new keys, by root version {version}"
    ));
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "root": version})),
        _ => Ok(version.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
