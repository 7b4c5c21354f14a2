//! Cargo: `Cargo.lock` (versions 2 to 4) names every crate of a registry with the
//! SHA-256 of its `.crate` file.
//!
//! `cargo fetch --locked` brings what is missing into a private home; the build
//! gets a directory source (`cargo vendor`'s layout) unpacked from checked files,
//! so `--frozen` works and no index is needed. Git dependencies have no digest of
//! their content and are refused by name.

use bulla_core::Digest;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{FetchError, Fetched, Fetcher, MAX_PACKAGES, Supply, unpack};
use crate::{
    recipe::{Lock, LockKind},
    sandbox::Copy,
};

/// A crate of a registry, as the lock file names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The registry's source line.
    pub registry: String,
    /// SHA-256 of the `.crate` file.
    pub digest: Digest,
}

impl Crate {
    fn directory(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn file(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }

    fn uri(&self) -> String {
        let version = self.version.replace('+', "%2B");
        match self.registry.as_str() {
            CRATES_IO | CRATES_IO_SPARSE => format!("pkg:cargo/{}@{version}", self.name),
            other => format!("pkg:cargo/{}@{version}?repository_url={other}", self.name),
        }
    }
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const CRATES_IO_SPARSE: &str = "sparse+https://index.crates.io/";

#[derive(Deserialize)]
struct RawLock {
    #[serde(default)]
    package: Vec<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Reads a `Cargo.lock`: its crates from registries; members of the workspace are left out.
///
/// # Errors
/// [`FetchError::Lock`] if it is none, [`FetchError::Unsupported`] naming a dependency
/// without a digest.
pub fn parse_lock(bytes: &[u8], path: &Path) -> Result<Vec<Crate>, FetchError> {
    let bad = |problem: String| FetchError::lock(path, problem);
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let raw: RawLock = toml::from_str(text).map_err(|error| bad(error.message().into()))?;
    if raw.package.len() > MAX_PACKAGES {
        return Err(bad(format!("more than {MAX_PACKAGES} packages")));
    }
    let mut crates = BTreeSet::new();
    for package in raw.package {
        let Some(registry) = package.source else {
            continue;
        };
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 128
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
                && !text.starts_with('.')
        };
        if !plain(&package.name) || !plain(&package.version) {
            return Err(bad(format!("{:?} is no package", package.name)));
        }
        let refuse = |why| FetchError::Unsupported {
            package: format!("{} {}", package.name, package.version),
            why,
        };
        if registry.starts_with("git+") {
            return Err(refuse(
                "a git dependency has no digest of its content in Cargo.lock",
            ));
        }
        let checksum = package.checksum.as_ref();
        let checksum = checksum.ok_or_else(|| refuse("it has no checksum in Cargo.lock"))?;
        let digest = format!("sha256:{checksum}").parse();
        crates.insert(Crate {
            digest: digest.map_err(|_| bad(format!("{:?} has no SHA-256", package.name)))?,
            name: package.name,
            version: package.version,
            registry,
        });
    }
    Ok(crates.into_iter().collect())
}

/// Fetches what is missing and lays out a directory source.
pub(super) fn supply(
    fetcher: &Fetcher<'_>,
    lock: &Lock,
    bytes: &[u8],
) -> Result<Supply, FetchError> {
    let crates = parse_lock(bytes, &lock.path)?;
    let deps = fetcher.deps(LockKind::Cargo)?;
    let mut files = Vec::new();
    let mut missing = Vec::new();
    for package in &crates {
        match fetcher.cache.get(&package.digest) {
            Some(bytes) => files.push(lay_out(package, &bytes, &deps.source, true)?),
            None => missing.push(package),
        }
    }
    if !missing.is_empty() {
        fetch(fetcher, lock, &missing)?;
        for package in missing {
            let bytes = fetcher
                .cache
                .get(&package.digest)
                .ok_or_else(|| FetchError::Missing {
                    file: package.file(),
                })?;
            files.push(lay_out(package, &bytes, &deps.source, false)?);
        }
    }
    files.sort_by(|a, b| a.uri.cmp(&b.uri));

    let home = fetcher.private.join("cargo-home");
    let seen = fetcher.seen(&deps);
    let write = || {
        fs::create_dir_all(&home)?;
        fs::write(home.join("config.toml"), config(&crates, &seen))
    };
    write().map_err(FetchError::io("the cargo configuration"))?;
    Ok(Supply {
        files,
        binds: vec![deps],
        copies: vec![Copy {
            source: home,
            target: "home/.cargo".into(),
        }],
        env: Vec::new(),
    })
}

/// Every registry of the lock file is replaced by the directory of checked crates.
fn config(crates: &[Crate], directory: &Path) -> String {
    let mut sources = BTreeMap::from([("crates-io".to_owned(), None)]);
    for (index, registry) in crates
        .iter()
        .map(|package| &package.registry)
        .collect::<BTreeSet<_>>()
        .iter()
        .enumerate()
    {
        if ![CRATES_IO, CRATES_IO_SPARSE].contains(&registry.as_str()) {
            let url = registry.strip_prefix("registry+").unwrap_or(registry);
            sources.insert(format!("registry-{index}"), Some(url.to_owned()));
        }
    }
    let mut tables = toml::Table::new();
    for (name, url) in sources {
        let mut table = toml::Table::from_iter([("replace-with".to_owned(), "bulla".into())]);
        table.extend(url.map(|url| ("registry".to_owned(), url.into())));
        tables.insert(name, table.into());
    }
    let directory = directory.to_string_lossy().into_owned();
    let ours = toml::Table::from_iter([("directory".to_owned(), directory.into())]);
    tables.insert("bulla".into(), ours.into());
    let net = toml::Table::from_iter([("offline".to_owned(), true.into())]);
    toml::Table::from_iter([
        ("source".to_owned(), tables.into()),
        ("net".to_owned(), net.into()),
    ])
    .to_string()
}

fn lay_out(
    package: &Crate,
    bytes: &[u8],
    deps: &Path,
    cached: bool,
) -> Result<Fetched, FetchError> {
    let directory = package.directory();
    let to = deps.join(&directory);
    unpack::tar_gz(&package.file(), bytes, Some(&directory), &to)?;
    let checksum = format!(
        "{{\"files\":{{}},\"package\":\"{}\"}}",
        package.digest.hex()
    );
    fs::write(to.join(".cargo-checksum.json"), checksum)
        .map_err(FetchError::io("unpacking a crate"))?;
    Ok(Fetched {
        uri: package.uri(),
        digest: package.digest.clone(),
        size: bytes.len() as u64,
        cached,
    })
}

/// Runs `cargo fetch` in the fetch profile and takes the files that the lock file names.
fn fetch(fetcher: &Fetcher<'_>, lock: &Lock, missing: &[&Crate]) -> Result<(), FetchError> {
    let folder = lock.path.parent().unwrap_or(Path::new(""));
    let manifest = Path::new("source").join(folder).join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    // The folder `.cargo` of the source stays out: it may name programs to run.
    let entries = fs::read_dir(fetcher.source).map_err(FetchError::io("reading the source"))?;
    let inputs: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| name != Path::new(".cargo"))
        .collect();
    let run = ["cargo", "fetch", "--locked", "--manifest-path", &manifest];
    let variables = [("CARGO_HOME", "cargo-home"), ("CARGO_NET_RETRY", "3")];
    let finished = fetcher.run(missing.len(), &run, &inputs, &variables)?;

    let registries = super::list(&finished, Path::new("cargo-home/registry/cache"))?;
    for package in missing {
        let file = package.file();
        let bytes = registries.iter().find_map(|registry| {
            let path = Path::new("cargo-home/registry/cache")
                .join(registry)
                .join(&file);
            fetcher.take(&finished, &path)
        });
        let Some(bytes) = bytes else {
            return Err(FetchError::Missing { file });
        };
        let digest = Digest::sha256(&bytes);
        if digest != package.digest {
            return Err(FetchError::checksum(&file, &package.digest, &digest));
        }
        let kept = fetcher.cache.put(&digest, &bytes);
        kept.map_err(FetchError::io("the cache"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
