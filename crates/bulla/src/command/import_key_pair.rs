//! `bulla import-key-pair`: a key of another tool, or another password.

use clap::Args;
use std::path::PathBuf;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    journey::{key_files, password},
};

/// Arguments of `bulla import-key-pair`.
#[derive(Args)]
#[command(after_help = "\
Reads PKCS #8, SEC 1 and PKCS #1 (PEM or DER), and key files of cosign, old and new. BULLA_OLD_PASSWORD
opens the old file where it is encrypted, BULLA_PASSWORD or COSIGN_PASSWORD is for the new one; what
is not set is asked for. Importing one's own file is how its password is changed.

Formats: text, json.

Examples:
  bulla import-key-pair --key private.pem
  bulla import-key-pair --key id.der --output-key-prefix release
  BULLA_OLD_PASSWORD=old BULLA_PASSWORD=new bulla import-key-pair --key cosign.key \\
      --output-key-prefix renewed")]
pub struct ImportKeyPairArgs {
    /// The key to import
    #[arg(long, short, value_name = "FILE")]
    key: PathBuf,
    /// What the two new files are called
    #[arg(long, value_name = "PREFIX", default_value = "import-cosign")]
    output_key_prefix: PathBuf,
}

/// Runs it.
///
/// # Errors
/// If it is no key, a file is there already, or there is no password.
pub fn run(args: ImportKeyPairArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let files = key_files::Pair::at(&args.output_key_prefix)?;
    let key = key_files::read(&args.key, context)?;
    let password = password::new(context, &files.private.display().to_string())?;
    files.write(&key, &password)?;
    files.tell(&key, context, &outputs)?;
    Ok(Exit::Allowed)
}
