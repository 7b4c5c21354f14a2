//! What other tools need to trust and use an instance: documents, environment
//! variables, and manifests for admission controllers, each in the form that
//! its tool reads.
//!
//! Everything is made from the instance's own trust documents. Manifests leave
//! two things to whoever applies them, and say so: which images, and whose
//! signatures.

mod manifest;

use bulla_core::Digest;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    compose::keep,
    failure::{Exit, Failure},
};
use manifest::Material;
pub use manifest::Tool;

/// Where an instance's clients find everything. Frozen: fields are only added.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// SHA-256 of the first TUF `root.json`.
    pub root: String,
    /// The certificate authority.
    pub ca: String,
    /// The transparency log, version 1 API.
    pub log_v1: String,
    /// The transparency log, version 2 API.
    pub log_v2: String,
    /// The certificate transparency log.
    pub ct: String,
    /// The timestamp authority: the whole endpoint.
    pub tsa: String,
    /// The issuer of asserted identities.
    pub oidc: String,
    /// The TUF repository.
    pub tuf: String,
    /// `trusted_root.json`
    pub trusted_root: PathBuf,
    /// `signing_config.json`
    pub signing_config: PathBuf,
    /// `client_trust_config.json`
    pub client_trust_config: PathBuf,
    /// The first TUF `root.json`.
    pub tuf_root: PathBuf,
    /// For other tools.
    pub exports: Exports,
}

/// What other tools are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Exports {
    /// The command that makes cosign trust the instance.
    pub cosign_initialize: String,
    /// Variables for cosign 2, which takes keys and certificates from files.
    pub environment: BTreeMap<String, PathBuf>,
    /// Files by tool.
    pub files: BTreeMap<String, Vec<PathBuf>>,
}

impl Published {
    /// Of the instance at `base_url` whose documents lie in `directory`.
    pub fn of(base_url: &str, oidc: &str, tuf_root: &[u8], directory: &Path) -> Self {
        let root = Digest::sha256(tuf_root).hex().to_owned();
        let tuf = format!("{base_url}/tuf");
        Self {
            exports: Exports::of(Some((&tuf, &root)), directory),
            root,
            ca: base_url.into(),
            log_v1: base_url.into(),
            log_v2: base_url.into(),
            ct: base_url.into(),
            tsa: format!("{base_url}/api/v1/timestamp"),
            oidc: oidc.into(),
            tuf,
            trusted_root: directory.join("trusted_root.json"),
            signing_config: directory.join("signing_config.json"),
            client_trust_config: directory.join("client_trust_config.json"),
            tuf_root: directory.join("tuf_root.json"),
        }
    }
}

impl Exports {
    /// What [`fn@write`] leaves in `directory`. `tuf` is the repository's URL and the
    /// SHA-256 of its first root.
    pub fn of(tuf: Option<(&str, &str)>, directory: &Path) -> Self {
        let path = |name: &str| directory.join(name);
        let initialize = tuf.map(|(url, root)| {
            format!(
                "cosign initialize --mirror {url} --root {url}/1.root.json --root-checksum {root}"
            )
        });
        let variables = [
            ("SIGSTORE_ROOT_FILE", "fulcio.pem"),
            ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "ctfe.pub"),
            ("SIGSTORE_REKOR_PUBLIC_KEY", "rekor.pub"),
            ("SIGSTORE_TSA_CERTIFICATE_FILE", "tsa.pem"),
        ];
        let files = Tool::ALL.into_iter().map(|tool| {
            let names = tool.files().iter();
            (
                tool.name().to_owned(),
                names.map(|name| path(name)).collect(),
            )
        });
        Self {
            cosign_initialize: initialize.unwrap_or_default(),
            environment: variables
                .into_iter()
                .map(|(name, file)| (name.to_owned(), path(file)))
                .collect(),
            files: files.collect(),
        }
    }
}

/// Writes what `tools` need into `directory`; gives the files. `tuf` is the URL
/// of the TUF repository and its first root.
///
/// # Errors
/// If the documents are not what they should be, or a file cannot be written.
pub fn write(
    tools: &[Tool],
    trusted_root: &Value,
    services: Option<&Value>,
    tuf: Option<(&str, &str)>,
    directory: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let material = Material::read(trusted_root, services, tuf).ok_or_else(|| {
        Failure::new(
            Exit::CouldNotRun,
            "CLI-0530",
            "the trust root names no authority, log and timestamp authority to export",
        )
        .hint("look at it with `bulla trust show`")
    })?;
    let mut written = Vec::new();
    for tool in tools {
        for (name, text) in material.of(*tool) {
            let path = directory.join(name);
            keep(&path, text.as_bytes())?;
            if !written.contains(&path) {
                written.push(path);
            }
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
