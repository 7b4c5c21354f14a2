//! `bulla up`: the local instance, kept running on loopback.

use clap::Args;
use std::path::PathBuf;

use crate::{
    compose::{self, Instance},
    context::Context,
    failure::{Exit, Failure},
    instance::{Ready, write_whole},
    output,
};

/// Arguments of `bulla up`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla up                                   serve until Ctrl-C
  eval \"$(bulla up --env)\"                   point cosign, skopeo and others at the running one
  bulla up --data D --port 0 --ready-file F  for scripts: F appears once everything answers")]
pub struct UpArgs {
    /// First of three ports; 0 takes any free ones. Only when the instance is created
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Write addresses and paths there, as JSON, once everything answers
    #[arg(long, value_name = "FILE", conflicts_with = "env")]
    ready_file: Option<PathBuf>,
    /// Print environment variables for other clients, and leave
    #[arg(long)]
    env: bool,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be served.
pub fn run(args: UpArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if args.env {
        let ready = context
            .home()?
            .read_ready()
            .map_err(|failure| failure.hint("start the instance first: bulla up"))?;
        output::data(environment(&ready).as_bytes());
        return Ok(Exit::Allowed);
    }
    context.block_on(async {
        let began = std::time::Instant::now();
        let end = super::told_to_end();
        let instance = compose::serve(context, args.port).await?;
        let ready = instance.ready();
        if let Some(file) = &args.ready_file {
            write_whole(file, &output::json(ready)?)?;
        }
        if outputs.is_json() {
            output::data(&output::json(ready)?);
            output::data(b"\n");
        }
        announce(context, &instance, began.elapsed().as_secs_f64()).await;
        end.await;
        if let Some(file) = &args.ready_file {
            let _ = std::fs::remove_file(file);
        }
        context.talk.say("stopped; nothing is lost");
        instance.stop().await;
        Ok(())
    })?;
    Ok(Exit::Allowed)
}

async fn announce(context: &Context, instance: &Instance, seconds: f64) {
    let (talk, ready, home) = (&context.talk, instance.ready(), instance.home());
    let docker = ready.docker_config.parent().unwrap_or(home.path());
    talk.say(&format!(
        "bulla up · instance {} · root {} (online)",
        home.path().display(),
        ready.root.get(..12).unwrap_or(&ready.root)
    ));
    talk.say(&format!(
        "  registry   {:<27} push with DOCKER_CONFIG={}",
        ready.registry,
        docker.display()
    ));
    talk.say(&format!(
        "  authority  {:<27} CA · log · CT · TSA · OIDC · TUF",
        ready.ca
    ));
    if let Some(login) = &ready.login {
        talk.say(&format!(
            "  login      {login}   for whom `bulla user add` lets in"
        ));
    }
    talk.say(&format!("  admission  {}", ready.admission));
    talk.say(&format!("  root       {}", ready.root));
    if let Some(operations) = instance.operations() {
        compose::tell_all(operations, talk).await;
    }
    talk.say("  for other clients:  eval \"$(bulla up --env)\"     cosign, sigstore-python, skopeo, crane");
    talk.say(&format!(
        "ready in {seconds:.1} s · Ctrl-C stops, nothing is lost"
    ));
}

/// Shell lines that point other clients at the instance.
fn environment(ready: &Ready) -> String {
    let quote =
        |path: &std::path::Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let docker = ready.docker_config.parent().unwrap_or(&ready.docker_config);
    let tuf = match (&ready.tuf, &ready.tuf_root) {
        (Some(url), Some(root)) => {
            let root = quote(root);
            format!("export BULLA_TUF='{url}'\nexport BULLA_TUF_ROOT={root}\n")
        }
        _ => String::new(),
    };
    format!(
        "export DOCKER_CONFIG={}\nexport REGISTRY_AUTH_FILE={}\n\
         export BULLA_REGISTRY='{}'\nexport BULLA_ISSUER='{}'\n\
         export BULLA_TRUSTED_ROOT={}\nexport BULLA_SIGNING_CONFIG={}\nexport BULLA_TRUST_CONFIG={}\n{}\
         # SIGSTORE_ID_TOKEN=\"$(bulla token)\" cosign sign --signing-config \"$BULLA_SIGNING_CONFIG\" --trusted-root \"$BULLA_TRUSTED_ROOT\" -y REF\n\
         # sigstore --trust-config \"$BULLA_TRUST_CONFIG\" sign --identity-token \"$(bulla token)\" FILE\n",
        quote(docker),
        quote(&ready.docker_config),
        ready.registry_host(),
        ready.oidc,
        quote(&ready.trusted_root),
        quote(&ready.signing_config),
        quote(&ready.client_trust_config),
        tuf,
    )
}
