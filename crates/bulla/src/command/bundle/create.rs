//! `bulla bundle create`: the parts that older tools keep apart, as one bundle.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, limits};
use clap::{ArgGroup, Args};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::keyref,
    output,
};

/// Arguments of `bulla bundle create`.
#[derive(Args)]
#[command(
    group = ArgGroup::new("content").required(true).args(["signature", "attestation", "cosign_bundle"]),
    after_help = "\
Nothing is verified: bulla verify-blob does that with the result.

Formats: text, json.

Examples:
  bulla bundle create --artifact app.tar --signature app.sig --key cosign.pub --out app.sigstore.json
  bulla bundle create --artifact app.tar --signature app.sig --certificate app.pem \\
      --rekor-bundle app.rekor.json --out app.sigstore.json
  bulla bundle create --artifact app.tar --cosign-bundle app.cosign.json > app.sigstore.json
  bulla bundle create --attestation app.dsse.json --key cosign.pub --out app.sigstore.json")]
pub struct CreateArgs {
    /// The file that was signed, or its digest
    #[arg(long, value_name = "FILE|DIGEST")]
    artifact: Option<PathBuf>,
    /// The signature over it: base64, or raw
    #[arg(long, value_name = "FILE", requires = "artifact")]
    signature: Option<PathBuf>,
    /// A DSSE envelope
    #[arg(long, value_name = "FILE")]
    attestation: Option<PathBuf>,
    /// What cosign sign-blob --bundle wrote before version 3
    #[arg(long, value_name = "FILE", requires = "artifact")]
    cosign_bundle: Option<PathBuf>,
    /// The certificate (PEM, leaf first)
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    certificate: Option<PathBuf>,
    /// The key that signed
    #[arg(long, value_name = "REF")]
    key: Option<String>,
    /// The log's promise, as cosign keeps it: {SignedEntryTimestamp, Payload}
    #[arg(long, value_name = "FILE")]
    rekor_bundle: Option<PathBuf>,
    /// The timestamp: DER, or cosign's {SignedRFC3161Timestamp}
    #[arg(long, value_name = "FILE")]
    rfc3161_timestamp: Option<PathBuf>,
    /// Where the bundle goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If a part cannot be read, or they do not make a bundle.
pub fn run(args: CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    let bundle = make(&args, context)?;
    let Some(out) = &args.out else {
        output::data(&bundle);
        output::data(b"\n");
        return Ok(Exit::Allowed);
    };
    fs::write(out, &bundle).on_path("write", out)?;
    context.talk.say(&format!(" ✓ {}", out.display()));
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "bundle": out, "digest": Digest::sha256(&bundle),
        })),
        _ => Ok(out.display().to_string().into_bytes()),
    })?;
    Ok(Exit::Allowed)
}

fn make(args: &CreateArgs, context: &Context) -> Result<Vec<u8>, Failure> {
    let optional = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
    let _ = (optional, context, keyref::public, digest_of, raw, STANDARD);
    Err(Failure::new(Exit::CouldNotRun, "CLI-0333", "not yet"))
}

fn digest_of(artifact: &Path) -> Result<Digest, Failure> {
    let named = artifact.to_str().and_then(|text| text.parse().ok());
    match named.filter(|_| !artifact.exists()) {
        Some(digest) => Ok(digest),
        None => Ok(Digest::sha256(
            &fs::read(artifact).on_path("read", artifact)?,
        )),
    }
}

/// A signature in base64, else as it is.
fn raw(bytes: &[u8]) -> Vec<u8> {
    STANDARD
        .decode(bytes.trim_ascii())
        .unwrap_or_else(|_| bytes.to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let open = fs::File::open(path).on_path("read", path)?;
    limits::read_bounded(open, limits::BUNDLE_BYTES, "part of a bundle").or_could_not_run()
}
