//! `bulla sign-blob`: a person stands for a file.

use clap::Args;
use std::path::PathBuf;

use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure, OnPath},
    journey::seal::{self, Signer},
    output,
};

/// Arguments of `bulla sign-blob`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bulla sign-blob release.tar.gz --bundle release.sigstore.json
  bulla sign-blob release.tar.gz > release.sigstore.json
  bulla sign-blob --email dana@example.com notes.txt --bundle notes.sigstore.json")]
pub struct SignBlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the bundle goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Who signs [default: git's user.email]
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

/// Runs it.
///
/// # Errors
/// If the file cannot be read or a service refuses.
pub fn run(args: SignBlobArgs, context: &Context) -> Result<Exit, Failure> {
    context.outputs(&["text", "json"])?;
    let email = email_or_git(args.email)?;
    let bytes = std::fs::read(&args.file).on_path("read", &args.file)?;
    let sealed = context.block_on(async {
        let instance = compose::connect(context).await?;
        seal::sign_blob(&instance, &bytes, &Signer::Person(email)).await
    })?;
    context.talk.say(&format!(
        " ✓ {} signed by {} (asserted)",
        args.file.display(),
        sealed.signer
    ));
    write_bundle(args.bundle.as_deref(), &sealed.bundle)?;
    Ok(Exit::Allowed)
}

/// Writes a bundle to a file, or to stdout.
///
/// # Errors
/// If it cannot be written.
pub fn write_bundle(file: Option<&std::path::Path>, bundle: &[u8]) -> Result<(), Failure> {
    match file {
        Some(file) => std::fs::write(file, bundle).on_path("write", file),
        None => {
            output::data(bundle);
            output::data(b"\n");
            Ok(())
        }
    }
}
