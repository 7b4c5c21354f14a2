//! `bulla trust init`: another Sigstore, by the root.json that its people gave out.

use bulla_core::Digest;
use bulla_net::{
    HttpClient, HttpOptions,
    tuf::{self, FirstRoot},
};
use clap::Args;
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::{place, reach, trust_view},
    output,
};

/// Arguments of `bulla trust init`.
#[derive(Args)]
#[command(after_help = "\
Nothing is trusted on first use: --fingerprint is the SHA-256 of the first root.json, as the people
behind it tell it by another way. Afterwards --sigstore URL means this Sigstore.

Formats: text, json.

Examples:
  bulla trust init https://tuf.example.com --root root.json \\
      --fingerprint 9f2c41d07ab3c1de4be1d2a90c1171c0aa12be555b3f0c41aa12be5590c11d07
  bulla trust init http://127.0.0.1:5620/tuf --root ~/.local/share/bulla/local/trust/tuf_root.json \\
      --fingerprint \"$(sha256sum < ~/.local/share/bulla/local/trust/tuf_root.json | cut -c1-64)\"
  bulla trust init https://tuf.example.com --root root.json --fingerprint 9f2c41… -o json")]
pub struct InitArgs {
    /// Where its TUF repository answers
    #[arg(value_name = "URL")]
    url: url::Url,
    /// Its first root.json
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// SHA-256 of that file, in hex
    #[arg(long, value_name = "SHA256", value_parser = fingerprint)]
    fingerprint: Digest,
}

fn fingerprint(text: &str) -> Result<Digest, String> {
    let hex = text.trim().trim_start_matches("sha256:");
    format!("sha256:{}", hex.to_ascii_lowercase())
        .parse()
        .map_err(|_| "a fingerprint has 64 hex digits".into())
}

/// Runs it.
///
/// # Errors
/// If the file is another one, or the repository does not vouch for what it serves.
pub fn run(args: InitArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let root = std::fs::read(&args.root).on_path("read", &args.root)?;
    let found = Digest::sha256(&root);
    if found != args.fingerprint {
        let what = format!("{} is not the root that was named", args.root.display());
        return Err(Failure::new(Exit::Denied, "CLI-0340", what)
            .line(format!("named {}", args.fingerprint.hex()))
            .line(format!("found {}", found.hex()))
            .hint("get both again from the people behind it, by ways of their own"));
    }
    let home = context.home()?;
    home.ensure()?;
    let url = args.url.as_str().trim_end_matches('/').to_owned();
    let directory = place::known(&home, &url);
    context.block_on(async {
        let http = HttpClient::new(HttpOptions::new(reach::egress(context)));
        let now = jiff::Timestamp::now();
        let first = FirstRoot::Given(&root);
        tuf::init(&http, &args.url, first, &found, &directory, now)
            .await
            .or_undecidable()
            .map_err(|failure| failure.on(format!("{url} cannot be trusted")))
    })?;
    let view = trust_view::of(&place::Place::Url(url.clone()), context)?;
    context
        .talk
        .say(&format!(" ✓ {url} is known here by root {}", found.short()));
    context.talk.say(&format!(
        " next: bulla verify --sigstore {url} … · bulla trust show --sigstore {url}"
    ));
    outputs.write(|format| match format {
        "json" => output::json(&view),
        _ => Ok(found.hex().as_bytes().to_vec()),
    })?;
    Ok(Exit::Allowed)
}
