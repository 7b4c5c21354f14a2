//! Collects advisories from any number of sources, and lays them out as a
//! database: sorted, so that the same facts give the same bytes.

use bulla_core::Digest;
use jiff::civil::Date;
use std::collections::BTreeMap;

use super::{
    Database, DatabaseError,
    record::{Advisory, Affected, Scope, Source},
    wire::Writer,
};

/// Scope, name of the package, versions.
pub type AffectedPackage = (Scope, String, Affected);

/// Collects advisories and makes a database of them.
#[derive(Default)]
pub struct Builder {
    advisories: BTreeMap<String, (Advisory, Vec<AffectedPackage>)>,
    sources: BTreeMap<Scope, (String, Option<Date>)>,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// States that a scope is covered by a source of that name, even if nothing
    /// in it turns out to be affected. The newest date given counts.
    pub fn covers(&mut self, scope: Scope, name: &str, date: Option<Date>) {
        let known = self
            .sources
            .entry(scope)
            .or_insert_with(|| (name.to_owned(), None));
        known.1 = known.1.max(date);
    }

    /// Adds an advisory with what it affects; one of the same id is replaced if
    /// the new one is not older.
    pub fn add(&mut self, advisory: Advisory, affected: Vec<AffectedPackage>) {
        let older = self
            .advisories
            .get(&advisory.id)
            .is_some_and(|(known, _)| known.date > advisory.date);
        if !older {
            self.advisories
                .insert(advisory.id.clone(), (advisory, affected));
        }
    }

    /// Adds what an advisory affects to what is known under its id.
    pub fn extend(&mut self, advisory: Advisory, affected: Vec<AffectedPackage>) {
        let id = advisory.id.clone();
        let known = self
            .advisories
            .entry(id)
            .or_insert_with(|| (advisory, Vec::new()));
        known.1.extend(affected);
    }

    /// The database; a scope without a date counts as of 1970.
    ///
    /// # Errors
    /// If it would be too large.
    pub fn build(self, name: &str) -> Result<Database, DatabaseError> {
        let mut per_scope: BTreeMap<&Scope, u64> = BTreeMap::new();
        for (_, affected) in self.advisories.values() {
            let mut scopes: Vec<&Scope> = affected.iter().map(|(scope, ..)| scope).collect();
            scopes.sort();
            scopes.dedup();
            for scope in scopes {
                *per_scope.entry(scope).or_default() += 1;
            }
        }
        let numbers: BTreeMap<&Scope, usize> = self.sources.keys().zip(0..).collect();
        let mut writer = Writer::default();
        writer.count(self.sources.len());
        for (scope, (name, date)) in &self.sources {
            writer.source(&Source {
                scope: scope.clone(),
                name: name.clone(),
                date: date.unwrap_or(Date::constant(1970, 1, 1)),
                advisories: per_scope.get(scope).copied().unwrap_or_default(),
            });
        }
        writer.count(self.advisories.len());
        let mut packages: BTreeMap<(usize, String), Vec<(usize, &Affected)>> = BTreeMap::new();
        for (index, (advisory, affected)) in self.advisories.values().enumerate() {
            writer.advisory(advisory);
            for (scope, name, affected) in affected {
                let Some(number) = numbers.get(scope) else {
                    continue;
                };
                let name = scope.ecosystem.normalize_name(name);
                packages
                    .entry((*number, name))
                    .or_default()
                    .push((index, affected));
            }
        }
        writer.count(packages.len());
        for ((scope, name), entries) in packages {
            let mut block = Writer::default();
            block.count(entries.len());
            for (index, affected) in entries {
                block.count(index);
                block.affected(affected);
            }
            writer.count(scope);
            writer.text(&name);
            writer.bytes(&block.0);
        }
        let digest = Digest::sha256(&writer.0);
        Database::index(name, writer.0, digest)
    }
}
