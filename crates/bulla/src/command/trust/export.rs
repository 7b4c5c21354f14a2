//! `bulla trust export`: the documents of a trust root, for other tools.

use bulla_core::Digest;
use bulla_trust::root::ClientTrustConfig;
use clap::Args;
use serde_json::json;
use std::{fs, path::PathBuf};

use crate::{
    context::Context,
    failure::{Exit, Failure, OnPath},
    journey::place::Place,
    output,
};

/// Arguments of `bulla trust export`.
#[derive(Args)]
#[command(after_help = "\
Writes trusted_root.json, and signing_config.json and client_trust_config.json where the Sigstore
has services that sign. cosign --trusted-root, sigstore --trust-config and others take them.

Formats: text, json.

Examples:
  bulla trust export --dir trust
  bulla trust export --sigstore public --dir public-good
  bulla trust export --sigstore https://tuf.example.com --dir trust -o json
  bulla trust export --ceremony export.json")]
pub struct ExportArgs {
    /// Whose: local, public, a URL that trust init knows, or a file
    #[arg(long, value_name = "WHICH", default_value = "local")]
    sigstore: Place,
    /// The directory, made if it is not there
    #[arg(long, value_name = "DIR", required_unless_present = "ceremony")]
    dir: Option<PathBuf>,
    /// What the local instance gives into a trust ceremony: public keys and documents
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dir", "sigstore"])]
    ceremony: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// If the trust root is not there, or a file cannot be written.
pub fn run(args: ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if let Some(path) = &args.ceremony {
        let bytes = super::ceremony::export(context)?;
        fs::write(path, &bytes).on_path("write", path)?;
        let digest = Digest::sha256(&bytes);
        context
            .talk
            .say(&format!(" ✓ {}: {}", path.display(), digest.hex()));
        outputs.write(|format| match format {
            "json" => output::json(&json!({"version": 1, "file": path, "digest": digest})),
            _ => Ok(digest.hex().as_bytes().to_vec()),
        })?;
        return Ok(Exit::Allowed);
    }
    let dir = args.dir.unwrap_or_default();
    let root = args.sigstore.trusted(context)?.root().id().clone();
    let (trusted_root, services) = args.sigstore.documents(context)?;
    fs::create_dir_all(&dir).on_path("create", &dir)?;
    let mut documents = vec![("trusted_root.json", trusted_root.clone())];
    if let Some(services) = services {
        documents.push(("signing_config.json", services.clone()));
        let both = ClientTrustConfig {
            trusted_root,
            signing_config: services,
        };
        documents.push(("client_trust_config.json", both.to_json()));
    }
    let mut written = Vec::new();
    for (name, bytes) in documents {
        let path = dir.join(name);
        fs::write(&path, bytes).on_path("write", &path)?;
        written.push(path.display().to_string());
    }
    context.talk.say(&format!(
        " ✓ the trust of {} (root {}) → {}",
        args.sigstore,
        root,
        dir.display()
    ));
    outputs.write(|format| match format {
        "json" => output::json(&json!({
            "version": 1, "root": root, "files": written,
        })),
        _ => Ok(written.join("\n").into_bytes()),
    })?;
    Ok(Exit::Allowed)
}
