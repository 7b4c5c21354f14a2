//! `bulla log findings`: what the instance's monitor found, and that it was seen.
//!
//! Asked over the instance's own socket, so only who runs it can look, and only
//! who looked acknowledges: what is found meanwhile stays.

use bulla_authority::monitor::{Forgotten, Found, Report};
use bulla_net::token;
use clap::Args;
use serde_json::{Value, json};

use super::watch;
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    output::{self, Outputs},
};

/// Arguments of `bulla log findings`.
#[derive(Args)]
#[command(after_help = "\
The monitor of `bulla up` and `bulla serve` keeps what it found until somebody acknowledges it:
entries of signers that the section [monitor] does not expect, certificates that this authority
did not issue, a log that contradicts itself. The last is found again as long as it lasts; once
it is known why, --accept-position ends it. What was verified of the log is forgotten then, and
it is read again from its first entry: whoever took entries out of it gets away with that.

Exit codes: 0 nothing found, or acknowledged, 1 findings, 5 a log could not be read.

Formats: text, json.

Examples:
  bulla log findings
  bulla log findings --acknowledge
  bulla log findings --accept-position https://log.example.com/api/v2
  bulla log findings --data /var/lib/bulla -o json")]
pub struct FindingsArgs {
    /// They were seen: `/readyz` and the next start do not tell them again
    #[arg(long)]
    acknowledge: bool,
    /// Take for the truth what this log shows now, named as in its finding
    #[arg(long, value_name = "LOG", conflicts_with = "acknowledge")]
    accept_position: Option<String>,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or watches no log.
pub fn run(args: &FindingsArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if let Some(log) = &args.accept_position {
        return accept(log, context, &outputs);
    }
    context.block_on(async {
        let report = compose::ask(context, true, async |socket| token::findings(socket).await);
        let report: Report = serde_json::from_value(report.await?).map_err(|_| unreadable())?;
        outputs.write(|format| match format {
            "json" => output::json(&shown(&report)),
            _ => Ok(report
                .findings
                .iter()
                .map(line)
                .collect::<String>()
                .into_bytes()),
        })?;
        for unread in &report.unread {
            let (log, since) = (&unread.log, unread.since.strftime("%Y-%m-%d %H:%M UTC"));
            let text = format!("{log} could not be read since {since}: {}", unread.why);
            context.talk.warn(&watch::plain(&text));
        }
        if report.more > 0 {
            let more = report.more;
            context.talk.say(&format!(
                " · {more} more, once these are acknowledged: bulla log findings --acknowledge"
            ));
        }
        let Some(through) = report.through.as_deref() else {
            return Ok(match report.unread.is_empty() {
                true => Exit::Allowed,
                false => Exit::Undecidable,
            });
        };
        if !args.acknowledge {
            return Ok(Exit::Denied);
        }
        let done = compose::ask(context, true, async |socket| {
            token::acknowledge(socket, through).await
        });
        let count = &done.await?["acknowledged"];
        context.talk.say(&format!(" ✓ {count} acknowledged"));
        Ok(Exit::Allowed)
    })
}

/// Has the position of `log` forgotten, and tells what it was.
fn accept(log: &str, context: &Context, outputs: &Outputs) -> Result<Exit, Failure> {
    let done = context.block_on(compose::ask(context, true, async |socket| {
        token::accept_position(socket, log).await
    }))?;
    let Forgotten { log, size, root } = serde_json::from_value(done).map_err(|_| unreadable())?;
    let log = watch::plain(&log);
    context.talk.say(&match size {
        0 => format!(" ✓ nothing was verified of {log}; it is read from its first entry"),
        _ => format!(
            " ✓ {log} is not compared with its {size} entries and root {root} any more; \
             it is read again from its first entry"
        ),
    });
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "log": log, "size": size, "root": root})),
        _ => Ok(Vec::new()),
    })?;
    Ok(Exit::Allowed)
}

fn unreadable() -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0713",
        "the instance answered with findings that this bulla cannot read",
    )
    .hint("run the bulla that serves it: `bulla version` of both")
}

/// Frozen, version 1.
fn shown(report: &Report) -> Value {
    json!({
        "version": 1, "findings": report.findings, "more": report.more, "unread": report.unread,
    })
}

/// `! TIME LOG, entry INDEX: …`
fn line(found: &Found) -> String {
    let time = found.time.strftime("%Y-%m-%d %H:%M UTC");
    watch::line(&format!("{time} "), &found.finding)
}
