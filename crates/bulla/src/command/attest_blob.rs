//! `bulla attest-blob`: a person says something about a file.

use bulla_core::{Digest, Statement, Subject};
use clap::Args;
use std::path::PathBuf;

use super::{attest::PredicateArgs, sign_blob::write_bundle};
use crate::{
    compose,
    context::{Context, email_or_git},
    failure::{Exit, Failure, OnPath},
    journey::seal::{self, Signer},
};

/// Arguments of `bulla attest-blob`.
#[derive(Args)]
#[command(after_help = "\
Formats: text, json.

Examples:
  bulla attest-blob app.tar --type slsaprovenance1 --predicate slsa.json > app.sigstore.json
  bulla attest-blob app.tar --type spdxjson --predicate sbom.json --bundle app.sigstore.json
  bulla attest-blob app.tar --type custom --predicate review.json --email dana@example.com")]
pub struct AttestBlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    predicate: PredicateArgs,
    /// Where the bundle goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read or a service refuses.
pub fn run(args: AttestBlobArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let predicate = seal::read_predicate(&args.predicate.predicate)?;
    let kind = seal::predicate_type(&args.predicate.kind)?;
    let email = email_or_git(args.predicate.email, &context.talk);
    let bytes = std::fs::read(&args.file).on_path("read", &args.file)?;
    let name = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let statement = Statement::new(
        vec![Subject::new(name, &Digest::sha256(&bytes))],
        kind,
        predicate,
    );
    let sealed = context.block_on(async {
        let instance = compose::connect(context).await?;
        seal::statement(&instance, &statement, &Signer::Person(email)).await
    })?;
    context.talk.say(&format!(
        " ✓ {} attested by {} (asserted)",
        args.file.display(),
        sealed.signer
    ));
    write_bundle(args.bundle.as_deref(), &sealed, &outputs)?;
    Ok(Exit::Allowed)
}
