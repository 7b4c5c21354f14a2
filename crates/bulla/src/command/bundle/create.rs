//! `bulla bundle create`: the parts that older tools keep apart, as one bundle.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, limits};
use bulla_trust::{
    cosign::{BUNDLE, CERTIFICATE, Layer, SIGNATURE, TIMESTAMP, annotations_of_local, to_bundle},
    sigstore::Artifact,
};
use clap::{ArgGroup, Args};
use serde_json::json;
use std::{
    collections::BTreeMap,
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
    let bundle = make(&args)?;
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

fn make(args: &CreateArgs) -> Result<Vec<u8>, Failure> {
    let artifact = args.artifact.as_deref().map(artifact_of).transpose()?;
    let key = args.key.as_deref().map(keyref::public).transpose()?;
    let mut annotations = match &args.cosign_bundle {
        Some(file) => annotations_of_local(&read(file)?).or_denied()?,
        None => BTreeMap::new(),
    };
    if let Some(file) = &args.signature {
        annotations.insert(SIGNATURE.into(), base64(&read(file)?));
    }
    for (name, file) in [
        (CERTIFICATE, &args.certificate),
        (BUNDLE, &args.rekor_bundle),
    ] {
        if let Some(file) = file {
            annotations.insert(name.into(), text(file)?);
        }
    }
    if let Some(file) = &args.rfc3161_timestamp {
        annotations.insert(TIMESTAMP.into(), timestamp(&read(file)?));
    }
    let payload = args.attestation.as_deref().map(read).transpose()?;
    let layer = Layer {
        payload: payload.as_deref().unwrap_or_default(),
        annotations: &annotations,
    };
    let artifact = artifact.as_ref().map(|artifact| match artifact {
        Signed::Bytes(bytes) => Artifact::Bytes(bytes),
        Signed::Digest(digest) => Artifact::Digest(digest),
    });
    to_bundle(&layer, artifact, key.as_ref()).or_denied()
}

/// What was signed: a file, or its digest.
enum Signed {
    Bytes(Vec<u8>),
    Digest(Digest),
}

fn artifact_of(artifact: &Path) -> Result<Signed, Failure> {
    let named = artifact.to_str().and_then(|text| text.parse().ok());
    match named.filter(|_| !artifact.exists()) {
        Some(digest) => Ok(Signed::Digest(digest)),
        None => fs::read(artifact)
            .on_path("read", artifact)
            .map(Signed::Bytes),
    }
}

/// A signature in base64, whether the file has it so or raw.
fn base64(bytes: &[u8]) -> String {
    let trimmed = bytes.trim_ascii();
    match (STANDARD.decode(trimmed), std::str::from_utf8(trimmed)) {
        (Ok(_), Ok(text)) => text.to_owned(),
        _ => STANDARD.encode(bytes),
    }
}

/// A timestamp as cosign keeps it, whether the file has it so or in DER.
fn timestamp(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim_start().starts_with('{') => text.to_owned(),
        _ => json!({"SignedRFC3161Timestamp": STANDARD.encode(bytes)}).to_string(),
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|_| {
        let what = format!("{} is not text", path.display());
        Failure::new(Exit::Denied, "CLI-0333", what).hint("certificates are PEM, promises JSON")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let open = fs::File::open(path).on_path("read", path)?;
    limits::read_bounded(open, limits::BUNDLE_BYTES, "part of a bundle").or_could_not_run()
}
