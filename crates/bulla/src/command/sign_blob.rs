//! `bulla sign-blob`: a person stands for a file.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure, OnPath},
    journey::seal::{self, SealedBundle, Signer},
    output::{self, Outputs},
};

/// Arguments of `bulla sign-blob`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

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
    let outputs = context.outputs(&["text", "json"])?;
    let email = email_or_git(args.email, &context.talk);
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
    write_bundle(args.bundle.as_deref(), &sealed, &outputs)?;
    Ok(Exit::Allowed)
}

/// Writes a bundle to a file, and then who signed as data; or to stdout, which
/// is then the bundle alone.
///
/// # Errors
/// If it cannot be written.
pub fn write_bundle(
    file: Option<&std::path::Path>,
    sealed: &SealedBundle,
    outputs: &Outputs,
) -> Result<(), Failure> {
    let Some(file) = file else {
        output::data(&sealed.bundle);
        output::data(b"\n");
        return Ok(());
    };
    std::fs::write(file, &sealed.bundle).on_path("write", file)?;
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "bundle": file, "signer": sealed.signer})),
        _ => Ok(Vec::new()),
    })
}
