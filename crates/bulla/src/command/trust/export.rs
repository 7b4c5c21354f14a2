//! `bulla trust export`: the documents of a trust root, for other tools.

use bulla_core::{Digest, limits};
use bulla_trust::root::ClientTrustConfig;
use clap::Args;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{
    compose::keep,
    context::Context,
    failure::{Exit, Failure, OnPath, OrFail},
    journey::{
        export::{self, Tool},
        place::Place,
    },
    output,
};

/// Arguments of `bulla trust export`.
#[derive(Args)]
#[command(after_help = "\
Writes trusted_root.json, and signing_config.json and client_trust_config.json where the Sigstore
has services that sign. cosign --trusted-root, sigstore --trust-config and others take them. With
--for also what single tools read: cosign, kyverno, policy-controller, sigstore-python, notation.

Formats: text, json.

Examples:
  bulla trust export --dir trust
  bulla trust export --for all --dir trust
  bulla trust export --for kyverno --for cosign --dir trust
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
    /// For --ceremony: the configuration of `bulla serve`, instead of the local instance
    #[arg(long, value_name = "FILE", requires = "ceremony")]
    config: Option<PathBuf>,
    /// Also the files that a tool reads, or those of all; repeatable
    #[arg(long = "for", value_name = "TOOL")]
    tools: Vec<Tools>,
}

/// `--for TOOL`.
#[derive(Clone, Debug)]
struct Tools(Vec<Tool>);

impl FromStr for Tools {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(Tool::ALL.to_vec()));
        }
        let named = Tool::ALL.into_iter().find(|tool| tool.name() == text);
        let names = || Tool::ALL.map(Tool::name).join(", ");
        named
            .map(|tool| Self(vec![tool]))
            .ok_or_else(|| format!("use all, {}", names()))
    }
}

/// Runs it.
///
/// # Errors
/// If the trust root is not there, or a file cannot be written.
pub fn run(args: ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let outputs = context.outputs(&["text", "json"])?;
    if let Some(path) = &args.ceremony {
        let bytes = super::ceremony::export(args.config.as_deref(), context)?;
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
    let dir = args.dir.clone().unwrap_or_default();
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
    for path in tools(&args, &dir, context)? {
        let path = path.display().to_string();
        if !written.contains(&path) {
            written.push(path);
        }
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

/// Writes what the tools read, and the first root that cosign and others begin with.
fn tools(args: &ExportArgs, dir: &Path, context: &Context) -> Result<Vec<PathBuf>, Failure> {
    let mut tools: Vec<Tool> = args
        .tools
        .iter()
        .flat_map(|tools| tools.0.clone())
        .collect();
    tools.dedup();
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let (trusted_root, services) = args.sigstore.documents(context)?;
    let parse = |bytes: &[u8]| {
        limits::parse_json(bytes, limits::TRUST_DOCUMENT_BYTES, "trust document").or_could_not_run()
    };
    let trusted_root: Value = parse(&trusted_root)?;
    let services: Option<Value> = services.as_deref().map(parse).transpose()?;
    let repository = args.sigstore.repository(context)?;
    let mut written = Vec::new();
    if let Some((_, root)) = &repository {
        let path = dir.join("tuf_root.json");
        keep(&path, root.as_bytes())?;
        written.push(path);
    }
    let tuf = repository
        .as_ref()
        .map(|(url, root)| (url.as_str(), root.as_str()));
    written.extend(export::write(
        &tools,
        &trusted_root,
        services.as_ref(),
        tuf,
        dir,
    )?);
    Ok(written)
}
