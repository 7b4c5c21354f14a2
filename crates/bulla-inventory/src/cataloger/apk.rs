//! Alpine packages that are installed: `lib/apk/db/installed`, which also says
//! which files each one brought.

use crate::{Component, Ecosystem, FileTree, Purl, cataloger::Draft, inventory::SourcePackage};

const DATABASES: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

pub(super) fn wants(path: &str) -> bool {
    DATABASES.contains(&path)
}

/// Adds every installed package and the files it owns.
pub(super) fn catalog(tree: &FileTree, draft: &mut Draft) {
    let Some((path, content)) = DATABASES
        .into_iter()
        .find_map(|path| Some((path, tree.content(path)?)))
    else {
        return;
    };
    for package in parse_installed(content) {
        let vendor = draft
            .release()
            .and_then(|r| r.split('-').next())
            .unwrap_or("alpine");
        let purl = Purl::builder("apk", &package.name)
            .namespace(vendor)
            .version(&package.version)
            .qualifier("arch", &package.architecture)
            .qualifier("distro", draft.release().unwrap_or_default())
            .qualifier(
                "upstream",
                if package.origin == package.name {
                    ""
                } else {
                    &package.origin
                },
            )
            .build();
        let mut component = Component::new(
            Ecosystem::Apk,
            &package.name,
            &package.version,
            draft.origin(),
        );
        match purl {
            Ok(purl) => component.purl = Some(purl),
            Err(error) => draft.problem(path, error.to_string()),
        }
        component.release = draft.release().map(str::to_owned);
        component.source = Some(SourcePackage {
            name: package.origin,
            version: package.version,
        });
        component.licenses.extend(package.license);
        component.found_in.push(path.to_owned());
        let index = draft.add(component);
        for file in package.files {
            if let Some(file) = tree.locate(&file) {
                draft.own(file, index);
            }
        }
    }
}

/// One installed package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApkPackage {
    /// Name.
    pub name: String,
    /// Version with release: `1.2.3-r0`.
    pub version: String,
    /// `x86_64` …
    pub architecture: String,
    /// The package it was built with; the same name if it states none.
    pub origin: String,
    /// Licence as stated.
    pub license: Option<String>,
    /// Paths it brought.
    pub files: Vec<String>,
}

/// Parses the database: lines of one letter, a colon and a value; an empty line
/// ends a package.
pub fn parse_installed(content: &[u8]) -> Vec<ApkPackage> {
    let text = String::from_utf8_lossy(content);
    let mut packages = Vec::new();
    let mut package = ApkPackage::default();
    let mut folder = String::new();
    for line in text.lines().chain([""]) {
        if line.is_empty() {
            let mut done = std::mem::take(&mut package);
            folder.clear();
            if !done.name.is_empty() && !done.version.is_empty() {
                if done.origin.is_empty() {
                    done.origin.clone_from(&done.name);
                }
                packages.push(done);
            }
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        match key {
            "A" => package.architecture = value.into(),
            "F" => folder = value.into(),
            "L" => package.license = Some(value.to_owned()).filter(|l| !l.is_empty()),
            "P" => package.name = value.into(),
            "R" => package.files.push(format!("{folder}/{value}")),
            "V" => package.version = value.into(),
            "o" => package.origin = value.into(),
            _ => {}
        }
    }
    packages
}
