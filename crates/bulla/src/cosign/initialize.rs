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
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use url::Url;

use super::{
    failure::Failure,
    given::Given,
    info, material,
    mirror::{self, Mirror},
    say, surroundings,
};

/// The mirror of the public-good instance.
pub const PUBLIC_GOOD: &str = "https://tuf-repo-cdn.sigstore.dev";

/// Runs it.
///
/// # Errors
/// If the repository cannot be reached or believed.
pub fn run(given: &Given) -> Result<(), Failure> {
    let mirror = given.text("mirror").unwrap_or(PUBLIC_GOOD);
    let url = repository(mirror).map_err(|failure| failure.on("--mirror"))?;
    for name in [mirror::MIRROR, mirror::ROOT_JSON] {
        if !info::value(name).is_empty() {
            say::warn(&format!(
                "{name} counts for other commands, not for this one"
            ));
        }
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
    forget_other(&dir, &fingerprint)?;
    surroundings::run(given, async {
        let http = surroundings::http();
        tuf::init(&http, &url, first, &fingerprint, &dir, Timestamp::now())
            .await
            .map_err(|error| Failure::from_error("initializing", &error))
    })?;
    say::line(&format!("Trust root of {mirror} kept in {}", dir.display()));
    Ok(())
}

/// The address of a TUF repository.
///
/// # Errors
/// If it is none.
pub fn repository(text: &str) -> Result<Url, Failure> {
    let mut url: Url = text
        .parse()
        .map_err(|error| Failure::coded("CLI-0480", format!("{text}: {error}")))?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// Back to the public-good instance.
fn forget() -> Result<(), Failure> {
    let dir = directory()?;
    if dir.is_dir() {
        remove(&dir)?;
    }
    say::line("Using the public-good instance, whose root this program carries");
    Ok(())
}

/// Another instance than before is named anew: what was kept of it is left behind.
///
/// # Errors
/// If it cannot be removed.
pub fn forget_other(dir: &Path, fingerprint: &Digest) -> Result<(), Failure> {
    let kept = Cache::new(dir).read();
    match kept.is_ok_and(|record| record.id.0 != *fingerprint) {
        true => remove(dir),
        false => Ok(()),
    }
}

fn remove(dir: &Path) -> Result<(), Failure> {
    std::fs::remove_dir_all(dir).map_err(|error| {
        Failure::on_file(
            "clearing cache directory",
            &dir.display().to_string(),
            &error,
        )
    })
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
///
/// # Errors
/// If there is no place for it.
pub fn directory() -> Result<PathBuf, Failure> {
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

/// The folder of the instance that is not the public-good one: that of
/// `TUF_MIRROR`, fetched now; else the one that was initialized.
///
/// # Errors
/// If the mirror cannot be reached or believed.
pub async fn instance() -> Result<Option<PathBuf>, Failure> {
    match Mirror::named()? {
        Some(mirror) => mirror.fetch().await.map(Some),
        None => Ok(initialized()),
    }
}

/// The same for commands that have no connection open. One that `needs` no trust
/// root makes none: it takes what is kept.
///
/// # Errors
/// As [`instance`].
pub fn instance_at_rest(given: &Given, needs: bool) -> Result<Option<PathBuf>, Failure> {
    match Mirror::named() {
        Ok(None) => Ok(initialized()),
        Ok(Some(mirror)) if needs => surroundings::run(given, mirror.fetch()).map(Some),
        Ok(Some(mirror)) => Ok(mirror.kept()),
        Err(failure) if needs => Err(failure),
        Err(_) => Ok(None),
    }
}

fn initialized() -> Option<PathBuf> {
    directory().ok().filter(|dir| dir.is_dir())
}

/// The instance of that folder, else the public-good one.
///
/// # Errors
/// If what is kept cannot be used.
pub fn sigstore(dir: Option<&Path>) -> Result<Sigstore, Failure> {
    match dir {
        None => Sigstore::public_good().map_err(|error| Failure::from_error("", &error)),
        Some(dir) => Cache::new(dir)
            .sigstore()
            .map_err(|error| Failure::from_error("reading what `initialize` kept", &error)),
    }
}

/// The trust root of that folder.
///
/// # Errors
/// If what is kept cannot be used.
pub fn trusted_root(dir: Option<&Path>) -> Result<Option<Arc<TrustRoot>>, Failure> {
    match dir {
        Some(dir) => sigstore(Some(dir)).map(|sigstore| Some(sigstore.shared_root())),
        None => Ok(None),
    }
}
