//! What is in an image, and what went into it.
//!
//! A [`Component`] is a package that somebody published; a [`FileEntry`] is a
//! regular file of the image. Every file is accounted for: it belongs to a
//! component, or it stands for itself, with its SHA-256. What could not be read
//! is a [`Problem`], never an omission.

use bulla_core::Digest;
use std::{collections::BTreeMap, fmt};

use crate::{Ecosystem, Purl, binary::Format};

/// Where a component was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// In a lock file that went into the build.
    Build,
    /// In the image itself.
    Image,
}

impl Origin {
    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Image => "image",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The source package that a distribution built a binary package from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, which need not be that of the binary package.
    pub version: String,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Where such packages come from; `None` if a document names one we do not know.
    pub ecosystem: Option<Ecosystem>,
    /// The name as its ecosystem writes it.
    pub name: String,
    /// The version, if one is stated.
    pub version: Option<String>,
    /// Its package URL; absent for a package that was never published (a member
    /// of the workspace that is being built).
    pub purl: Option<Purl>,
    /// Where it was seen.
    pub origin: Origin,
    /// Release of the distribution: `debian-12`, `alpine-3.19`.
    pub release: Option<String>,
    /// What a distribution built it from.
    pub source: Option<SourcePackage>,
    /// Licences as found, unchecked.
    pub licenses: Vec<String>,
    /// Digests of its archive, as its lock file states them.
    pub digests: Vec<Digest>,
    /// Paths at which it was found.
    pub found_in: Vec<String>,
    /// The distribution package that brought its files, if one did: advisories of
    /// its own ecosystem then do not apply, the distribution's do.
    pub part_of: Option<Purl>,
}

impl Component {
    /// A component with nothing but a name, version and purl.
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str, origin: Origin) -> Self {
        Self {
            ecosystem: Some(ecosystem),
            name: name.to_owned(),
            version: (!version.is_empty()).then(|| version.to_owned()),
            purl: None,
            origin,
            release: None,
            source: None,
            licenses: Vec::new(),
            digests: Vec::new(),
            found_in: Vec::new(),
            part_of: None,
        }
    }

    /// A name for it that is unique in an inventory: the purl, if there is one.
    pub fn key(&self) -> String {
        match &self.purl {
            Some(purl) => purl.to_string(),
            None => {
                let ecosystem = self.ecosystem.map_or("unknown", Ecosystem::name);
                let version = self.version.as_deref().unwrap_or_default();
                format!("{ecosystem}:{}@{version}", self.name)
            }
        }
    }
}

/// One regular file of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path relative to the root of the image.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub digest: Digest,
    /// The component it belongs to, as an index into [`Inventory::components`];
    /// a file without one stands for itself.
    pub owner: Option<usize>,
    /// The format, if it is a program.
    pub program: Option<Format>,
}

/// Something that should have been read and could not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub path: String,
    /// Why, in one sentence.
    pub reason: String,
}

/// The distribution that an image is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// `debian`, `alpine` …
    pub id: String,
    /// `12`, `3.19.1`; empty if it states none.
    pub version: String,
    /// Its name for people.
    pub name: String,
}

impl Distribution {
    /// The release under which advisories are kept: `debian-12`, `alpine-3.19`.
    pub fn release(&self) -> String {
        let version = match self.id.as_str() {
            "alpine" => self
                .version
                .splitn(3, '.')
                .take(2)
                .collect::<Vec<_>>()
                .join("."),
            _ => self.version.clone(),
        };
        format!("{}-{version}", self.id)
    }
}

/// How the files of an image are accounted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Regular files.
    pub files: usize,
    /// Files that belong to a component.
    pub owned: usize,
    /// Files that stand for themselves.
    pub listed: usize,
}

/// What is in an image, and what went into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Packages, in the order of their keys.
    pub components: Vec<Component>,
    /// Every regular file of the image, in the order of paths.
    pub files: Vec<FileEntry>,
    /// The distribution, if the image says so.
    pub distribution: Option<Distribution>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

impl Inventory {
    /// Files that no component owns: each is a component of its own.
    pub fn own_files(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.iter().filter(|file| file.owner.is_none())
    }

    /// How the files are accounted for.
    pub fn accounting(&self) -> Accounting {
        let files = self.files.len();
        let listed = self.own_files().count();
        Accounting {
            files,
            owned: files - listed,
            listed,
        }
    }

    /// The components of that origin.
    pub fn of_origin(&self, origin: Origin) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |c| c.origin == origin)
    }

    /// How many components each ecosystem has.
    pub fn per_ecosystem(&self) -> BTreeMap<Ecosystem, usize> {
        let mut counts = BTreeMap::new();
        for ecosystem in self.components.iter().filter_map(|c| c.ecosystem) {
            *counts.entry(ecosystem).or_insert(0) += 1;
        }
        counts
    }

    /// Both inventories as one: the image and the lock files of its build.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let shift = self.components.len();
        self.components.extend(other.components);
        self.files.extend(other.files.into_iter().map(|mut file| {
            file.owner = file.owner.map(|owner| owner + shift);
            file
        }));
        self.distribution = self.distribution.or(other.distribution);
        self.problems.extend(other.problems);
        self.normalize();
        self
    }

    /// Sorts everything, joins components that are the same, keeps owners right.
    pub(crate) fn normalize(&mut self) {
        let mut order: BTreeMap<(String, Origin), Component> = BTreeMap::new();
        let mut keys = Vec::with_capacity(self.components.len());
        for component in std::mem::take(&mut self.components) {
            let key = (component.key(), component.origin);
            keys.push(key.clone());
            match order.get_mut(&key) {
                Some(known) => join(known, component),
                None => {
                    order.insert(key, component);
                }
            }
        }
        let places: BTreeMap<_, usize> = order.keys().cloned().zip(0..).collect();
        self.components = order.into_values().collect();
        for component in &mut self.components {
            component.found_in.sort();
            component.found_in.dedup();
            component.licenses.sort();
            component.licenses.dedup();
            component.digests.sort();
            component.digests.dedup();
        }
        for file in &mut self.files {
            let key = file.owner.and_then(|owner| keys.get(owner));
            file.owner = key.and_then(|key| places.get(key)).copied();
        }
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.files.dedup_by(|a, b| a.path == b.path);
        self.problems.sort();
        self.problems.dedup();
    }
}

/// Adds what `more` knows to `known`. A copy of a package that no distribution
/// package owns makes the whole component matter.
fn join(known: &mut Component, more: Component) {
    known.licenses.extend(more.licenses);
    known.digests.extend(more.digests);
    known.found_in.extend(more.found_in);
    if known.part_of != more.part_of {
        known.part_of = None;
    }
    known.source = known.source.take().or(more.source);
}

#[cfg(test)]
mod tests;
