//! `bulla trust ceremony publish`: the result goes to the instance.
//!
//! The instance verifies everything again. While it serves, the result is left in
//! its store, and the process that leads takes it in within a minute; otherwise it
//! is taken in here, and a root key that was online so far hands over to people.

use bulla_authority::{
    authority::{Answer, Mailbox, hand_over},
    ceremony::{Outcome, status},
};
use bulla_core::SystemClock;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{OrRefused as _, place::Place};
use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    output,
};

/// How often the answer is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `bulla trust ceremony publish`.
#[derive(Args)]
#[command(after_help = "\
The first ceremony of an instance whose root key is still online needs the instance stopped: its key
signs the root that replaces it, and is removed. Certificates take effect from their first
second on.

Formats: text, json.

Examples:
  bulla trust ceremony publish root-2
  bulla trust ceremony publish root-2 --config bulla-serve.toml
  bulla trust ceremony publish root-2 --wait 300 -o json")]
pub struct PublishArgs {
    /// The folder of the ceremony
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The configuration of `bulla serve`; the local instance if not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long to wait for the process that serves
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
}

/// Runs it.
///
/// # Errors
/// If the ceremony is not complete, or the instance refuses it.
pub fn run(args: PublishArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let folder = super::open(&args.dir)?;
    let found = status(&folder, Timestamp::now()).or_refused()?;
    let Some(outcome) = found.outcome else {
        let mut failure = Failure::new(
            Exit::NothingToVerify,
            "CLI-0352",
            "the ceremony is not complete",
        );
        for line in &found.missing {
            failure = failure.line(line.clone());
        }
        return Err(failure.hint(format!(
            "bulla trust ceremony verify {}",
            args.dir.display()
        )));
    };
    let answer = context.block_on(give(&args, &outcome, found.hand_over, context))?;
    if let Some(error) = answer.error {
        return Err(Failure::new(Exit::Denied, "CLI-0353", "the instance refused it")
            .line(error)
            .hint("bulla trust export --ceremony export.json, then plan again from what it has now"));
    }
    let version = answer.root_version.unwrap_or_default();
    context
        .talk
        .say(&format!(" ✓ root version {version} is in force"));
    if answer.certificates {
        context
            .talk
            .say(" the new certificates take effect from their first second on");
    }
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "root": version, "certificates": answer.certificates,
        })),
        _ => Ok(version.to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

async fn give(
    args: &PublishArgs,
    outcome: &Outcome,
    is_hand_over: bool,
    context: &Context,
) -> Result<Answer, Failure> {
    let place = Place::open(args.config.as_deref(), context).await?;
    let lock = place.home().try_lock()?;
    let answer = match &lock {
        // What seals the keys is asked for only where one of them has to sign.
        Some(_) if is_hand_over || args.config.is_none() => {
            let (values, clock) = (place.storage().values(), Arc::new(SystemClock));
            hand_over(
                values,
                place.slots().await?,
                place.settings(),
                clock,
                outcome,
            )
            .await
            .or_denied()?
        }
        None if is_hand_over => {
            return Err(Failure::new(
                Exit::CouldNotRun,
                "CLI-0355",
                "the instance serves, and its root key is to sign its last root",
            )
            .hint("stop it (bulla up, bulla serve), publish, and start it again"));
        }
        _ => leave(args, &place.mailbox(), outcome).await?,
    };
    place.close().await;
    drop(lock);
    Ok(answer)
}

async fn leave(
    args: &PublishArgs,
    mailbox: &Mailbox,
    outcome: &Outcome,
) -> Result<Answer, Failure> {
    mailbox.leave(outcome).await.or_could_not_run()?;
    let tries = args.wait.saturating_mul(2).max(1);
    for _ in 0..tries {
        if let Some(answer) = mailbox.answer().await.or_could_not_run()?
            && answer.plan == outcome.plan.to_string()
        {
            return Ok(answer);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Failure::new(
        Exit::Undecidable,
        "CLI-0354",
        "nobody has taken the result in yet; it stays where the instance finds it",
    )
    .hint("see that the instance runs and leads, then: bulla trust show"))
}
