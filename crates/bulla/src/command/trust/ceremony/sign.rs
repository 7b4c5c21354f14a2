//! `bulla trust ceremony sign`: what is signed is shown first, and agreed to.

use bulla_authority::ceremony::{AuthorityKind, Folder, Signed, Transcript, sign_certificates};
use bulla_core::Digest;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf};

use super::{OrRefused as _, keys::KeyArgs};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    output, terminal,
};

/// Arguments of `bulla trust ceremony sign`.
#[derive(Args)]
#[command(after_help = "\
What is signed follows from plan.toml, export.json, the public keys and the certificates alone: every
machine computes it anew. Compare the digest with the other people's, aloud, before you agree.
In scripts --yes DIGEST agrees to exactly that digest; --show prints it and signs nothing.

Formats: text, json.

Examples:
  bulla trust ceremony sign root-2 --as alice --show
  bulla trust ceremony sign root-2 --as alice --passphrase-file alice.txt
  bulla trust ceremony sign root-2 --as alice --identity alice.key --yes 5f0c…
  bulla trust ceremony sign root-3 --as bob --key safe/bob.age --passphrase-file bob.txt")]
pub struct SignArgs {
    /// The folder of the ceremony
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Who you are in the plan
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// Your key file, if it is not keys/NAME.age of the folder
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Agree to what has this digest, without being asked
    #[arg(long, value_name = "DIGEST", conflicts_with = "show")]
    yes: Option<String>,
    /// Show what would be signed and its digest, and sign nothing
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    open: KeyArgs,
}

/// Runs it.
///
/// # Errors
/// If nobody agrees, or the key is not the person's.
pub fn run(args: SignArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let folder = super::open(&args.dir)?;
    let due = Signed::due(&folder, &args.name).or_refused()?;
    let digest = Signed::digest_of(&due);
    show(&due, &digest, context);
    if !args.show {
        agree(&args, &digest, context)?;
        sign(&args, &folder, &due, context)?;
        context.talk.say(&format!(" ✓ {} signed", args.name));
        context.talk.say(&format!(
            " next: bulla trust ceremony verify {}",
            args.dir.display()
        ));
    }
    outputs.write(|format| match format {
        "json" => {
            let items: Vec<_> = due
                .iter()
                .map(|item| json!({"what": item.what, "digest": item.digest, "words": item.words}))
                .collect();
            output::json(&json!({
                "version": 1, "signed": !args.show, "digest": digest, "items": items,
            }))
        }
        _ => Ok(digest.hex().as_bytes().to_vec()),
    })?;
    Ok(Exit::Allowed)
}

fn show(due: &[Signed], digest: &Digest, context: &Context) {
    for item in due {
        context
            .talk
            .say(&format!(" {}: {}", item.what, item.digest.hex()));
        for words in &item.words {
            context.talk.say(&format!("   {words}"));
        }
    }
    context.talk.say(&format!(" all of it: {}", digest.hex()));
}

fn agree(args: &SignArgs, digest: &Digest, context: &Context) -> Result<(), Failure> {
    let agreed = match &args.yes {
        Some(text) => text
            .trim()
            .trim_start_matches("sha256:")
            .eq_ignore_ascii_case(digest.hex()),
        None => {
            let question = "Do the others read the same digest? Type its first 8 digits: ";
            let answer = terminal::ask(context, question)?.ok_or_else(|| {
                Failure::new(Exit::Usage, "CLI-0350", "nobody is there to agree")
                    .hint(format!("--yes {}", digest.hex()))
            })?;
            digest.hex().get(..8) == Some(answer.trim())
        }
    };
    match agreed {
        true => Ok(()),
        false => Err(Failure::new(Exit::Denied, "CLI-0351", "this is not what was agreed to: nothing was signed")
            .line(format!("here it is {}", digest.hex()))
            .hint("compare plan.toml, export.json, keys/*.json and certificates/ with the others' folders")),
    }
}

fn sign(
    args: &SignArgs,
    folder: &Folder,
    due: &[Signed],
    context: &Context,
) -> Result<(), Failure> {
    let own = folder.require_key(&args.name).or_refused()?;
    let signer = args.open.open(folder, &own, args.key.as_deref(), context)?;
    let now = Timestamp::now();
    if due
        .iter()
        .all(|item| item.what.starts_with("certificates "))
    {
        let mut digests = BTreeMap::new();
        for kind in AuthorityKind::ALL {
            if kind.holder(folder) != Some(&args.name) || kind.chain(folder).or_refused()?.is_some()
            {
                continue;
            }
            let public = folder.require_key(kind.root()).or_refused()?;
            let root = args.open.open(folder, &public, None, context)?;
            for certificate in sign_certificates(kind, folder, root).or_refused()? {
                let digest = Digest::sha256(certificate.der());
                digests.insert(certificate.subject().to_string(), digest);
            }
        }
        return Transcript::append(folder, &args.name, now, "certified", digests, &signer)
            .or_refused();
    }
    Signed::sign(folder, &args.name, &signer, now)
        .or_refused()
        .map(drop)
}
