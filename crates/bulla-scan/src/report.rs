//! What a scan found, and what it could look at.
//!
//! As a document it is the predicate of an in-toto *vulns* attestation, version
//! 0.2, with one addition: `coverage`. An ecosystem without data is never "no
//! findings", it is not covered. A finding that a VEX statement settles stays
//! among the results, with the statement beside it: who reads the report decides
//! whether to believe it.

use bulla_core::{Code, Diagnose, Digest, Finding, Severity};
use bulla_inventory::Origin;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{database::AdvisoryKind, vex::Suppression};

const SCANNER: &str = "https://bulla.dev/scanner";
const DATABASE: &str = "https://bulla.dev/database/";
const METHOD: &str = "bulla";

/// The outcome of a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanReport {
    /// What was found, worst first.
    pub findings: Vec<Match>,
    /// What was found and is settled by a VEX statement.
    pub suppressed: Vec<(Match, Suppression)>,
    /// What could be looked at, per ecosystem.
    pub coverage: Vec<Coverage>,
    /// What it was held against.
    pub database: DatabaseInfo,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// One component and one weakness of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The finding as all scanners of bulla word it.
    pub finding: Finding,
    /// What the advisory is about.
    pub kind: AdvisoryKind,
    /// Name of the component.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where the component was seen; a stored report does not say.
    pub origin: Option<Origin>,
    /// `false` if the version could not be ordered: perhaps affected.
    pub decided: bool,
}

/// How far one ecosystem could be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// `cargo`, `deb`, or a purl type that is not known here.
    pub ecosystem: String,
    /// Release of the distribution: `debian-12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Components of it.
    pub components: usize,
    /// Whether there is data.
    pub covered: bool,
    /// The newest date of that data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_date: Option<Date>,
}

/// What a scan was held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// `embedded`, or the name of the file.
    pub name: String,
    /// Its identity.
    pub digest: Digest,
    /// The newest date of its data.
    pub date: Option<Date>,
}

impl Coverage {
    /// `cargo`, `deb/debian-12`.
    pub fn name(&self) -> String {
        match &self.release {
            Some(release) => format!("{}/{release}", self.ecosystem),
            None => self.ecosystem.clone(),
        }
    }
}

impl ScanReport {
    /// How many findings of each severity there are, worst first.
    pub fn counts(&self) -> [(Severity, usize); 5] {
        Severity::ALL.map(|severity| {
            let of = |m: &&Match| m.finding.severity == severity;
            (severity, self.findings.iter().filter(of).count())
        })
    }

    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|m| m.finding.severity).max()
    }

    /// Findings at or above that severity.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Match> {
        self.findings
            .iter()
            .filter(move |m| m.finding.severity >= severity)
    }

    /// Ecosystems that could not be looked at.
    pub fn uncovered(&self) -> impl Iterator<Item = &Coverage> {
        self.coverage.iter().filter(|coverage| !coverage.covered)
    }

    /// Whether there were components, and data for all of them.
    pub fn is_covered(&self) -> bool {
        !self.coverage.is_empty() && self.uncovered().next().is_none()
    }

    /// One line for people: counts, date of the data, what it covers and what not.
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let count = |wanted| {
            counts
                .iter()
                .find(|(s, _)| *s == wanted)
                .map_or(0, |(_, n)| *n)
        };
        let mut line = format!(
            "{} critical, {} high, {} medium, {} low",
            count(Severity::Critical),
            count(Severity::High),
            count(Severity::Medium),
            count(Severity::Low)
        );
        if count(Severity::Unknown) > 0 {
            line.push_str(&format!(", {} unrated", count(Severity::Unknown)));
        }
        if !self.suppressed.is_empty() {
            line.push_str(&format!(", {} settled by VEX", self.suppressed.len()));
        }
        if let Some(date) = self.database.date {
            line.push_str(&format!(" · data of {date}"));
        }
        let names = |covered| {
            let of = |c: &&Coverage| c.covered == covered;
            let names: Vec<String> = self
                .coverage
                .iter()
                .filter(of)
                .map(Coverage::name)
                .collect();
            names.join(", ")
        };
        let (covered, uncovered) = (names(true), names(false));
        if !covered.is_empty() {
            line.push_str(&format!(", covers {covered}"));
        }
        if !uncovered.is_empty() {
            line.push_str(&format!(", no data for {uncovered}"));
        }
        line
    }

    /// The predicate of an in-toto vulns attestation, version 0.2.
    pub fn predicate(&self) -> Value {
        let date = self
            .database
            .date
            .and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        let settled = self
            .suppressed
            .iter()
            .map(|(m, by)| Entry::of(m, Some(by.clone())));
        let document = Predicate {
            scanner: Scanner {
                uri: SCANNER.into(),
                version: env!("CARGO_PKG_VERSION").into(),
                db: Db {
                    uri: format!("{DATABASE}{}", self.database.name),
                    version: self.database.digest.to_string(),
                    last_update: date.map(|date| date.timestamp()),
                },
                result: self
                    .findings
                    .iter()
                    .map(|m| Entry::of(m, None))
                    .chain(settled)
                    .collect(),
            },
            metadata: Metadata {
                scan_started_on: self.started,
                scan_finished_on: self.finished,
            },
            coverage: self.coverage.clone(),
        };
        serde_json::to_value(document).unwrap_or_default()
    }

    /// Reads a predicate of ours, or of any tool that fills the same fields.
    ///
    /// # Errors
    /// [`ReportError`] if a field is missing or malformed.
    pub fn from_predicate(predicate: &Value) -> Result<Self, ReportError> {
        let document = Predicate::deserialize(predicate)?;
        let digest = document.scanner.db.version.parse();
        let name = &document.scanner.db.uri;
        let last_update = document.scanner.db.last_update;
        let (mut findings, mut suppressed) = (Vec::new(), Vec::new());
        for entry in document.scanner.result {
            for (found, vex) in entry.matches()? {
                match vex {
                    Some(vex) => suppressed.push((found, vex)),
                    None => findings.push(found),
                }
            }
        }
        Ok(Self {
            findings,
            suppressed,
            coverage: document.coverage,
            database: DatabaseInfo {
                name: name.strip_prefix(DATABASE).unwrap_or(name).to_owned(),
                digest: digest.map_err(|_| ReportError::Digest)?,
                date: last_update.map(|time| time.to_zoned(TimeZone::UTC).date()),
            },
            started: document.metadata.scan_started_on,
            finished: document.metadata.scan_finished_on,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    scanner: Scanner,
    metadata: Metadata,
    #[serde(default)]
    coverage: Vec<Coverage>,
}

#[derive(Serialize, Deserialize)]
struct Scanner {
    uri: String,
    version: String,
    db: Db,
    result: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Db {
    uri: String,
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_update: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    scan_started_on: Timestamp,
    scan_finished_on: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    severity: Vec<Score>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Serialize, Deserialize)]
struct Score {
    method: String,
    score: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Annotation {
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_in: Option<String>,
    aliases: Vec<String>,
    name: String,
    version: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    undecided: bool,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vex: Option<Suppression>,
}

impl Entry {
    fn of(found: &Match, vex: Option<Suppression>) -> Self {
        let finding = &found.finding;
        Self {
            id: finding.id.clone(),
            severity: vec![Score {
                method: METHOD.into(),
                score: finding.severity.to_string(),
            }],
            annotations: vec![Annotation {
                purl: finding.purl.clone(),
                fixed_in: finding.fixed_in.clone(),
                aliases: finding.aliases.clone(),
                name: found.name.clone(),
                version: found.version.clone(),
                kind: found.kind.to_string(),
                location: finding.location.clone(),
                undecided: !found.decided,
                title: finding.title.clone(),
                vex,
            }],
        }
    }

    /// One match for each annotation; an entry without any is still a finding.
    fn matches(self) -> Result<Vec<(Match, Option<Suppression>)>, ReportError> {
        let mut worst = None;
        for score in &self.severity {
            let severity = score.score.parse::<Severity>();
            worst = worst.max(Some(severity.map_err(|_| ReportError::Severity)?));
        }
        let severity = worst.ok_or(ReportError::Severity)?;
        let mut annotations = self.annotations;
        if annotations.is_empty() {
            annotations.push(Annotation::default());
        }
        let id = self.id;
        let matches = annotations.into_iter().map(|annotation| {
            let found = Match {
                finding: Finding {
                    id: id.clone(),
                    aliases: annotation.aliases,
                    severity,
                    purl: annotation.purl,
                    location: annotation.location,
                    fixed_in: annotation.fixed_in,
                    title: annotation.title,
                },
                kind: AdvisoryKind::parse(&annotation.kind).unwrap_or_default(),
                name: annotation.name,
                version: annotation.version,
                origin: None,
                decided: !annotation.undecided,
            };
            (found, annotation.vex)
        });
        Ok(matches.collect())
    }
}

/// Why a predicate is no scan report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The database has no digest.
    #[error("the scan report does not name its database by digest")]
    Digest,
    /// A field is missing or of another type.
    #[error("the scan report is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A severity that is none.
    #[error("a finding of the scan report has no severity that is known")]
    Severity,
}

impl Diagnose for ReportError {
    fn code(&self) -> Code {
        match self {
            Self::Digest => Code("SCAN-0020"),
            Self::Malformed(_) => Code("SCAN-0021"),
            Self::Severity => Code("SCAN-0022"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("scan the image again with `bulla scan`, and attest the new report".into())
    }
}

#[cfg(test)]
pub(crate) mod tests;
