//! `bulla revoke`: a signer, a key or a digest that no longer counts.

use bulla_core::Digest;
use bulla_trust::revocation::{RevocationList, Revoked, Target, Withdrawn};
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
signed by the instance, logged, and carried to verifiers by its TUF repository. What is taken
off counts again, as if it had never been on the list.

Formats: text, json.

Examples:
  bulla revoke identity dana@example.com --issuer https://login.example.com --reason \"left the company\"
  bulla revoke key cosign.pub --from 2026-11-20 --reason \"laptop stolen\"
  bulla revoke digest sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae --reason backdoor
  bulla revoke list
  bulla revoke withdraw key cosign.pub --reason \"the laptop was found\"")]
pub struct RevokeArgs {
    #[command(subcommand)]
    command: RevokeCommand,
}

#[derive(Subcommand)]
enum RevokeCommand {
    /// An artifact, a bundle or a certificate
    Digest {
        #[command(flatten)]
        what: DigestArgs,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// A signer, as certificates name it
    Identity {
        #[command(flatten)]
        what: IdentityArgs,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// A key
    Key {
        #[command(flatten)]
        what: KeyArgs,
        #[command(flatten)]
        entry: EntryArgs,
    },
    /// Show what is revoked
    List,
    /// Take something off the list, named as it was put there: it counts again
    Withdraw {
        #[command(subcommand)]
        command: WithdrawCommand,
    },
}

#[derive(Subcommand)]
enum WithdrawCommand {
    /// An artifact, a bundle or a certificate
    Digest {
        #[command(flatten)]
        what: DigestArgs,
        #[command(flatten)]
        why: WhyArgs,
    },
    /// A signer, as certificates name it
    Identity {
        #[command(flatten)]
        what: IdentityArgs,
        #[command(flatten)]
        why: WhyArgs,
    },
    /// A key
    Key {
        #[command(flatten)]
        what: KeyArgs,
        #[command(flatten)]
        why: WhyArgs,
    },
}

/// What an entry is about.
enum Named {
    Digest(DigestArgs),
    Identity(IdentityArgs),
    Key(KeyArgs),
}

#[derive(Args)]
struct DigestArgs {
    /// sha256:HEX
    digest: Digest,
}

#[derive(Args)]
struct IdentityArgs {
    /// The subject: an address, or a URI
    subject: String,
    /// Who authenticated it [default: the instance's issuer of asserted identities]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[derive(Args)]
struct KeyArgs {
    /// Its public half: a file, or sha256:HEX of it in DER
    key: String,
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

/// What every withdrawal has.
#[derive(Args)]
struct WhyArgs {
    /// Why: it stays on the list, for everybody who looks
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
        let (list, done) = change(args.command, &instance).await?;
        if let Some(done) = done {
            let number = list.number();
            context
                .talk
                .say(&format!(" ✓ {done}, by list number {number}"));
        }
        instance.stop().await;
        Ok(list)
    })?;
    outputs.write(|format| match format {
        "json" => output::json(&list),
        _ => Ok(text(&list).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

/// Does what is asked: the list in force then, and what has changed.
async fn change(
    command: RevokeCommand,
    instance: &compose::Instance,
) -> Result<(RevocationList, Option<String>), Failure> {
    let (what, entry) = match command {
        RevokeCommand::List => {
            let list = revocations::current(instance).await?.ok_or_else(|| {
                Failure::new(Exit::NothingToVerify, "CLI-0601", "there is no list yet")
                    .hint("bulla up publishes one when it starts")
            })?;
            return Ok((list, None));
        }
        RevokeCommand::Withdraw { command } => {
            let (what, why) = match command {
                WithdrawCommand::Digest { what, why } => (Named::Digest(what), why),
                WithdrawCommand::Identity { what, why } => (Named::Identity(what), why),
                WithdrawCommand::Key { what, why } => (Named::Key(what), why),
            };
            let withdrawn = Withdrawn {
                target: what.target(instance)?,
                at: this_second(),
                reason: why.reason,
            };
            let list = revocations::withdraw(instance, &withdrawn).await?;
            let done = format!("{} is not revoked any more", withdrawn.target);
            return Ok((list, Some(done)));
        }
        RevokeCommand::Digest { what, entry } => (Named::Digest(what), entry),
        RevokeCommand::Identity { what, entry } => (Named::Identity(what), entry),
        RevokeCommand::Key { what, entry } => (Named::Key(what), entry),
    };
    let target = what.target(instance)?;
    let done = format!("{target} is revoked");
    let revoked = Revoked {
        target,
        // Timestamps tell whole seconds: what is signed in this one is not older.
        from: entry.from.unwrap_or(this_second()),
        listed: Timestamp::now(),
        reason: entry.reason,
    };
    Ok((revocations::add(instance, &[revoked]).await?, Some(done)))
}

/// Now, without the fraction.
fn this_second() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

impl Named {
    fn target(self, instance: &compose::Instance) -> Result<Target, Failure> {
        Ok(match self {
            Self::Digest(DigestArgs { digest }) => Target::Digest(digest),
            Self::Identity(IdentityArgs { subject, issuer }) => {
                let issuer = issuer.unwrap_or_else(|| instance.names().asserted_issuer.clone());
                Target::Identity { issuer, subject }
            }
            Self::Key(KeyArgs { key }) => Target::Key(match key.parse::<Digest>() {
                Ok(digest) => digest,
                Err(_) => keyref::public(&key)?.id(),
            }),
        })
    }
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
    for one in list.withdrawn() {
        let (at, target, reason) = (one.at, &one.target, &one.reason);
        let _ = writeln!(out, "withdrawn {at}  {target}  {reason}");
    }
    out
}
