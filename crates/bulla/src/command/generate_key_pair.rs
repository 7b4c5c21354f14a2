//! `bulla generate-key-pair`: a new key file, and its public half.

use bulla_crypto::{Scheme, SigningKey};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure, OrFail},
    journey::{key_files, password},
};

/// Arguments of `bulla generate-key-pair`.
#[derive(Args)]
#[command(after_help = "\
Writes PREFIX.key (encrypted, as cosign writes it) and PREFIX.pub. The password is asked for, or
taken from BULLA_PASSWORD or COSIGN_PASSWORD. A file that is there is not written over.

Formats: text, json.

Examples:
  bulla generate-key-pair
  bulla generate-key-pair --output-key-prefix release --key-type ed25519
  BULLA_PASSWORD=\"$(cat password)\" bulla generate-key-pair --key-type ecdsa-p384 -o json")]
pub struct GenerateKeyPairArgs {
    /// What the two files are called
    #[arg(long, value_name = "PREFIX", default_value = "cosign")]
    output_key_prefix: PathBuf,
    /// What kind of key
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = KeyType::EcdsaP256)]
    key_type: KeyType,
}

/// The kinds of keys that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyType {
    /// ECDSA on P-256, SHA-256
    EcdsaP256,
    /// ECDSA on P-384, SHA-384
    EcdsaP384,
    /// ECDSA on P-521, SHA-512
    EcdsaP521,
    /// Ed25519
    Ed25519,
    /// RSA of 2048 bits, PKCS #1 v1.5, SHA-256
    Rsa2048,
    /// RSA of 3072 bits, PKCS #1 v1.5, SHA-256
    Rsa3072,
    /// RSA of 4096 bits, PKCS #1 v1.5, SHA-256
    Rsa4096,
}

impl From<KeyType> for Scheme {
    fn from(kind: KeyType) -> Self {
        match kind {
            KeyType::EcdsaP256 => Self::EcdsaP256,
            KeyType::EcdsaP384 => Self::EcdsaP384,
            KeyType::EcdsaP521 => Self::EcdsaP521,
            KeyType::Ed25519 => Self::Ed25519,
            KeyType::Rsa2048 => Self::Rsa2048,
            KeyType::Rsa3072 => Self::Rsa3072,
            KeyType::Rsa4096 => Self::Rsa4096,
        }
    }
}

/// Runs it.
///
/// # Errors
/// If a file is there already or cannot be written, or there is no password.
pub fn run(args: GenerateKeyPairArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let files = key_files::Pair::at(&args.output_key_prefix)?;
    let password = password::new(context, &files.private.display().to_string())?;
    let key = SigningKey::generate(args.key_type.into()).or_could_not_run()?;
    files.write(&key, &password)?;
    files.tell(&key, context, &outputs)?;
    Ok(Exit::Allowed)
}
