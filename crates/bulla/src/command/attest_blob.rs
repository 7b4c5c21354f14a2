//! `bulla attest-blob`: somebody says something about a file.

use bulla_core::{Digest, Statement, Subject};
use clap::Args;
use std::path::PathBuf;

use super::{args::SealArgs, attest::PredicateArgs, sign_blob::write_bundle};
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    journey::{
        seal,
        signing::{self, FileSeal},
    },
};

/// Arguments of `bulla attest-blob`.
#[derive(Args)]
#[command(after_help = "\
Who signs: as in bulla sign.

Formats: text, json.

Examples:
  bulla attest-blob app.tar --type slsaprovenance1 --predicate slsa.json > app.sigstore.json
  bulla attest-blob app.tar --type spdxjson --predicate sbom.json --bundle app.sigstore.json
  bulla attest-blob app.tar --type custom --predicate review.json --key cosign.key")]
pub struct AttestBlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    predicate: PredicateArgs,
    /// Where the bundle goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    seal: SealArgs,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read or a service refuses.
pub fn run(args: AttestBlobArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let predicate = seal::read_predicate(&args.predicate.predicate)?;
    let kind = seal::predicate_type(&args.predicate.kind)?;
    let bytes = std::fs::read(&args.file).on_path("read", &args.file)?;
    let name = args.file.file_name();
    let name = name
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let subject = Subject::new(name, &Digest::sha256(&bytes));
    let statement = Statement::new(vec![subject], kind, predicate);
    let order = args.seal.order(context)?;
    let what = FileSeal::Statement(&statement);
    let sealed = context.block_on(signing::seal_file(&order, what, context))?;
    context.talk.say(&format!(
        " ✓ {} attested by {}",
        args.file.display(),
        sealed.shown_signer
    ));
    write_bundle(args.bundle.as_deref(), &sealed, &outputs)?;
    Ok(Exit::Allowed)
}
