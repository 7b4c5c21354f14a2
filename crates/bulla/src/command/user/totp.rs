//! `bulla user totp`: the second factor of a user.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{WhoArgs, order_of, secret_from_stdin};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    output, terminal,
};

/// Arguments of `bulla user totp`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla user totp begin dana@example.com | grep otpauth | cut -d' ' -f2 | qrencode -t utf8
  bulla user totp confirm dana@example.com
  bulla user totp remove dana@example.com")]
pub struct TotpArgs {
    #[command(subcommand)]
    command: TotpCommand,
}

#[derive(Subcommand)]
enum TotpCommand {
    /// Make a secret for an authenticator app; it counts once it is confirmed
    Begin(WhoArgs),
    /// Make it count, with a code of the app; prints recovery codes once
    Confirm(ConfirmArgs),
    /// Take it away, for somebody who lost app and recovery codes
    Remove(WhoArgs),
}

#[derive(Args)]
struct ConfirmArgs {
    #[command(flatten)]
    who: WhoArgs,
    /// Read the code from standard input instead of asking for it
    #[arg(long)]
    code_stdin: bool,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or declines.
pub fn run(args: TotpArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let done = match args.command {
        TotpCommand::Begin(who) => {
            order_of(context, json!({"do": "totp-begin", "email": who.email}))?
        }
        TotpCommand::Confirm(args) => {
            let code = code(context, args.code_stdin)?;
            let order = json!({"do": "totp-confirm", "email": args.who.email, "code": code});
            order_of(context, order)?
        }
        TotpCommand::Remove(who) => {
            order_of(context, json!({"do": "totp-remove", "email": who.email}))?
        }
    };
    outputs.write(|format| match format {
        "json" => output::json(&done),
        _ => Ok(text(&done).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

fn text(done: &Value) -> String {
    if let Some(uri) = done["uri"].as_str() {
        let secret = done["secret"].as_str().unwrap_or_default();
        return format!(
            "uri: {uri}\nsecret: {secret}\nnext, with a code of the app: bulla user totp confirm"
        );
    }
    match done["recovery_codes"].as_array() {
        Some(codes) => {
            let codes: Vec<_> = codes.iter().filter_map(Value::as_str).collect();
            format!(
                "one-time codes are asked for from now on; each of these replaces one, once:\n{}",
                codes.join("\n")
            )
        }
        None => super::line(&done["user"]),
    }
}

fn code(context: &Context, from_stdin: bool) -> Result<String, Failure> {
    if from_stdin {
        return Ok(secret_from_stdin()?.trim().to_owned());
    }
    terminal::ask(context, "code of the app: ")?.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "CLI-0702",
            "no code: nobody is at the terminal",
        )
        .hint("pipe it in: … | bulla user totp confirm ADDRESS --code-stdin")
    })
}
