//! `bulla trust update`: what is new at the Sigstores that are known here.

use bulla_net::{HttpClient, HttpOptions, tuf};
use clap::Args;
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{
        place::{self, Place},
        reach,
    },
    output,
};

/// Arguments of `bulla trust update`.
#[derive(Args)]
#[command(after_help = "\
Only what the root that is known vouches for is taken over; older metadata than is known is
refused, even where what is known has expired.

Formats: text, json.

Examples:
  bulla trust update https://tuf.example.com
  bulla trust update https://tuf.example.com -o json
  bulla trust update http://127.0.0.1:5620/tuf")]
pub struct UpdateArgs {
    /// Where its TUF repository answers, as trust init was told
    #[arg(value_name = "URL")]
    url: url::Url,
}

/// Runs it.
///
/// # Errors
/// If it is not known here, cannot be asked, or does not vouch for what it serves.
pub fn run(args: UpdateArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let url = args.url.as_str().trim_end_matches('/');
    let directory = place::known(&context.home()?, url);
    if !directory.is_dir() {
        return Err(place::unknown(url));
    }
    let place = Place::Url(url.to_owned());
    let before = place.trusted(context)?.root().digest().clone();
    let record = context.block_on(async {
        let http = HttpClient::new(HttpOptions::new(reach::egress(context)));
        tuf::update(&http, &directory, jiff::Timestamp::now())
            .await
            .or_undecidable()
            .map_err(|failure| failure.on(format!("{url} was not updated")))
    })?;
    let changed = *place.trusted(context)?.root().digest() != before;
    let told = match changed {
        true => "what is trusted has changed",
        false => "nothing has changed",
    };
    context
        .talk
        .say(&format!(" ✓ {url}: {told} · good until {}", record.expires));
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "url": url, "changed": changed, "expires": record.expires,
        })),
        _ => Ok(told.as_bytes().to_vec()),
    })?;
    Ok(Exit::Allowed)
}
