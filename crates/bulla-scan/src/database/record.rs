//! What the database knows: advisories as facts. Ids, packages, ranges,
//! severities, dates; no prose.

use bulla_core::Severity;
use bulla_inventory::Ecosystem;
use jiff::civil::Date;
use std::{fmt, str::FromStr};

/// What an advisory is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AdvisoryKind {
    /// The package itself is hostile.
    Malicious,
    /// Something to know.
    Notice,
    /// Nobody cares for it any more.
    Unmaintained,
    /// Safe code can break memory safety.
    Unsound,
    /// A weakness that can be exploited.
    #[default]
    Vulnerability,
}

impl AdvisoryKind {
    /// All, in the order of their numbers in the file format.
    const ALL: [Self; 5] = [
        Self::Vulnerability,
        Self::Malicious,
        Self::Unmaintained,
        Self::Unsound,
        Self::Notice,
    ];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malicious => "malicious",
            Self::Notice => "notice",
            Self::Unmaintained => "unmaintained",
            Self::Unsound => "unsound",
            Self::Vulnerability => "vulnerability",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn number(self) -> u8 {
        let at = Self::ALL.iter().position(|kind| *kind == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for AdvisoryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name space of packages: an ecosystem, and for distributions the release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The ecosystem.
    pub ecosystem: Ecosystem,
    /// `debian-12`; empty where there are no releases.
    pub release: String,
}

impl Scope {
    /// An ecosystem without releases.
    pub fn of(ecosystem: Ecosystem) -> Self {
        let release = String::new();
        Self { ecosystem, release }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ecosystem.name())?;
        if !self.release.is_empty() {
            write!(f, "/{}", self.release)?;
        }
        Ok(())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, release) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self {
            ecosystem: Ecosystem::of_purl_type(name).ok_or(())?,
            release: release.to_owned(),
        })
    }
}

/// One advisory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisory {
    /// `RUSTSEC-2026-0101`.
    pub id: String,
    /// Other names of the same thing.
    pub aliases: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// What it is about.
    pub kind: AdvisoryKind,
    /// When it was published or last changed, if known.
    pub date: Option<Date>,
}

/// Which versions of one package an advisory is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Ranges; inside any of them means affected.
    pub ranges: Vec<Range>,
    /// Single versions, beside the ranges.
    pub versions: Vec<String>,
}

/// Events along the order of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// In any order.
    pub events: Vec<Event>,
}

/// One event of a range (OSV schema, `events`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// From this version on not affected any more.
    Fixed(String),
    /// From this version on affected; `0` is before every version.
    Introduced(String),
    /// After this version not affected any more.
    LastAffected(String),
}

impl Event {
    /// The version at which it happens.
    pub fn version(&self) -> &str {
        match self {
            Self::Fixed(version) | Self::Introduced(version) | Self::LastAffected(version) => {
                version
            }
        }
    }
}

/// Where the data of one scope comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// What it covers.
    pub scope: Scope,
    /// Its name: `osv`, `debian-security-tracker`.
    pub name: String,
    /// The newest date in it.
    pub date: Date,
    /// How many advisories it has.
    pub advisories: u64,
}
