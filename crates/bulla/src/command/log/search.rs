//! `bulla log search`: entries of an instance's logs by who signed, or over what.
//!
//! Asks the instance's own search; what it answers is shown, not verified.

use bulla_core::limits;
use bulla_net::http::Request;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::fmt::Write as _;
use url::Url;

use super::watch::plain;
use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    output,
};

/// Bytes of an answer: 500 entries of the greatest length.
const ANSWER_BYTES: u64 = 64 << 20;

/// Arguments of `bulla log search`.
#[derive(Args)]
#[command(after_help = "\
Each criterion narrows the search; with --any one of them is enough. A log of version 2 knows
no statements: what they are about is found in version 1 only.

Exit codes: 0 found, 3 nothing found.

Formats: text, json.

Examples:
  bulla log search --name dana@example.com
  bulla log search --digest sha256:71c0… --log v1
  bulla log search --log ct --issuer https://token.actions.githubusercontent.com --from 4096")]
pub struct SearchArgs {
    /// Which log
    #[arg(long, value_enum, default_value = "v2")]
    log: Tree,
    /// A name of the signer's certificate: an address or a URL
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Who vouched for that name
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A digest of what was signed
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// SHA-256 of the signer's public key
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// Be content with one criterion
    #[arg(long)]
    any: bool,
    /// The first entry that is looked at
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Entries at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tree {
    V1,
    V2,
    Ct,
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached or refuses.
pub fn run(args: SearchArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let answer = context.block_on(async {
        let instance = compose::connect(context).await?;
        let url = query(&instance.names().authority_url(), &args)?;
        let asked = |error| Failure::from_error(Exit::CouldNotRun, &error);
        let answer = instance.http().send(Request::get(url)).await;
        let answer = answer.map_err(asked)?;
        let ok = answer.status().as_u16() == 200;
        let body = answer.bytes(ANSWER_BYTES, "search").await.map_err(asked)?;
        instance.stop().await;
        let json = limits::parse_json::<Value>(&body, ANSWER_BYTES, "answer of the search");
        let json = json.map_err(|error| Failure::from_error(Exit::CouldNotRun, &error))?;
        if ok {
            return Ok(json);
        }
        let why = json.get("detail").and_then(Value::as_str);
        let text = format!(
            "the search was refused: {}",
            why.unwrap_or("no reason given")
        );
        Err(Failure::new(Exit::Usage, "CLI-0710", text)
            .hint("`bulla log search --help` shows what can be asked for"))
    })?;
    let entries = answer.get("entries").and_then(Value::as_array);
    let entries = entries.map_or(&[][..], Vec::as_slice);
    outputs.write(|format| match format {
        "json" => output::json(&answer),
        _ => Ok(entries.iter().map(line).collect::<String>().into_bytes()),
    })?;
    if let Some(next) = answer.get("next").and_then(Value::as_u64) {
        context.talk.say(&format!(" · more: --from {next}"));
    }
    Ok(match entries.is_empty() {
        true => Exit::NothingToVerify,
        false => Exit::Allowed,
    })
}

fn query(base: &str, args: &SearchArgs) -> Result<Url, Failure> {
    let path = format!("{base}/api/bulla/v1/log/search");
    let mut url = Url::parse(&path)
        .map_err(|error| Failure::new(Exit::CouldNotRun, "CLI-0711", format!("{path}: {error}")))?;
    let log = match args.log {
        Tree::V1 => "v1",
        Tree::V2 => "v2",
        Tree::Ct => "ct",
    };
    let (from, limit) = (
        args.from.map(|from| from.to_string()),
        args.limit.to_string(),
    );
    let texts = [
        ("name", args.name.as_deref()),
        ("issuer", args.issuer.as_deref()),
        ("digest", args.digest.as_deref()),
        ("key", args.key.as_deref()),
        ("from", from.as_deref()),
        ("any", args.any.then_some("true")),
    ];
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("log", log).append_pair("limit", &limit);
    for (name, text) in texts {
        if let Some(text) = text {
            pairs.append_pair(name, text);
        }
    }
    drop(pairs);
    Ok(url)
}

/// `INDEX KIND NAMES ISSUER DIGESTS`
fn line(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> String {
        let items = value.as_array().into_iter().flatten();
        items.map(text).collect::<Vec<_>>().join(",")
    };
    let mut line = format!("{} {}", entry["logIndex"], text(&entry["kind"]));
    for signer in entry["signers"].as_array().into_iter().flatten() {
        let names = list(&signer["names"]);
        let who = match names.is_empty() {
            true => format!("key:{}", text(&signer["key"])),
            false => names,
        };
        let _ = write!(line, " {who}");
        if let Some(issuer) = signer["issuer"].as_str() {
            let _ = write!(line, " {issuer}");
        }
    }
    let digests = list(&entry["digests"]);
    if !digests.is_empty() {
        let _ = write!(line, " {digests}");
    }
    let mut line = plain(&line);
    line.push('\n');
    line
}
