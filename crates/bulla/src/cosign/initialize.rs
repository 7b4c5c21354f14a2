//! `cosign initialize`: the trust root and services of an instance, by TUF; and
//! what other commands find of it afterwards.
//!
//! Nothing is trusted on first use: a mirror needs its first root.json, as a file
//! or with its checksum. Without `--mirror` the public-good instance is meant:
//! its root and services are embedded, so nothing is fetched for it.

use bulla_core::Digest;
use bulla_net::{
    sigstore::Sigstore,
    tuf::{self, Cache, FirstRoot},
};
use bulla_trust::TrustRoot;
use jiff::Timestamp;
use std::path::PathBuf;

use super::{failure::Failure, given::Given, material, say, surroundings};

/// The mirror of the public-good instance.
const PUBLIC_GOOD: &str = "https://tuf-repo-cdn.sigstore.dev";

/// Runs it.
///
/// # Errors
/// If the repository cannot be reached or believed.
pub fn run(given: &Given) -> Result<(), Failure> {
    let mirror = given.text("mirror").unwrap_or(PUBLIC_GOOD);
    let mut url: url::Url = mirror
        .parse()
        .map_err(|error| Failure::coded("CLI-0480", format!("--mirror {mirror}: {error}")))?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    let root = given.text("root");
    if mirror.trim_end_matches('/') == PUBLIC_GOOD && root.is_none() {
        return forget();
    }
    let checksum = given.text("root-checksum").map(checksum).transpose()?;
    let dir = directory()?;
    let is_remote = root.is_some_and(|root| root.contains("://") && !root.starts_with("file://"));
    let given_root = match root {
        None => None,
        Some(_) if is_remote => None,
        Some(path) => Some(material::trust_document(
            path.trim_start_matches("file://"),
        )?),
    };
    let fingerprint = match (&given_root, checksum) {
        (Some(bytes), Some(checksum)) if Digest::sha256(bytes) != checksum => {
            return Err(Failure::coded(
                "CLI-0481",
                format!(
                    "checksum mismatch: {} has {}, not {checksum}",
                    root.unwrap_or_default(),
                    Digest::sha256(bytes)
                ),
            ));
        }
        (Some(bytes), _) => Digest::sha256(bytes),
        (None, Some(checksum)) => checksum,
        (None, None) => {
            return Err(Failure::coded(
                "CLI-0482",
                format!("the first root.json of {mirror} is not known"),
            )
            .hint("give it with --root FILE, or its SHA-256 with --root-checksum"));
        }
    };
    let first = match &given_root {
        Some(bytes) => FirstRoot::Given(bytes),
        None => FirstRoot::Published,
    };
    // Another instance than before is named anew: what was kept is left behind.
    if Cache::new(&dir)
        .read()
        .is_ok_and(|record| record.id.0 != fingerprint)
    {
        std::fs::remove_dir_all(&dir).map_err(|error| {
            Failure::on_file(
                "clearing cache directory",
                &dir.display().to_string(),
                &error,
            )
        })?;
    }
    surroundings::run(given, async {
        let http = surroundings::http();
        tuf::init(&http, &url, first, &fingerprint, &dir, Timestamp::now())
            .await
            .map_err(|error| Failure::from_error("initializing", &error))
    })?;
    say::line(&format!("Trust root of {mirror} kept in {}", dir.display()));
    Ok(())
}

/// Back to the public-good instance.
fn forget() -> Result<(), Failure> {
    let dir = directory()?;
    if dir.is_dir() {
        std::fs::remove_dir_all(&dir).map_err(|error| {
            Failure::on_file(
                "clearing cache directory",
                &dir.display().to_string(),
                &error,
            )
        })?;
    }
    say::line("Using the public-good instance, whose root this program carries");
    Ok(())
}

/// `SHA256` or `sha256:SHA256`.
fn checksum(text: &str) -> Result<Digest, Failure> {
    let full = match text.contains(':') {
        true => text.to_owned(),
        false => format!("sha256:{text}"),
    };
    if !full.starts_with("sha256:") {
        return Err(Failure::coded(
            "CLI-0483",
            "--root-checksum takes a SHA-256",
        ));
    }
    material::digest(&full)
}

/// Where what was fetched is kept: `TUF_ROOT`, else the user's data directory.
fn directory() -> Result<PathBuf, Failure> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("TUF_ROOT")
        .map(|dir| dir.join("bulla"))
        .or_else(|| set("XDG_DATA_HOME").map(|dir| dir.join("bulla/cosign")))
        .or_else(|| set("HOME").map(|dir| dir.join(".local/share/bulla/cosign")))
        .ok_or_else(|| {
            Failure::coded(
                "CLI-0484",
                "there is no place to keep a trust root: HOME is not set",
            )
        })
}

/// Whether an instance was initialized on this machine.
pub fn is_done() -> bool {
    directory().is_ok_and(|dir| dir.is_dir())
}

/// The instance that was initialized, else the public-good one.
///
/// # Errors
/// If what is kept cannot be used.
pub fn sigstore() -> Result<Sigstore, Failure> {
    if !is_done() {
        return Sigstore::public_good().map_err(|error| Failure::from_error("", &error));
    }
    Cache::new(directory()?)
        .sigstore()
        .map_err(|error| Failure::from_error("reading what `initialize` kept", &error))
}

/// The trust root that was initialized.
///
/// # Errors
/// If what is kept cannot be used.
pub fn trusted_root() -> Result<Option<std::sync::Arc<TrustRoot>>, Failure> {
    match is_done() {
        true => sigstore().map(|sigstore| Some(sigstore.shared_root())),
        false => Ok(None),
    }
}
