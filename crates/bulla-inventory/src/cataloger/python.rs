//! Python distributions: pinned `requirements.txt`, `poetry.lock`, `uv.lock`, and
//! what is installed (`*.dist-info/METADATA` with `RECORD`, `*.egg-info`).

use bulla_core::Digest;
use serde::Deserialize;

use super::CatalogError;
use crate::{Component, Ecosystem, FileTree, Purl, cataloger::Draft};

pub(super) fn wants(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else {
        return false;
    };
    match name {
        "METADATA" | "RECORD" => folder.ends_with(".dist-info"),
        "PKG-INFO" => folder.ends_with(".egg-info"),
        name => name.ends_with(".egg-info"),
    }
}

/// Reads a `requirements.txt`: every line must be pinned (`NAME==VERSION`); other
/// lines are problems, because what they install is not known.
pub(super) fn read_requirements(
    path: &str,
    content: &[u8],
    draft: &mut Draft,
) -> Result<(), CatalogError> {
    let text = std::str::from_utf8(content)
        .map_err(|e| CatalogError::malformed(path, "requirements.txt", e))?;
    for requirement in parse_requirements(text) {
        match requirement.version {
            Some(version) => {
                let mut component = component(draft, &requirement.name, &version);
                component.digests = requirement.digests;
                draft.add_at(path, component);
            }
            None => draft.problem(
                path,
                format!("{:?} is not pinned to a version", requirement.name),
            ),
        }
    }
    Ok(())
}

/// One line of a requirements file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The distribution, or the whole line if it has no name.
    pub name: String,
    /// The pinned version.
    pub version: Option<String>,
    /// Digests given with `--hash`.
    pub digests: Vec<Digest>,
}

/// Parses a requirements file; options on lines of their own are left out.
pub fn parse_requirements(text: &str) -> Vec<Requirement> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.trim();
        let line = line.split(" #").next().unwrap_or(line).trim();
        if line.is_empty() || line.starts_with(['#', '-']) {
            continue;
        }
        let digests = line
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("--hash=")?.parse().ok())
            .collect();
        let spec = line.split(" --").next().unwrap_or(line);
        let spec = spec.split(';').next().unwrap_or(spec).trim();
        let (name, version) = match spec.split_once("==") {
            Some((name, version)) => {
                let version = version.trim_start_matches('=').trim();
                let exact = !version.is_empty() && !version.contains(['*', ',', ' ']);
                (name, exact.then(|| version.to_owned()))
            }
            None => (spec, None),
        };
        let name = name.split('[').next().unwrap_or(name).trim();
        found.push(Requirement {
            name: name.to_owned(),
            version,
            digests,
        });
    }
    found
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    source: Option<toml::Table>,
    #[serde(default)]
    files: Vec<File>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    hash: Option<String>,
}

/// Reads a `poetry.lock` or `uv.lock`.
pub(super) fn read_toml_lock(
    path: &str,
    content: &[u8],
    draft: &mut Draft,
) -> Result<(), CatalogError> {
    let malformed = |reason: String| CatalogError::malformed(path, "Python lock file", reason);
    let text = std::str::from_utf8(content).map_err(|e| malformed(e.to_string()))?;
    let lock: Lock = toml::from_str(text).map_err(|e| malformed(e.message().to_owned()))?;
    for package in lock.package {
        let ours = package.source.as_ref().is_some_and(|source| {
            ["directory", "editable", "virtual"]
                .iter()
                .any(|key| source.contains_key(*key))
        });
        let version = package.version.as_deref().unwrap_or_default();
        let mut component = component(draft, &package.name, version);
        if ours {
            component.purl = None;
        }
        let files = package
            .files
            .iter()
            .chain(&package.sdist)
            .chain(&package.wheels);
        component.digests = files
            .filter_map(|file| file.hash.as_deref()?.parse().ok())
            .collect();
        draft.add_at(path, component);
    }
    Ok(())
}

fn component(draft: &Draft, name: &str, version: &str) -> Component {
    let mut component = Component::new(Ecosystem::Pypi, name, version, draft.origin());
    component.purl = Purl::builder("pypi", name).version(version).build().ok();
    component
}

/// Adds what is installed, with the files that each `RECORD` names.
pub(super) fn catalog(tree: &FileTree, draft: &mut Draft) {
    let metadata = |path: &str| wants(path) && !path.ends_with("/RECORD");
    for (path, file) in tree.files().filter(|(path, _)| metadata(path)) {
        let Some(content) = file.content.as_deref() else {
            continue;
        };
        let Some(parsed) = parse_metadata(content) else {
            draft.problem(path, "an installed distribution states no name or version");
            continue;
        };
        let mut component = component(draft, &parsed.name, &parsed.version);
        component.licenses = parsed.licenses;
        let index = draft.add_at(path, component);
        draft.own(path.to_owned(), index);
        let Some(folder) = path.strip_suffix("/METADATA") else {
            continue;
        };
        let record = format!("{folder}/RECORD");
        let packages = folder.rsplit_once('/').map_or("", |(above, _)| above);
        let Some(content) = tree.content(&record) else {
            continue;
        };
        for line in String::from_utf8_lossy(content).lines() {
            let name = record_path(line);
            let full = format!("{packages}/{name}");
            if let Some(file) = locate(tree, &full) {
                draft.own(file, index);
            }
        }
    }
}

/// A recorded path may climb out of its folder (`../../bin/tool`).
fn locate(tree: &FileTree, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    tree.locate(&parts.join("/"))
}

/// The first field of a CSV line, which may be quoted.
fn record_path(line: &str) -> String {
    match line.strip_prefix('"') {
        Some(rest) => match rest.rsplit_once("\",") {
            Some((path, _)) => path.replace("\"\"", "\""),
            None => String::new(),
        },
        None => line.split(',').next().unwrap_or_default().to_owned(),
    }
}

/// What the metadata of a distribution says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Licence expression, field or classifiers.
    pub licenses: Vec<String>,
}

/// Parses core metadata (`METADATA`, `PKG-INFO`): the header lines alone.
pub fn parse_metadata(content: &[u8]) -> Option<Metadata> {
    let text = String::from_utf8_lossy(content);
    let (mut name, mut version) = (String::new(), String::new());
    let (mut expression, mut plain, mut classifiers) = (None, None, Vec::new());
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "Classifier" => {
                let license = value.strip_prefix("License :: ");
                classifiers.extend(
                    license
                        .and_then(|l| l.rsplit(" :: ").next())
                        .map(str::to_owned),
                );
            }
            "License" if !value.is_empty() && value.len() <= 100 => plain = Some(value.to_owned()),
            "License-Expression" => expression = Some(value.to_owned()),
            "Name" => name = value.into(),
            "Version" => version = value.into(),
            _ => {}
        }
    }
    let licenses = match expression.or(plain) {
        Some(one) => vec![one],
        None => classifiers,
    };
    (!name.is_empty() && !version.is_empty()).then_some(Metadata {
        name,
        version,
        licenses,
    })
}
