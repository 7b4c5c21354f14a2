//! `bulla serve`: services for others, from a configuration file.
//!
//! Only the authority can be served that way so far; the other roles are refused
//! by name, with what to use today.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

use crate::{
    compose::{
        self,
        serve::{self, ServeConfig, Server},
    },
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Arguments of `bulla serve`.
#[derive(Args)]
#[command(after_help = "\
The file is described in docs/src/reference/serve-toml.md. Variables BULLA_SERVE_… take the place of
its keys: BULLA_SERVE_LISTEN__PUBLIC is `public` in [listen].

Formats: text, json.

Examples:
  bulla serve --check bulla-serve.toml
  bulla serve --role authority --config bulla-serve.toml
  bulla serve --config bulla-serve.toml --ready-file /run/bulla/ready.json -o json")]
pub struct ServeArgs {
    /// What to serve; repeatable
    #[arg(long, value_enum, value_name = "ROLE", default_value = "authority")]
    role: Vec<Role>,
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        env = "BULLA_CONFIG",
        required_unless_present = "check"
    )]
    config: Option<PathBuf>,
    /// Only say whether this configuration can be served
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "ready_file"])]
    check: Option<PathBuf>,
    /// Print the configuration as it is in force, and leave
    #[arg(long, conflicts_with = "ready_file")]
    print_config: bool,
    /// Write addresses and paths there, as JSON, once everything answers
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Certificates, logs, timestamps, tokens, trust documents
    Authority,
    /// OCI registry
    Registry,
    /// Kubernetes admission
    Admission,
    /// Node agent
    Runtime,
    /// Web pages
    Console,
}

impl Role {
    fn supported(self) -> Result<(), Failure> {
        let (name, instead) = match self {
            Self::Authority => return Ok(()),
            Self::Registry => (
                "registry",
                "bulla up serves one on loopback; for others run a registry of your own",
            ),
            Self::Admission => (
                "admission",
                "bulla up serves one on loopback; in a cluster use the files of bulla trust export --for kyverno",
            ),
            Self::Runtime => ("runtime", "leave it away"),
            Self::Console => (
                "console",
                "bulla explain REF -o svg=FILE draws the chain of an image",
            ),
        };
        let what = format!("--role {name} cannot be served yet");
        Err(Failure::new(Exit::Usage, "CLI-0501", what)
            .line("only authority can")
            .hint(instead))
    }
}

/// Runs it.
///
/// # Errors
/// If the configuration cannot be served.
pub fn run(args: ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    args.role.iter().try_for_each(|role| role.supported())?;
    let only_check = args.check.is_some();
    let Some(path) = args.check.or(args.config) else {
        return Err(Failure::new(Exit::Usage, "CLI-0502", "no configuration")
            .hint("bulla serve --config FILE"));
    };
    let (config, table) = ServeConfig::load(&path, std::env::vars_os())?;
    if args.print_config {
        output::data(serve::shown(&table).as_bytes());
    }
    if only_check {
        context.block_on(serve::check(&config))?;
        context
            .talk
            .say(&format!(" ✓ {} can be served", path.display()));
    }
    if only_check || args.print_config {
        return Ok(Exit::Allowed);
    }
    serve::start_logging(&config, context.global.verbose)?;
    context.block_on(async {
        let began = std::time::Instant::now();
        let end = super::told_to_end();
        let server = Server::start(&config, context).await?;
        if let Some(file) = &args.ready_file {
            serve::write_ready(file, &server)?;
        }
        if outputs.is_json() {
            output::data(&output::json(&serve::ready(&server))?);
            output::data(b"\n");
        }
        announce(context, &config, &server, began.elapsed().as_secs_f64()).await;
        serve::notify("READY=1");
        end.await;
        serve::notify("STOPPING=1");
        if let Some(file) = &args.ready_file {
            let _ = std::fs::remove_file(file);
        }
        server.stop().await;
        context.talk.say("stopped; nothing is lost");
        Ok(())
    })?;
    Ok(Exit::Allowed)
}

async fn announce(context: &Context, config: &ServeConfig, server: &Server, seconds: f64) {
    let (talk, published, addresses) = (&context.talk, server.published(), server.addresses());
    talk.say(&format!(
        "bulla serve · authority {} · root {}",
        config.base_url,
        published.root.get(..12).unwrap_or(&published.root)
    ));
    talk.say(&format!("  clients    {}", addresses.public));
    talk.say(&format!(
        "  operators  http://{}/readyz?verbose · /metrics",
        addresses.operations
    ));
    if let Some(internal) = addresses.internal {
        talk.say(&format!("  replicas   {internal} by mutual TLS"));
    }
    talk.say(&format!(
        "  cosign     {}",
        published.exports.cosign_initialize
    ));
    compose::tell_all(server.operations(), talk).await;
    talk.say(&format!("ready in {seconds:.1} s"));
}
