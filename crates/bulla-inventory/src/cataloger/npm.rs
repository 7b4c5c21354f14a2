//! Node packages: `package-lock.json` versions 1 to 3, and what is installed
//! below `node_modules`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Digest, limits};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::CatalogError;
use crate::{Component, Ecosystem, FileTree, Purl, cataloger::Draft};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Nesting of version 1 lock files.
const MAX_DEPTH: usize = 32;

pub(super) fn wants(path: &str) -> bool {
    path.ends_with("/package.json") && path.contains("node_modules/")
}

#[derive(Deserialize)]
struct Lock {
    packages: Option<BTreeMap<String, Locked>>,
    dependencies: Option<BTreeMap<String, Locked>>,
}

#[derive(Deserialize)]
struct Locked {
    name: Option<String>,
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    license: Option<Value>,
    dependencies: Option<Value>,
}

/// Reads a lock file.
pub(super) fn read_lock(path: &str, content: &[u8], draft: &mut Draft) -> Result<(), CatalogError> {
    let malformed = |reason: String| CatalogError::malformed(path, "package-lock.json", reason);
    let lock: Lock = limits::parse_json(content, MAX_BYTES, "lock file")
        .map_err(|error| malformed(error.to_string()))?;
    if let Some(packages) = lock.packages {
        for (at, locked) in packages {
            let Some((_, folder)) = at.rsplit_once("node_modules/") else {
                continue;
            };
            if !locked.link {
                let name = locked.name.clone().unwrap_or_else(|| folder.to_owned());
                add(draft, path, &name, &locked);
            }
        }
        return Ok(());
    }
    match lock.dependencies {
        Some(dependencies) => read_version_1(path, dependencies, draft, 0),
        None => Err(malformed(
            "it lists neither packages nor dependencies".into(),
        )),
    }
}

fn read_version_1(
    path: &str,
    dependencies: BTreeMap<String, Locked>,
    draft: &mut Draft,
    depth: usize,
) -> Result<(), CatalogError> {
    let malformed = |reason: String| CatalogError::malformed(path, "package-lock.json", reason);
    if depth > MAX_DEPTH {
        return Err(malformed("it is nested too deeply".into()));
    }
    for (name, mut locked) in dependencies {
        let inner = locked.dependencies.take();
        // `npm:NAME@VERSION` is another package under this name.
        let alias = locked
            .version
            .as_deref()
            .and_then(|v| v.strip_prefix("npm:"));
        if let Some((real, version)) = alias.and_then(|alias| alias.rsplit_once('@')) {
            let (real, version) = (real.to_owned(), version.to_owned());
            locked.version = Some(version);
            add(draft, path, &real, &locked);
        } else {
            add(draft, path, &name, &locked);
        }
        if let Some(inner) = inner {
            let inner = serde_json::from_value(inner).map_err(|e| malformed(e.to_string()))?;
            read_version_1(path, inner, draft, depth + 1)?;
        }
    }
    Ok(())
}

fn add(draft: &mut Draft, path: &str, name: &str, locked: &Locked) {
    let version = locked.version.as_deref().unwrap_or_default();
    let (namespace, last) = name.rsplit_once('/').unwrap_or(("", name));
    let mut purl = Purl::builder("npm", last).namespace(namespace);
    if version.contains(':') {
        // A URL or a folder instead of a version.
        purl = purl.qualifier("vcs_url", version);
    } else {
        purl = purl.version(version);
    }
    let mut component = Component::new(Ecosystem::Npm, name, version, draft.origin());
    match purl.build() {
        Ok(purl) => component.purl = Some(purl),
        Err(error) => draft.problem(path, format!("{name}: {error}")),
    }
    component.digests = locked.integrity.as_deref().map_or_else(Vec::new, integrity);
    component.licenses = locked.license.as_ref().map_or_else(Vec::new, licenses);
    draft.add_at(path, component);
}

/// Subresource integrity: `sha512-BASE64 …`; weaker hashes are left out.
fn integrity(text: &str) -> Vec<Digest> {
    text.split_whitespace()
        .filter_map(|part| {
            let (kind, encoded) = part.split_once('-')?;
            let raw = STANDARD.decode(encoded).ok()?;
            format!("{kind}:{}", hex::encode(raw)).parse().ok()
        })
        .collect()
}

/// `"MIT"`, `{"type": "MIT"}` or a list of either.
fn licenses(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(licenses).collect(),
        Value::Object(map) => map.get("type").map_or_else(Vec::new, licenses),
        Value::String(text) if !text.trim().is_empty() => vec![text.trim().to_owned()],
        _ => Vec::new(),
    }
}

/// Adds what is installed below `node_modules`, with the files of each package.
pub(super) fn catalog(tree: &FileTree, draft: &mut Draft) {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for (path, file) in tree.files().filter(|(path, _)| wants(path)) {
        let Some(folder) = path.strip_suffix("/package.json") else {
            continue;
        };
        let inside = folder.rsplit("node_modules/").next().unwrap_or_default();
        let parts = inside.split('/').count();
        if parts != 1 + usize::from(inside.starts_with('@')) {
            continue;
        }
        let Some(content) = file.content.as_deref() else {
            continue;
        };
        let manifest: Value = match limits::parse_json(content, MAX_BYTES, "package.json") {
            Ok(manifest) => manifest,
            Err(error) => {
                draft.problem(path, error.to_string());
                continue;
            }
        };
        let text = |key: &str| manifest.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(name), Some(version)) = (text("name"), text("version")) else {
            draft.problem(path, "an installed package states no name or version");
            continue;
        };
        let locked = Locked {
            name: None,
            version: Some(version),
            integrity: None,
            link: false,
            license: manifest
                .get("license")
                .or(manifest.get("licenses"))
                .cloned(),
            dependencies: None,
        };
        let before = draft.components.len();
        add(draft, path, &name, &locked);
        folders.insert(folder.to_owned(), before);
    }
    if folders.is_empty() {
        return;
    }
    for (path, _) in tree
        .files()
        .filter(|(path, _)| path.contains("node_modules/"))
    {
        // The nearest folder above the file that is a package owns it.
        let owner = path
            .rmatch_indices('/')
            .find_map(|(at, _)| folders.get(path.get(..at)?));
        if let Some(owner) = owner {
            draft.own(path.to_owned(), *owner);
        }
    }
}
