//! Finds packages in a file tree. One kind of evidence, one file.
//!
//! Of an image, only what is *installed* counts: package databases, installed
//! metadata, what was built into programs. Lock files count where something is
//! built from them ([`catalog_locks`], [`catalog_lock_file`]).

use bulla_core::{Code, Diagnose};
use std::{collections::HashMap, path::Path};

use crate::{
    Component, Distribution, FileEntry, FileTree, Inventory, Problem,
    inventory::Origin,
    tree::{DirectoryOptions, TreeError},
};

pub mod apk;
pub mod cargo;
pub mod dpkg;
pub mod go;
pub mod npm;
pub mod os_release;
pub mod python;

/// Whether some cataloger reads the file at `path`.
pub(crate) fn wants(path: &str) -> bool {
    os_release::wants(path)
        || dpkg::wants(path)
        || apk::wants(path)
        || npm::wants(path)
        || python::wants(path)
        || lock_kind(path).is_some()
}

/// Lists what is in an image: its packages, and every one of its files.
pub fn catalog(tree: &FileTree) -> Inventory {
    let distribution = os_release::read(tree);
    let mut draft = Draft::new(Origin::Image, distribution.as_ref());
    dpkg::catalog(tree, &mut draft);
    apk::catalog(tree, &mut draft);
    npm::catalog(tree, &mut draft);
    python::catalog(tree, &mut draft);
    cargo::catalog_binaries(tree, &mut draft);
    go::catalog_binaries(tree, &mut draft);
    draft.finish(tree, distribution)
}

/// Lists what the lock files in `tree` name, as input of a build.
pub fn catalog_locks(tree: &FileTree) -> Inventory {
    let mut draft = Draft::new(Origin::Build, None);
    for (path, file) in tree.files() {
        let Some(content) = file.content.as_deref() else {
            continue;
        };
        if let Some(Err(error)) = read_lock(path, content, &mut draft) {
            draft.problem(path, error.to_string());
        }
    }
    draft.finish(&FileTree::default(), None)
}

/// Lists what the lock files below a directory name, as input of a build. What
/// tools put there themselves (`.git`, `node_modules`, `target`) is left out.
///
/// # Errors
/// If something cannot be read.
pub fn catalog_lock_directory(root: &Path) -> Result<Inventory, TreeError> {
    let skip = [".git", "node_modules", "target"];
    let options = DirectoryOptions {
        skip: skip.map(str::to_owned).to_vec(),
        only_wanted: true,
        ..DirectoryOptions::default()
    };
    Ok(catalog_locks(&FileTree::from_directory(root, &options)?))
}

/// Lists what one lock file names, as input of a build. The kind is told by the
/// name: `Cargo.lock`, `go.mod`, `package-lock.json`, `requirements.txt`,
/// `poetry.lock`, `uv.lock`.
///
/// # Errors
/// [`CatalogError`] if the kind is unknown or the content malformed.
pub fn catalog_lock_file(path: &str, content: &[u8]) -> Result<Inventory, CatalogError> {
    let mut draft = Draft::new(Origin::Build, None);
    read_lock(path, content, &mut draft).ok_or_else(|| CatalogError::UnknownLock {
        path: path.to_owned(),
    })??;
    Ok(draft.finish(&FileTree::default(), None))
}

type Reader = fn(&str, &[u8], &mut Draft) -> Result<(), CatalogError>;

fn lock_kind(path: &str) -> Option<Reader> {
    match path.rsplit('/').next().unwrap_or(path) {
        "Cargo.lock" => Some(cargo::read_lock),
        "go.mod" => Some(go::read_mod),
        "npm-shrinkwrap.json" | "package-lock.json" => Some(npm::read_lock),
        "poetry.lock" | "uv.lock" => Some(python::read_toml_lock),
        name if name.starts_with("requirements") && name.ends_with(".txt") => {
            Some(python::read_requirements)
        }
        _ => None,
    }
}

fn read_lock(path: &str, content: &[u8], draft: &mut Draft) -> Option<Result<(), CatalogError>> {
    Some(lock_kind(path)?(path, content, draft))
}

/// An inventory while it is being made.
pub(crate) struct Draft {
    origin: Origin,
    release: Option<String>,
    components: Vec<Component>,
    owners: HashMap<String, usize>,
    problems: Vec<Problem>,
}

impl Draft {
    fn new(origin: Origin, distribution: Option<&Distribution>) -> Self {
        Self {
            origin,
            release: distribution.map(Distribution::release),
            components: Vec::new(),
            owners: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Where this inventory's components are seen.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Release of the distribution.
    pub(crate) fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Adds a component and says under which number.
    pub(crate) fn add(&mut self, component: Component) -> usize {
        self.components.push(component);
        self.components.len() - 1
    }

    /// Adds a package that was found at `path`. If a distribution package owns
    /// that file, the package is part of it.
    pub(crate) fn add_at(&mut self, path: &str, mut component: Component) -> usize {
        component.found_in.push(path.to_owned());
        let owner = self
            .owners
            .get(path)
            .and_then(|at| self.components.get(*at));
        component.part_of = owner
            .filter(|owner| owner.ecosystem.is_some_and(|e| e.is_distribution()))
            .and_then(|owner| owner.purl.clone());
        self.add(component)
    }

    /// States that a component brought the file at `path`; the first owner stays.
    pub(crate) fn own(&mut self, path: String, component: usize) {
        self.owners.entry(path).or_insert(component);
    }

    /// Records what could not be read.
    pub(crate) fn problem(&mut self, path: &str, reason: impl Into<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            reason: reason.into(),
        });
    }

    fn finish(self, tree: &FileTree, distribution: Option<Distribution>) -> Inventory {
        let files = tree
            .files()
            .map(|(path, file)| FileEntry {
                path: path.to_owned(),
                size: file.size,
                digest: file.digest(),
                owner: self.owners.get(path).copied(),
                program: file.binary.as_ref().map(|binary| binary.format),
            })
            .collect();
        let mut inventory = Inventory {
            components: self.components,
            files,
            distribution,
            problems: self.problems,
        };
        inventory.normalize();
        inventory
    }
}

/// Why a file could not be catalogued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The content is not what its name says.
    #[error("{path} is not a valid {kind}: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What it should be.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No cataloger reads such a lock file.
    #[error("{path} is not a lock file that is known here")]
    UnknownLock {
        /// The file.
        path: String,
    },
}

impl CatalogError {
    pub(crate) fn malformed(path: &str, kind: &'static str, reason: impl ToString) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            kind,
            reason: reason
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

impl Diagnose for CatalogError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed { .. } => Code("INVENTORY-0030"),
            Self::UnknownLock { .. } => Code("INVENTORY-0031"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { .. } => {
                "write the lock file again with its own tool, then run `bulla sbom`".into()
            }
            Self::UnknownLock { .. } => "name Cargo.lock, go.mod, package-lock.json, poetry.lock, \
                 uv.lock or requirements.txt in `bulla.toml`"
                .into(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
