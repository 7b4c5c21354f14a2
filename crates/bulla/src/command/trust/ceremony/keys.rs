//! Private keys of a ceremony: opened from an age file or a token.

use bulla_authority::ceremony::{
    Folder, KeyPlace, Protection, PublicKeyFile, needs_passphrase, read, unseal,
};
use bulla_core::limits;
use bulla_crypto::{Scheme, Signer};
use bulla_net::kms::{self, Ask, Environment};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

use super::OrRefused as _;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    terminal,
};

/// More than this is no passphrase, and no identity file.
const SECRET_BYTES: u64 = 64 << 10;

/// What opens a key.
#[derive(Args)]
pub struct KeyArgs {
    /// A file with the passphrase of the key file; asked for at the terminal if not given
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A file with an age identity (AGE-SECRET-KEY-1…) that the key file was encrypted to
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

impl KeyArgs {
    /// Opens the private half of a public key in the folder.
    pub fn open(
        &self,
        folder: &Folder,
        public: &PublicKeyFile,
        file: Option<&Path>,
        context: &Context,
    ) -> Result<Arc<dyn Signer>, Failure> {
        let signer: Arc<dyn Signer> = match (&public.place, file) {
            (KeyPlace::Token(uri), None) => token(uri, context)?,
            (_, file) => {
                let at = folder.key_path(&public.name);
                self.unseal(file.unwrap_or(&at), context)?
            }
        };
        let expected = public.key().or_refused()?;
        if signer.public().spki_der() != expected.spki_der() {
            return Err(Failure::new(
                Exit::Denied,
                "CLI-0343",
                format!("this is not the key that {} registered", public.name),
            )
            .line(format!("registered {}", expected.id().hex()))
            .line(format!("opened     {}", signer.public().id().hex()))
            .hint("name the key file with --key FILE"));
        }
        Ok(signer)
    }

    /// Opens a key file.
    pub fn unseal(&self, path: &Path, context: &Context) -> Result<Arc<dyn Signer>, Failure> {
        let sealed = read(path).or_refused()?.ok_or_else(|| {
            Failure::new(
                Exit::CouldNotRun,
                "CLI-0344",
                format!("{} is not here", path.display()),
            )
            .hint("name the key file with --key FILE, as its owner keeps it")
        })?;
        let passphrase = match needs_passphrase(path, &sealed).or_refused()? {
            true => Some(self.passphrase("Passphrase: ", context)?),
            false => None,
        };
        let identities = self
            .identity
            .iter()
            .map(|path| secret(path))
            .collect::<Result<Vec<_>, _>>()?;
        let key = unseal(path, &sealed, &identities, passphrase.as_ref()).or_refused()?;
        Ok(Arc::new(key))
    }

    /// What protects a new key file.
    pub fn protection(
        &self,
        recipients: &[String],
        context: &Context,
    ) -> Result<Protection, Failure> {
        if !recipients.is_empty() {
            return Ok(Protection::Recipients(recipients.to_vec()));
        }
        let first = self.passphrase("Passphrase for the new key: ", context)?;
        if first.chars().count() < 12 {
            return Err(Failure::new(
                Exit::Usage,
                "CLI-0345",
                "a passphrase of a root key has at least 12 characters",
            )
            .hint("take several words, or name an age recipient in the plan"));
        }
        if self.passphrase_file.is_none() && self.passphrase("Again: ", context)? != first {
            return Err(
                Failure::new(Exit::Usage, "CLI-0346", "the passphrases differ")
                    .hint("type the same twice"),
            );
        }
        Ok(Protection::Passphrase(first))
    }

    fn passphrase(&self, question: &str, context: &Context) -> Result<Zeroizing<String>, Failure> {
        if let Some(path) = &self.passphrase_file {
            let text = secret(path)?;
            return Ok(Zeroizing::new(
                text.trim_end_matches(['\r', '\n']).to_owned(),
            ));
        }
        let typed = terminal::ask_password(context, question)?;
        typed.map(Zeroizing::new).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                "CLI-0347",
                "nobody is there to type a passphrase",
            )
            .hint("give it with --passphrase-file FILE")
        })
    }
}

/// A key in a token; its PIN comes from the URI, the environment or the terminal.
pub fn token(uri: &str, context: &Context) -> Result<Arc<dyn Signer>, Failure> {
    let mut pin = |ask: Ask<'_>| {
        let question = match ask {
            Ask::Pin(label) => format!("PIN of {label}: "),
            Ask::KeyFile(name) => format!("Passphrase of {name}: "),
        };
        let typed = terminal::ask_password(context, &question).ok().flatten();
        typed.map(|text| Zeroizing::new(text.into_bytes()))
    };
    let signer = kms::open(uri, Scheme::Ed25519, &Environment::process(), &mut pin);
    Ok(Arc::from(signer.or_could_not_run()?))
}

fn secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let file = fs::File::open(path).on_path("read", path)?;
    let bytes = limits::read_bounded(file, SECRET_BYTES, "secret").or_could_not_run()?;
    let bytes = Zeroizing::new(bytes);
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}
