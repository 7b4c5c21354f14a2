//! Which advisories apply to which components.
//!
//! A version is affected if it is listed, or if it lies inside a range by the
//! walk over its events that the OSV schema describes. Distribution packages are
//! matched by source package and source version. A version that has no place in
//! the order of its ecosystem is *undecidable*, and reported as such.

use bulla_core::{Finding, Severity};
use bulla_inventory::{Component, Ecosystem, Inventory, version};
use jiff::Timestamp;
use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    database::{Advisory, AdvisoryKind, Affected, Database, DatabaseError, Event, Range, Scope},
    report::{Coverage, DatabaseInfo, Match, ScanReport},
};

/// Whether a version is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Affected {
        /// The first later version without it, if one is known.
        fixed_in: Option<String>,
    },
    /// It is not.
    Unaffected,
    /// The version, or one in the advisory, is none of that ecosystem.
    Undecidable,
}

/// Checks one version against what an advisory says about the package.
pub fn check(ecosystem: Ecosystem, affected: &Affected, installed: &str) -> Verdict {
    let listed = affected.versions.iter().any(|listed| {
        listed == installed
            || version::compare(ecosystem, listed, installed) == Some(Ordering::Equal)
    });
    if listed {
        return Verdict::Affected {
            fixed_in: fix_after(ecosystem, &affected.ranges, installed),
        };
    }
    match in_ranges(ecosystem, &affected.ranges, installed) {
        Some(true) => Verdict::Affected {
            fixed_in: fix_after(ecosystem, &affected.ranges, installed),
        },
        Some(false) => Verdict::Unaffected,
        None => Verdict::Undecidable,
    }
}

/// Whether a version lies inside any of the ranges; `None` if a version among
/// them has no order. A range that begins at `0` and never ends needs no order.
pub(crate) fn in_ranges(ecosystem: Ecosystem, ranges: &[Range], version: &str) -> Option<bool> {
    let mut undecidable = false;
    for range in ranges {
        match in_range(ecosystem, range, version) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => undecidable = true,
        }
    }
    (!undecidable).then_some(false)
}

fn in_range(ecosystem: Ecosystem, range: &Range, installed: &str) -> Option<bool> {
    let from_start = |event: &Event| matches!(event, Event::Introduced(v) if v == "0");
    if !range.events.is_empty() && range.events.iter().all(from_start) {
        return Some(true);
    }
    // Where each event lies relative to the installed version.
    let mut events = Vec::with_capacity(range.events.len());
    for event in &range.events {
        let order = if from_start(event) {
            Ordering::Less
        } else {
            version::compare(ecosystem, event.version(), installed)?
        };
        events.push((event, order));
    }
    events.sort_by(|(a, _), (b, _)| match (from_start(a), from_start(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => version::compare(ecosystem, a.version(), b.version()).unwrap_or(Ordering::Equal),
    });
    let mut affected = false;
    for (event, order) in events {
        match event {
            Event::Introduced(_) if order.is_le() => affected = true,
            Event::Fixed(_) if order.is_le() => affected = false,
            Event::LastAffected(_) if order.is_lt() => affected = false,
            _ => {}
        }
    }
    Some(affected)
}

/// The lowest fixed version above `installed`.
fn fix_after(ecosystem: Ecosystem, ranges: &[Range], installed: &str) -> Option<String> {
    let fixes = ranges
        .iter()
        .flat_map(|r| &r.events)
        .filter_map(|event| match event {
            Event::Fixed(fixed) => Some(fixed),
            _ => None,
        });
    fixes
        .filter(|fixed| version::compare(ecosystem, fixed, installed) == Some(Ordering::Greater))
        .min_by(|a, b| version::compare(ecosystem, a, b).unwrap_or(Ordering::Equal))
        .cloned()
}

/// Holds every component against the database.
///
/// # Errors
/// [`DatabaseError::Damaged`] if the database turns out not to be readable.
pub fn scan(
    database: &Database,
    inventory: &Inventory,
    now: Timestamp,
) -> Result<ScanReport, DatabaseError> {
    let mut coverage: BTreeMap<String, Coverage> = BTreeMap::new();
    let mut findings = Vec::new();
    for component in &inventory.components {
        // What was never published has no advisories, and what a distribution
        // brought is counted as the distribution's package.
        let Some(purl) = component
            .purl
            .as_ref()
            .filter(|_| component.part_of.is_none())
        else {
            continue;
        };
        let scope = component.ecosystem.map(|ecosystem| Scope {
            release: match ecosystem.is_distribution() {
                true => component.release.clone().unwrap_or_default(),
                false => String::new(),
            },
            ecosystem,
        });
        let name = scope
            .as_ref()
            .map_or(purl.kind().to_owned(), Scope::to_string);
        let source = scope.as_ref().and_then(|scope| database.coverage(scope));
        let entry = coverage.entry(name).or_insert_with(|| Coverage {
            ecosystem: purl.kind().to_owned(),
            release: scope
                .as_ref()
                .map(|s| s.release.clone())
                .filter(|r| !r.is_empty()),
            components: 0,
            covered: source.is_some(),
            data_date: source.map(|source| source.date),
        });
        entry.components += 1;
        if let Some(scope) = scope.filter(|_| source.is_some()) {
            findings.extend(match_component(database, component, &scope)?);
        }
    }
    findings.sort_by(|a: &Match, b: &Match| {
        let key = |m: &Match| (std::cmp::Reverse(m.finding.severity), m.name.clone());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.finding.id.cmp(&b.finding.id))
    });
    Ok(ScanReport {
        findings,
        suppressed: Vec::new(),
        coverage: coverage.into_values().collect(),
        database: DatabaseInfo {
            name: database.name().to_owned(),
            digest: database.digest().clone(),
            date: database.date(),
        },
        started: now,
        finished: now,
    })
}

/// An advisory that applies, or might.
struct Hit<'a> {
    advisory: &'a Advisory,
    fixed_in: Option<String>,
    decided: bool,
}

fn match_component(
    database: &Database,
    component: &Component,
    scope: &Scope,
) -> Result<Vec<Match>, DatabaseError> {
    let source = component
        .source
        .as_ref()
        .filter(|_| scope.ecosystem.is_distribution());
    let name = source.map_or(&component.name, |source| &source.name);
    let installed = match source {
        Some(source) => source.version.as_str(),
        None => component.version.as_deref().unwrap_or_default(),
    };
    let mut hits = Vec::new();
    for (advisory, affected) in database.look_up(scope, name)? {
        match check(scope.ecosystem, &affected, installed) {
            Verdict::Affected { fixed_in } => hits.push(Hit {
                advisory,
                fixed_in,
                decided: true,
            }),
            Verdict::Unaffected => {}
            Verdict::Undecidable => hits.push(Hit {
                advisory,
                fixed_in: None,
                decided: false,
            }),
        }
    }
    let groups = group(hits).into_iter();
    Ok(groups
        .map(|group| describe(&group, component, scope.ecosystem))
        .collect())
}

/// Hits that are other names of each other, together.
fn group(hits: Vec<Hit<'_>>) -> Vec<Vec<Hit<'_>>> {
    let mut groups: Vec<Vec<Hit<'_>>> = Vec::new();
    for hit in hits {
        let same =
            |other: &Hit<'_>| names(other.advisory).any(|n| names(hit.advisory).any(|m| m == n));
        let (mut joined, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(same));
        groups = others;
        let mut whole: Vec<Hit<'_>> = joined.drain(..).flatten().collect();
        whole.push(hit);
        groups.push(whole);
    }
    groups
}

fn names(advisory: &Advisory) -> impl Iterator<Item = &str> {
    let aliases = advisory.aliases.iter().map(String::as_str);
    std::iter::once(shown_id(advisory)).chain(aliases)
}

/// Advisories that differ by release carry it after an `@`.
fn shown_id(advisory: &Advisory) -> &str {
    advisory.id.split('@').next().unwrap_or(&advisory.id)
}

/// One finding for a group of hits.
fn describe(group: &[Hit<'_>], component: &Component, ecosystem: Ecosystem) -> Match {
    let mut ids: Vec<&str> = group.iter().flat_map(|hit| names(hit.advisory)).collect();
    ids.sort_unstable();
    ids.dedup();
    // A database's own id before those that many share.
    let own = group.iter().map(|hit| shown_id(hit.advisory));
    let rank = |id: &str| {
        (
            id.starts_with("CVE-"),
            id.starts_with("GHSA-"),
            id.to_owned(),
        )
    };
    let id = own.min_by_key(|id| rank(id)).unwrap_or_default().to_owned();
    let severity = group.iter().map(|hit| hit.advisory.severity).max();
    let kind = group
        .iter()
        .map(|hit| hit.advisory.kind)
        .min_by_key(|kind| weight(*kind));
    let kind = kind.unwrap_or_default();
    let decided = group.iter().any(|hit| hit.decided);
    let fixed_in = if group.iter().all(|hit| hit.fixed_in.is_some()) {
        let fixes = group.iter().filter_map(|hit| hit.fixed_in.clone());
        fixes.max_by(|a, b| version::compare(ecosystem, a, b).unwrap_or(Ordering::Equal))
    } else {
        None
    };
    let version = component.version.clone().unwrap_or_default();
    let end = match (&fixed_in, decided, kind) {
        (_, false, _) => "perhaps: its version cannot be ordered".to_owned(),
        (Some(fixed), ..) => format!("fixed in {fixed}"),
        (None, _, AdvisoryKind::Vulnerability | AdvisoryKind::Unsound) => {
            "no fixed version is known".to_owned()
        }
        _ => "use something else".to_owned(),
    };
    Match {
        finding: Finding {
            aliases: ids
                .into_iter()
                .filter(|other| *other != id)
                .map(str::to_owned)
                .collect(),
            id,
            severity: severity.unwrap_or(Severity::Unknown),
            purl: component.purl.as_ref().map(ToString::to_string),
            location: component.found_in.first().cloned(),
            title: format!("{} {version}: {kind}, {end}", component.name),
            fixed_in,
        },
        kind,
        name: component.name.clone(),
        version,
        origin: Some(component.origin),
        decided,
    }
}

/// What matters most first.
fn weight(kind: AdvisoryKind) -> u8 {
    match kind {
        AdvisoryKind::Malicious => 0,
        AdvisoryKind::Vulnerability => 1,
        AdvisoryKind::Unsound => 2,
        AdvisoryKind::Unmaintained => 3,
        AdvisoryKind::Notice => 4,
    }
}

#[cfg(test)]
mod tests;
