//! `bulla sign-blob`: somebody stands for a file.

use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

use super::args::SealArgs;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    journey::signing::{self, FileSeal},
    output::{self, Outputs},
};

/// Arguments of `bulla sign-blob`.
#[derive(Args)]
#[command(after_help = "\
Who signs: as in bulla sign. With --key, --no-log and --no-timestamp no connection is made.

Formats: text, json.

Examples:
  bulla sign-blob release.tar.gz --bundle release.sigstore.json
  bulla sign-blob release.tar.gz > release.sigstore.json
  bulla sign-blob --key cosign.key --no-log --no-timestamp app.tar --bundle app.sigstore.json
  bulla sign-blob --sigstore public --yes app.tar --bundle app.sigstore.json")]
pub struct SignBlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the bundle goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    seal: SealArgs,
}

/// Runs it.
///
/// # Errors
/// If the file cannot be read or a service refuses.
pub fn run(args: SignBlobArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let bytes = std::fs::read(&args.file).on_path("read", &args.file)?;
    let order = args.seal.order(context)?;
    let sealed = context.block_on(signing::seal_file(&order, FileSeal::Bytes(&bytes), context))?;
    context.talk.say(&format!(
        " ✓ {} signed by {}",
        args.file.display(),
        sealed.shown_signer
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
    file: Option<&Path>,
    sealed: &signing::SealedFile,
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
