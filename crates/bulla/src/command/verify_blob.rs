//! `bulla verify-blob`: a file against its bundle.

use clap::Args;
use serde_json::json;
use std::{fs, path::PathBuf};

use super::verify::ExpectedArgs;
use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    journey::evidence,
    output,
};

/// Arguments of `bulla verify-blob`.
#[derive(Args)]
#[command(after_help = "\
Makes no connection. Without --trusted-root the local instance's is used.

Formats: text, json.

Examples:
  bulla verify-blob notes.txt --bundle notes.sigstore.json \\
      --certificate-identity dana@example.com --certificate-oidc-issuer http://127.0.0.1:5620/oidc/asserted
  bulla verify-blob app.tar --bundle app.sigstore.json --certificate-identity dana@example.com \\
      --certificate-oidc-issuer https://login.example.com --trusted-root trusted_root.json
  bulla verify-blob app.tar --bundle app.sigstore.json --certificate-identity dana@example.com \\
      --certificate-oidc-issuer https://login.example.com -o json")]
pub struct VerifyBlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    #[command(flatten)]
    expected: ExpectedArgs,
}

/// Runs it.
///
/// # Errors
/// If a file cannot be read, or the bundle is not accepted.
pub fn run(args: VerifyBlobArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let expected = args.expected.signer().ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "CLI-0040",
            "verify-blob needs to know whose signature counts",
        )
        .hint("add --certificate-identity IDENTITY --certificate-oidc-issuer URL")
    })?;
    let trust = match &args.expected.trusted_root {
        Some(file) => evidence::read_trust_root(file)?,
        None => evidence::instance_trust_root(&context.home()?)?,
    };
    let bytes = fs::read(&args.file).on_path("read", &args.file)?;
    let bundle = fs::read(&args.bundle).on_path("read", &args.bundle)?;
    let proof = evidence::verify_file(&trust, &bundle, &bytes, &expected).map_err(|failure| {
        failure.on(format!(
            "{} is not verified by {}",
            args.file.display(),
            args.bundle.display()
        ))
    })?;
    context.talk.say(&format!(
        " ✓ {} is signed by {}",
        args.file.display(),
        proof.signer
    ));
    outputs.write(|format| match format {
        "json" => output::json(&json!({"version": 1, "file": args.file, "proof": proof})),
        _ => Ok(format!("Verified OK by {}", proof.signer.subject).into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
