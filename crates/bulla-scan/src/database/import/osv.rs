//! OSV records (schema 1.x), from an `all.zip` or a folder of JSON files.
//!
//! Withdrawn records are left out. The severity is computed from the CVSS vectors
//! (the worst counts), or taken from the word in `database_specific`. Single
//! versions that a range already holds are dropped; ranges over git commits say
//! nothing about versions. A record that cannot be parsed stops the import.

use bulla_core::{Severity, limits};
use bulla_inventory::{Ecosystem, version};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use std::{fs, io, path::Path};

use super::super::{Advisory, AdvisoryKind, Affected, Builder, DatabaseError, Event, Range, Scope};
use super::{malformed, read_error};
use crate::matcher;

/// The largest record, in bytes.
const MAX_RECORD_BYTES: u64 = 16 << 20;
/// The most records of one source.
const MAX_RECORDS: usize = 2_000_000;
/// Bytes of all records of one source.
const MAX_TOTAL_BYTES: u64 = 16 << 30;

/// Adds every record of an archive or folder; says how many.
///
/// # Errors
/// If it cannot be read, is beyond a bound, or holds a malformed record.
pub fn import(path: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let count = if path.is_dir() {
        import_folder(path, builder)?
    } else {
        import_zip(path, builder)?
    };
    if count == 0 {
        let path = path.to_path_buf();
        return Err(DatabaseError::Empty { path });
    }
    Ok(count)
}

fn import_zip(path: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let file = fs::File::open(path).map_err(|source| read_error(path, source))?;
    let not_zip = |e: zip::result::ZipError| read_error(path, io::Error::other(e));
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(not_zip)?;
    check_count(archive.len())?;
    let (mut count, mut total) = (0, 0u64);
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(not_zip)?;
        let name = entry.name().map_err(not_zip)?.into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let packed = entry.last_modified().and_then(|time| {
            let (month, day) = (i8::try_from(time.month()), i8::try_from(time.day()));
            Date::new(i16::try_from(time.year()).ok()?, month.ok()?, day.ok()?).ok()
        });
        let bytes = limits::read_bounded(entry, MAX_RECORD_BYTES, "OSV record")?;
        total += bytes.len() as u64;
        check_total(total)?;
        add(&bytes, packed, builder).map_err(|reason| malformed(path, &name, reason))?;
        count += 1;
    }
    Ok(count)
}

fn import_folder(root: &Path, builder: &mut Builder) -> Result<usize, DatabaseError> {
    let mut todo = vec![root.to_path_buf()];
    let (mut count, mut total) = (0, 0u64);
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| read_error(&folder, source))? {
            let entry = entry.map_err(|source| read_error(&folder, source))?;
            let path = entry.path();
            let kind = entry
                .file_type()
                .map_err(|source| read_error(&path, source))?;
            if kind.is_dir() {
                todo.push(path);
                continue;
            }
            if !kind.is_file() || path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let file = fs::File::open(&path).map_err(|source| read_error(&path, source))?;
            let bytes = limits::read_bounded(file, MAX_RECORD_BYTES, "OSV record")?;
            total += bytes.len() as u64;
            check_total(total)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            add(&bytes, None, builder).map_err(|reason| malformed(root, &name, reason))?;
            count += 1;
            check_count(count)?;
        }
    }
    Ok(count)
}

fn check_count(count: usize) -> Result<(), DatabaseError> {
    if count > MAX_RECORDS {
        let (what, limit) = ("number of OSV records", MAX_RECORDS as u64);
        return Err(limits::LimitError::Size { what, limit }.into());
    }
    Ok(())
}

fn check_total(total: u64) -> Result<(), DatabaseError> {
    if total > MAX_TOTAL_BYTES {
        let (what, limit) = ("OSV archive", MAX_TOTAL_BYTES);
        return Err(limits::LimitError::Size { what, limit }.into());
    }
    Ok(())
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    modified: Option<String>,
    published: Option<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    affected: Option<Vec<AffectedPackage>>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct AffectedPackage {
    package: Option<PackageName>,
    #[serde(default)]
    ranges: Option<Vec<RawRange>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    database_specific: Value,
    #[serde(default)]
    ecosystem_specific: Value,
}

#[derive(Deserialize)]
struct PackageName {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// Adds one record. `packed` is the day on which its archive was made: it counts
/// as the date of the data where a record states none.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub fn add(bytes: &[u8], packed: Option<Date>, builder: &mut Builder) -> Result<(), String> {
    let record: Record = limits::parse_json(bytes, MAX_RECORD_BYTES, "OSV record")
        .map_err(|error| error.to_string())?;
    if record.id.is_empty() || record.id.len() > 200 {
        return Err("it has no usable id".into());
    }
    let date = [&record.modified, &record.published]
        .into_iter()
        .filter_map(|text| day(text.as_deref()?))
        .max();
    let withdrawn = record.withdrawn.is_some();
    let mut affected = Vec::new();
    for package in record.affected.iter().flatten() {
        let Some(name) = &package.package else {
            continue;
        };
        let Some(scope) = scope_of_osv(&name.ecosystem) else {
            continue;
        };
        builder.covers(scope.clone(), "osv", date.or(packed));
        if withdrawn {
            continue;
        }
        let facts = facts(package, &scope);
        affected.push((scope, name.name.clone(), facts));
    }
    if affected.is_empty() {
        return Ok(());
    }
    let kind = kind_of(&record);
    let advisory = Advisory {
        severity: severity_of(&record, kind),
        aliases: record.aliases.unwrap_or_default(),
        id: record.id,
        kind,
        date,
    };
    builder.add(advisory, affected);
    Ok(())
}

/// The ecosystem of an OSV name (`crates.io`, `Debian:12`), with its release.
fn scope_of_osv(name: &str) -> Option<Scope> {
    let (base, release) = name.split_once(':').unwrap_or((name, ""));
    let ecosystem = match base {
        "Alpine" => Ecosystem::Apk,
        "Debian" => Ecosystem::Deb,
        "Go" => Ecosystem::Golang,
        "PyPI" => Ecosystem::Pypi,
        "crates.io" => Ecosystem::Cargo,
        "npm" => Ecosystem::Npm,
        _ => return None,
    };
    let release = match ecosystem {
        Ecosystem::Apk => format!("alpine-{}", release.trim_start_matches('v')),
        Ecosystem::Deb => format!("debian-{release}"),
        _ => String::new(),
    };
    Some(Scope { ecosystem, release })
}

/// The day of a time stamp. Some sources write the year 1 for "unknown".
fn day(text: &str) -> Option<Date> {
    let time: Timestamp = text.parse().ok()?;
    let date = time.to_zoned(TimeZone::UTC).date();
    (date.year() >= 1990).then_some(date)
}

fn facts(package: &AffectedPackage, scope: &Scope) -> Affected {
    let mut facts = Affected::default();
    for raw in package.ranges.iter().flatten().filter(|r| r.kind != "GIT") {
        let mut events = Vec::new();
        for event in &raw.events {
            events.extend(event.introduced.clone().map(Event::Introduced));
            // A limit says where looking ends; nothing from there on is affected.
            let fixed = event
                .fixed
                .clone()
                .or(event.limit.clone().filter(|l| l != "*"));
            events.extend(fixed.map(Event::Fixed));
            events.extend(event.last_affected.clone().map(Event::LastAffected));
        }
        facts.ranges.push(Range { events });
    }
    let listed = package.versions.clone().unwrap_or_default();
    let covered = |version: &String| {
        let inside = matcher::in_ranges(scope.ecosystem, &facts.ranges, version);
        inside == Some(true)
    };
    let mut versions: Vec<String> = listed.into_iter().filter(|v| !covered(v)).collect();
    versions.sort_by(|a, b| {
        let order = version::compare(scope.ecosystem, a, b);
        order
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| a.cmp(b))
    });
    versions.dedup();
    facts.versions = versions;
    facts
}

fn kind_of(record: &Record) -> AdvisoryKind {
    let specific = || {
        record
            .affected
            .iter()
            .flatten()
            .map(|a| &a.database_specific)
    };
    let says = |key: &str, word: &str| {
        specific().any(|value| match value.get(key) {
            Some(Value::Array(list)) => list.iter().any(|v| v == word),
            Some(value) => value == word,
            None => false,
        })
    };
    let malicious = record.id.starts_with("MAL-")
        || says("categories", "malicious")
        || record.summary.contains("malicious code");
    match () {
        () if malicious => AdvisoryKind::Malicious,
        () if says("informational", "unmaintained") => AdvisoryKind::Unmaintained,
        () if says("informational", "unsound") => AdvisoryKind::Unsound,
        () if says("informational", "notice") => AdvisoryKind::Notice,
        () => AdvisoryKind::Vulnerability,
    }
}

fn severity_of(record: &Record, kind: AdvisoryKind) -> Severity {
    let packages = || record.affected.iter().flatten();
    let top = record.severity.iter().flatten();
    let each = packages().flat_map(|a| a.severity.iter().flatten());
    let vectors = top.chain(each).map(|s| s.score.as_str());
    let own = packages().filter_map(|a| a.database_specific.get("cvss")?.as_str());
    let computed = vectors.chain(own).filter_map(severity_of_vector).max();
    let word = |value: &Value| value.get("severity")?.as_str().and_then(severity_of_word);
    let stated = std::iter::once(&record.database_specific)
        .chain(packages().map(|a| &a.database_specific))
        .chain(packages().map(|a| &a.ecosystem_specific))
        .filter_map(word)
        .max();
    let found = computed.or(stated);
    match kind {
        AdvisoryKind::Malicious => Severity::Critical,
        AdvisoryKind::Notice | AdvisoryKind::Unmaintained => found.unwrap_or(Severity::Low),
        _ => found.unwrap_or_default(),
    }
}

/// The band of a CVSS vector (2, 3.0, 3.1 or 4.0).
pub fn severity_of_vector(vector: &str) -> Option<Severity> {
    let cvss: cvss::Cvss = vector.trim().parse().ok()?;
    Some(Severity::from_score(cvss.score()))
}

fn severity_of_word(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().as_str() {
        "important" => Some(Severity::High),
        "moderate" => Some(Severity::Medium),
        "negligible" => Some(Severity::Low),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
