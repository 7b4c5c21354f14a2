//! `bulla client`: the programs that may ask the login issuer for tokens.
//!
//! A client's secret is printed once, when it is made, and kept as a hash.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::user::order_of;
use crate::{
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla client`.
#[derive(Args)]
#[command(after_help = "\
The client `sigstore` is there from the beginning, for cosign, sigstore-python and sigstore-js.

Formats: text, json.

Examples:
  bulla client add ci --grant client-credentials --audience sigstore
  bulla client add wiki --grant authorization-code --redirect https://wiki.example.com/callback
  bulla client list
  bulla client remove ci")]
pub struct ClientArgs {
    #[command(subcommand)]
    command: ClientCommand,
}

#[derive(Subcommand)]
enum ClientCommand {
    /// Register a program; prints its secret once
    Add(AddArgs),
    /// Show all programs
    List,
    /// Take a program's registration away
    Remove(RemoveArgs),
}

#[derive(Args)]
struct AddArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    id: String,
    /// How it gets tokens; repeatable
    #[arg(long = "grant", value_enum, required = true, value_name = "GRANT")]
    grants: Vec<Grant>,
    /// Where browsers may be sent back to, exactly; repeatable
    #[arg(long = "redirect", value_name = "URL")]
    redirects: Vec<String>,
    /// An audience of its own tokens beside itself; repeatable
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// Whose people may use it: local, or the id of an upstream issuer; repeatable [default: all]
    #[arg(long = "connector", value_name = "ID")]
    connectors: Vec<String>,
    /// It runs on people's own machines and can keep no secret
    #[arg(long)]
    public: bool,
}

/// How a client gets tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Grant {
    /// A person logs in in a browser
    AuthorizationCode,
    /// It is somebody itself
    ClientCredentials,
    /// A person logs in on another device
    DeviceCode,
    /// For a token of another issuer
    TokenExchange,
}

impl Grant {
    fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "device_code",
            Self::TokenExchange => "token_exchange",
        }
    }
}

#[derive(Args)]
struct RemoveArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    id: String,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or declines.
pub fn run(args: ClientArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let order = match args.command {
        ClientCommand::Add(args) => {
            let grants: Vec<_> = args.grants.iter().map(|grant| grant.name()).collect();
            let connectors = Some(args.connectors).filter(|list| !list.is_empty());
            json!({
                "do": "client-add", "id": args.id, "public": args.public, "grants": grants,
                "redirects": args.redirects, "audiences": args.audiences,
                "connectors": connectors,
            })
        }
        ClientCommand::List => json!({"do": "client-list"}),
        ClientCommand::Remove(args) => json!({"do": "client-remove", "id": args.id}),
    };
    let done = order_of(context, order)?;
    outputs.write(|format| match format {
        "json" => output::json(&done),
        _ => Ok(text(&done).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

fn text(done: &Value) -> String {
    if let Some(clients) = done["clients"].as_array() {
        let lines: Vec<_> = clients.iter().map(line).collect();
        return lines.join("\n");
    }
    let client = &done["client"];
    match (client.is_object(), done["secret"].as_str()) {
        (true, Some(secret)) => format!("{}\nsecret, shown once: {secret}", line(client)),
        (true, None) => line(client),
        _ => "removed".into(),
    }
}

/// A client in one line.
fn line(client: &Value) -> String {
    let list = |name: &str| {
        let all = client[name].as_array().into_iter().flatten();
        let all: Vec<_> = all.filter_map(Value::as_str).collect();
        all.join(",")
    };
    let kind = match client["public"].as_bool() {
        Some(true) => "public",
        _ => "secret",
    };
    let id = client["id"].as_str().unwrap_or_default();
    format!("{id}  {kind}  {}", list("grants"))
}
