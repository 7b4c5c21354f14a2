//! `bulla trust ceremony init`: each person makes their own key, on their own machine.

use bulla_authority::ceremony::{
    AuthorityKind, Folder, KeyPlace, PublicKeyFile, Transcript, replace, seal, write_new,
};
use bulla_crypto::{PublicKey, Scheme, Signer, SigningKey};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    OrRefused as _,
    keys::{self, KeyArgs},
};
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    output,
};

/// The kinds of new keys.
#[derive(Clone, Copy, ValueEnum)]
enum KeyKind {
    /// Ed25519
    Ed25519,
    /// ECDSA on P-256
    EcdsaP256,
}

/// Arguments of `bulla trust ceremony init`.
#[derive(Args)]
#[command(after_help = "\
A new key is an age file: encrypted to the recipient that the plan names, else by a passphrase. Take
keys/NAME.age away; only keys/NAME.json has to come back to the others. Who holds the root key of an
authority makes that one, too.

Formats: text, json.

Examples:
  bulla trust ceremony init root-2 --as alice
  bulla trust ceremony init root-2 --as alice --passphrase-file alice.txt
  bulla trust ceremony init root-3 --as alice --key safe/alice.age --passphrase-file alice.txt
  bulla trust ceremony init root-2 --as carol --token 'pkcs11:token=root;object=carol'")]
pub struct InitArgs {
    /// The folder of the ceremony
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Who you are in the plan
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// The key file of an earlier ceremony
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    key: Option<PathBuf>,
    /// The key in a token, if the plan does not name it
    #[arg(long, value_name = "PKCS11-URI")]
    token: Option<String>,
    /// The root keys of authorities from an earlier ceremony: a folder with ca-root.age, tsa-root.age
    #[arg(long, value_name = "DIR")]
    authority_keys: Option<PathBuf>,
    /// The kind of the new key
    #[arg(long, value_name = "KIND", value_enum, default_value = "ed25519")]
    kind: KeyKind,
    #[command(flatten)]
    open: KeyArgs,
}

/// Runs it.
///
/// # Errors
/// If the key cannot be made, or there is one already.
pub fn run(args: InitArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let folder = super::open(&args.dir)?;
    let person = folder.plan().person(&args.name).or_refused()?.clone();
    let mut made = Vec::new();
    let signer = match folder.key(&args.name).or_refused()? {
        Some(own) => args
            .open
            .open(&folder, &own, args.key.as_deref(), context)?,
        None => {
            let token = args.token.as_ref().or(person.token.as_ref());
            let (signer, place) = match (&args.key, token) {
                (Some(path), _) => (
                    taken(&folder, &args.name, path, &args.open, context)?,
                    KeyPlace::File,
                ),
                (None, Some(uri)) => (
                    keys::token(uri, context)?,
                    KeyPlace::Token(without_pin(uri)),
                ),
                (None, None) => {
                    let scheme = match args.kind {
                        KeyKind::Ed25519 => Scheme::Ed25519,
                        KeyKind::EcdsaP256 => Scheme::EcdsaP256,
                    };
                    let recipients = &person.recipients;
                    let key =
                        new_key(&folder, &args.name, scheme, recipients, &args.open, context)?;
                    (key, KeyPlace::File)
                }
            };
            register(&folder, &args.name, signer.public(), place)?;
            made.push((args.name.clone(), signer.public().clone()));
            signer
        }
    };
    for kind in AuthorityKind::ALL {
        let name = kind.root();
        if kind.holder(&folder) != Some(&args.name) || folder.key(name).or_refused()?.is_some() {
            continue;
        }
        let key = match &args.authority_keys {
            Some(dir) => taken(
                &folder,
                name,
                &dir.join(format!("{name}.age")),
                &args.open,
                context,
            )?,
            None => {
                let scheme = Scheme::EcdsaP384;
                new_key(
                    &folder,
                    name,
                    scheme,
                    &person.recipients,
                    &args.open,
                    context,
                )?
            }
        };
        register(&folder, name, key.public(), KeyPlace::File)?;
        made.push((name.to_owned(), key.public().clone()));
    }
    if made.is_empty() {
        return Err(Failure::new(
            Exit::NothingToVerify,
            "CLI-0348",
            format!("{} has a key already", args.name),
        )
        .hint(format!(
            "bulla trust ceremony sign {} --as {}",
            args.dir.display(),
            args.name
        )));
    }
    let digests: BTreeMap<_, _> = made
        .iter()
        .map(|(name, public)| (name.clone(), public.id()))
        .collect();
    let now = Timestamp::now();
    let what = "registered keys";
    Transcript::append(&folder, &args.name, now, what, digests.clone(), &signer).or_refused()?;
    for (name, public) in &made {
        context
            .talk
            .say(&format!(" ✓ {name}: key {}", public.id().hex()));
    }
    context.talk.say(&format!(
        " keep {} to yourself; give the others keys/*.json and transcript/",
        folder.key_path(&args.name).display()
    ));
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "keys": digests})),
        _ => {
            let lines = made
                .iter()
                .map(|(name, public)| format!("{name} {}", public.id().hex()));
            Ok(lines.collect::<Vec<_>>().join("\n").into_bytes())
        }
    })?;
    Ok(Exit::Allowed)
}

fn new_key(
    folder: &Folder,
    name: &str,
    scheme: Scheme,
    recipients: &[String],
    open: &KeyArgs,
    context: &Context,
) -> Result<Arc<dyn Signer>, Failure> {
    let protection = open.protection(recipients, context)?;
    let key = SigningKey::generate(scheme).or_could_not_run()?;
    let sealed = seal(&key, &protection).or_refused()?;
    write_new(&folder.key_path(name), &sealed).or_refused()?;
    Ok(Arc::new(key))
}

/// The key of an earlier ceremony, and its file.
fn taken(
    folder: &Folder,
    name: &str,
    path: &Path,
    open: &KeyArgs,
    context: &Context,
) -> Result<Arc<dyn Signer>, Failure> {
    let key = open.unseal(path, context)?;
    let sealed = fs::read(path).on_path("read", path)?;
    replace(&folder.key_path(name), &sealed).or_refused()?;
    Ok(key)
}

fn register(
    folder: &Folder,
    name: &str,
    public: &PublicKey,
    place: KeyPlace,
) -> Result<(), Failure> {
    let file = PublicKeyFile::new(name, public, place);
    let bytes = output::json(&serde_json::to_value(&file).map_err(|error| {
        Failure::new(
            Exit::CouldNotRun,
            "CLI-0349",
            "the public key cannot be written",
        )
        .line(error.to_string())
    })?)?;
    write_new(&folder.public_key_path(name), &bytes).or_refused()
}

/// The folder is no place for a PIN (rule R10).
fn without_pin(uri: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| !part.starts_with("pin-") && !part.is_empty())
        .collect();
    match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    }
}
