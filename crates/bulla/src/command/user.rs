//! `bulla user`: who may log in at the instance's own login issuer.
//!
//! Whatever is done goes over the socket of the process that serves the instance,
//! or is served for the length of the command; passwords are asked for at the
//! terminal or read from standard input, never taken from the command line.

use bulla_net::token;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{io::Read as _, path::Path};
use zeroize::Zeroizing;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure, OnPath},
    output, terminal,
};

mod totp;

/// Bytes of a password.
const PASSWORD_BYTES: u64 = 1024;

/// Arguments of `bulla user`.
#[derive(Args)]
#[command(after_help = "\
Users log in in a browser at the issuer BASE/oidc/login, which signing configs name: cosign,
sigstore-python and sigstore-js go there by themselves.

Formats: text, json.

Examples:
  bulla user add dana@example.com --group release
  printf %s \"$PASSWORD\" | bulla user add dana@example.com --password-stdin
  bulla user totp begin dana@example.com
  bulla user disable dana@example.com
  bulla user list")]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Let somebody log in
    Add(AddArgs),
    /// Let somebody in no more; what they have open ends
    Disable(WhoArgs),
    /// Let somebody in again
    Enable(WhoArgs),
    /// Replace somebody's groups
    Groups(GroupsArgs),
    /// Show everybody
    List,
    /// Replace somebody's password; what they have open ends
    Password(PasswordArgs),
    /// One-time codes of an authenticator app
    Totp(totp::TotpArgs),
}

#[derive(Args)]
struct WhoArgs {
    /// The address
    #[arg(value_name = "ADDRESS")]
    email: String,
}

#[derive(Args)]
struct AddArgs {
    /// The address: what they log in with, and what certificates will name
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// What to call them
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A group they are in; repeatable
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
struct GroupsArgs {
    /// The address
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// The groups they are in from now on
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
}

#[derive(Args)]
struct PasswordArgs {
    /// The address
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or declines.
pub fn run(args: UserArgs, context: &Context) -> Result<Exit, Failure> {
    let done = match args.command {
        UserCommand::Add(args) => {
            let password = new_password(context, &args.email, args.password_stdin)?;
            let order = json!({
                "do": "user-add", "email": args.email, "name": args.name,
                "groups": args.groups, "password": &*password,
            });
            order_of(context, order)?
        }
        UserCommand::Disable(args) => enable(context, &args, false)?,
        UserCommand::Enable(args) => enable(context, &args, true)?,
        UserCommand::Groups(args) => {
            let groups = args.groups;
            order_of(
                context,
                json!({"do": "user-groups", "email": args.email, "groups": groups}),
            )?
        }
        UserCommand::List => order_of(context, json!({"do": "user-list"}))?,
        UserCommand::Password(args) => {
            let password = new_password(context, &args.email, args.password_stdin)?;
            let order = json!({"do": "user-password", "email": args.email, "password": &*password});
            order_of(context, order)?
        }
        UserCommand::Totp(args) => return totp::run(args, context),
    };
    context.outputs(&["text", "json"])?.write(|format| {
        if format == "json" {
            return output::json(&done);
        }
        let lines: Vec<_> = match (&done["user"], done["users"].as_array()) {
            (user @ Value::Object(_), _) => vec![line(user)],
            (_, Some(users)) if users.is_empty() => {
                vec!["nobody yet: bulla user add you@example.com".into()]
            }
            (_, users) => users.into_iter().flatten().map(line).collect(),
        };
        Ok(lines.join("\n").into_bytes())
    })?;
    Ok(Exit::Allowed)
}

fn enable(context: &Context, args: &WhoArgs, enabled: bool) -> Result<Value, Failure> {
    let order = json!({"do": "user-enable", "email": args.email, "enabled": enabled});
    order_of(context, order)
}

/// A user in one line.
fn line(user: &Value) -> String {
    let text = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
    let is = |name: &str| user[name].as_bool().unwrap_or_default();
    let groups = user["groups"].as_array().into_iter().flatten();
    let groups: Vec<_> = groups.filter_map(Value::as_str).collect();
    let mut parts = vec![
        text("email"),
        if is("enabled") { "enabled" } else { "disabled" }.into(),
        if is("totp") {
            "one-time codes"
        } else {
            "password only"
        }
        .into(),
    ];
    if !groups.is_empty() {
        parts.push(groups.join(","));
    }
    parts.join("  ")
}

/// Has the login issuer do something.
///
/// # Errors
/// If the instance cannot be reached, or declines.
pub fn order_of(context: &Context, order: Value) -> Result<Value, Failure> {
    context.block_on(compose::ask(context, false, async |socket| {
        token::manage(socket, &order).await
    }))
}

/// A new password: from standard input, or typed twice.
fn new_password(
    context: &Context,
    email: &str,
    from_stdin: bool,
) -> Result<Zeroizing<String>, Failure> {
    if from_stdin {
        return secret_from_stdin();
    }
    let question = format!("password for {email}: ");
    let first = terminal::ask_password(context, &question)?.map(Zeroizing::new);
    let Some(first) = first else {
        return Err(Failure::new(
            Exit::Usage,
            "CLI-0700",
            format!("no password for {email}: nobody is at the terminal"),
        )
        .hint("pipe it in: … | bulla user … --password-stdin"));
    };
    let second = terminal::ask_password(context, "once more: ")?.map(Zeroizing::new);
    match second.as_ref() == Some(&first) {
        true => Ok(first),
        false => Err(Failure::new(
            Exit::Usage,
            "CLI-0701",
            "the two passwords differ",
        )),
    }
}

/// A secret that is piped in; a line end behind it is not part of it.
fn secret_from_stdin() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(PASSWORD_BYTES + 2)
        .read_to_string(&mut text)
        .on_path("read", Path::new("standard input"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    Ok(Zeroizing::new(secret.to_owned()))
}
