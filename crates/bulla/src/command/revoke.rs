//! `bulla revoke`: a signer, a key or a digest that no longer counts.

use bulla_core::Digest;
use bulla_trust::revocation::{RevocationList, Revoked, Target};
use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::fmt::Write as _;

use crate::{
    compose,
    context::Context,
    failure::{Exit, Failure},
    journey::{keyref, revocations},
    output,
};

/// Arguments of `bulla revoke`.
#[derive(Args)]
#[command(after_help = "\
What is proven to have been signed before --from still counts: by its timestamp or its log entry.
A digest does not count from then on, however old its signatures are. Each change is a new list,
signed by the instance, logged, and carried to verifiers by its TUF repository.

Formats: text, json.

Examples:
  bulla revoke identity dana@example.com --issuer https://login.example.com --reason \"left the company\"
  bulla revoke key cosign.pub --from 2026-11-20 --reason \"laptop stolen\"
  bulla revoke digest sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae --reason backdoor
  bulla revoke list")]
pub struct RevokeArgs {
    #[command(subcommand)]
    command: RevokeCommand,
}

#[derive(Subcommand)]
enum RevokeCommand {
    /// An artifact, a bundle or a certificate
    Digest {
        /// sha256:HEX
        digest: Digest,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// A signer, as certificates name it
    Identity {
        /// The subject: an address, or a URI
        subject: String,
        /// Who authenticated it [default: the instance's issuer of asserted identities]
        #[arg(long, value_name = "URL")]
        issuer: Option<String>,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// A key
    Key {
        /// Its public half: a file, or sha256:HEX of it in DER
        key: String,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// Show what is revoked
    List,
}

/// What every entry has.
#[derive(Args)]
struct EntryArgs {
    /// From when on it does not count [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Why: everybody who is refused reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>()
        .or_else(|_| text.parse::<Date>().and_then(day))
        .map_err(|_| "a time is 2026-11-20 or 2026-11-20T16:00:00Z".into())
}

/// Runs it.
///
/// # Errors
/// If the instance cannot be reached, or does not take the list.
pub fn run(args: RevokeArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let list = context.block_on(async {
        let instance = compose::connect(context).await?;
        let list = match wanted(args.command, &instance)? {
            Some(entry) => {
                let what = entry.target.to_string();
                let list = revocations::add(&instance, &[entry]).await?;
                let number = list.number();
                context
                    .talk
                    .say(&format!(" ✓ {what} is revoked, by list number {number}"));
                list
            }
            None => revocations::current(&instance).await?.ok_or_else(|| {
                Failure::new(Exit::NothingToVerify, "CLI-0601", "there is no list yet")
                    .hint("bulla up publishes one when it starts")
            })?,
        };
        instance.stop().await;
        Ok(list)
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&list),
        _ => Ok(text(&list).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

fn wanted(
    command: RevokeCommand,
    instance: &compose::Instance,
) -> Result<Option<Revoked>, Failure> {
    let (target, entry) = match command {
        RevokeCommand::List => return Ok(None),
        RevokeCommand::Digest { digest, entry } => (Target::Digest(digest), entry),
        RevokeCommand::Identity {
            subject,
            issuer,
            entry,
        } => {
            let issuer = issuer.unwrap_or_else(|| instance.names().asserted_issuer.clone());
            (Target::Identity { issuer, subject }, entry)
        }
        RevokeCommand::Key { key, entry } => {
            let digest = match key.parse::<Digest>() {
                Ok(digest) => digest,
                Err(_) => keyref::public(&key)?.id(),
            };
            (Target::Key(digest), entry)
        }
    };
    let now = Timestamp::now();
    Ok(Some(Revoked {
        target,
        // Timestamps tell whole seconds: what is signed in this one is not older.
        from: entry
            .from
            .unwrap_or(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        listed: now,
        reason: entry.reason,
    }))
}

fn text(list: &RevocationList) -> String {
    let mut out = format!(
        "list {} of {}, counts until {}\n",
        list.number(),
        list.issued(),
        list.next_update()
    );
    for entry in list.entries() {
        let _ = writeln!(out, "{}  {}  {}", entry.from, entry.target, entry.reason);
    }
    if list.entries().is_empty() {
        out.push_str("nothing is revoked\n");
    }
    out
}
