//! Rust crates: `Cargo.lock`, and the list that cargo-auditable builds into
//! programs.
//!
//! A crate without a source is a member of the workspace that is being built: it
//! has no purl, so that no advisory about a published crate of the same name is
//! held against it.

use bulla_core::{Digest, limits};
use serde::Deserialize;
use std::io::Read as _;

use super::CatalogError;
use crate::{Component, Ecosystem, FileTree, Purl, cataloger::Draft};

const INDEX: [&str; 2] = [
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
];
/// The longest crate list in a program, in bytes after decompression.
const MAX_LIST_BYTES: u64 = 8 << 20;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// Reads a `Cargo.lock` of any version.
pub(super) fn read_lock(path: &str, content: &[u8], draft: &mut Draft) -> Result<(), CatalogError> {
    let malformed = |reason: String| CatalogError::malformed(path, "Cargo.lock", reason);
    let text = std::str::from_utf8(content).map_err(|e| malformed(e.to_string()))?;
    let lock: Lock = toml::from_str(text).map_err(|e| malformed(e.message().to_owned()))?;
    for package in lock.package {
        let mut component = crate_component(draft, &package.name, &package.version);
        component.purl = package
            .source
            .as_deref()
            .map(|source| purl(&package.name, &package.version, source))
            .transpose()
            .map_err(|e| malformed(e.to_string()))?;
        if let Some(checksum) = &package.checksum {
            let digest: Digest = format!("sha256:{checksum}")
                .parse()
                .map_err(|_| malformed(format!("checksum of {} is not SHA-256", package.name)))?;
            component.digests.push(digest);
        }
        draft.add_at(path, component);
    }
    Ok(())
}

fn crate_component(draft: &Draft, name: &str, version: &str) -> Component {
    Component::new(Ecosystem::Cargo, name, version, draft.origin())
}

fn purl(name: &str, version: &str, source: &str) -> Result<Purl, crate::purl::PurlError> {
    let purl = Purl::builder("cargo", name).version(version);
    let purl = if INDEX.contains(&source) {
        purl
    } else if source.starts_with("git+") {
        purl.qualifier("vcs_url", source)
    } else {
        let url = source.split_once('+').map_or(source, |(_, url)| url);
        purl.qualifier("repository_url", url)
    };
    purl.build()
}

/// The list of cargo-auditable (its JSON schema, version 0.4).
#[derive(Debug, Deserialize)]
pub struct CrateList {
    /// The crates.
    pub packages: Vec<ListedCrate>,
}

/// One crate of the list.
#[derive(Debug, Deserialize)]
pub struct ListedCrate {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// `crates.io`, `git`, `local`, `registry`, or something newer.
    pub source: String,
    /// `build` if it only took part in building.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Parses the section `.dep-v0`: JSON, compressed with zlib.
///
/// # Errors
/// If it cannot be decompressed within bounds, or is not such a list.
pub fn parse_crate_list(section: &[u8]) -> Result<CrateList, limits::LimitError> {
    let reader = flate2::read::ZlibDecoder::new(section);
    let json = limits::read_bounded(
        reader.take(MAX_LIST_BYTES + 1),
        MAX_LIST_BYTES,
        "crate list",
    )?;
    limits::parse_json(&json, MAX_LIST_BYTES, "crate list")
}

/// Adds the crates that were built into the programs of the image.
pub(super) fn catalog_binaries(tree: &FileTree, draft: &mut Draft) {
    for (path, file) in tree.files() {
        if file.binary.as_ref().is_some_and(|binary| !binary.inspected) {
            draft.problem(path, "the program is too large to look into");
        }
        let Some(section) = file.binary.as_ref().and_then(|b| b.crates.as_deref()) else {
            continue;
        };
        let list = match parse_crate_list(section) {
            Ok(list) => list,
            Err(error) => {
                draft.problem(path, error.to_string());
                continue;
            }
        };
        for listed in list.packages {
            if listed.kind.as_deref() == Some("build") {
                continue;
            }
            let mut component = crate_component(draft, &listed.name, &listed.version);
            let builder = Purl::builder("cargo", &listed.name).version(&listed.version);
            component.purl = match listed.source.as_str() {
                "local" => None,
                _ => builder.build().ok(),
            };
            draft.add_at(path, component);
        }
    }
}
