//! `bulla public-key`: the public half of a key.

use bulla_crypto::Scheme;
use clap::Args;
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::keyref,
    output,
};

/// Arguments of `bulla public-key`.
#[derive(Args)]
#[command(after_help = "\
Formats: text (PEM), json.

Examples:
  bulla public-key --key cosign.key > cosign.pub
  bulla public-key --key 'pkcs11:token=release;object=signer'
  bulla public-key --key env://SIGNING_KEY -o json")]
pub struct PublicKeyArgs {
    /// The key: FILE, env://VAR, pkcs11:…, or NAME://… of a sigstore-kms-NAME plugin
    #[arg(long, short, value_name = "REF")]
    key: String,
}

/// Runs it.
///
/// # Errors
/// If it is no key, or cannot be opened.
pub fn run(args: PublicKeyArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let key = match keyref::public(&args.key) {
        Ok(key) => key,
        // Not a public key: then the public half of a private one.
        Err(_) => keyref::signer(&args.key, Scheme::Ed25519, context)?
            .public()
            .clone(),
    };
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "pem": key.to_pem(), "scheme": key.scheme().sigstore_name(),
            "fingerprint": key.id(),
        })),
        _ => Ok(key.to_pem().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
