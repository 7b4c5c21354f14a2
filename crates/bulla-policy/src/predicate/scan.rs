//! A vulnerability scan: in-toto `vulns/v0.2`, with our `coverage` beside it.

use bulla_core::Severity;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What rules read of it.
#[derive(Clone, Debug, Deserialize)]
pub struct ScanPredicate {
    /// Who scanned, with what data, and what came of it.
    pub scanner: Scanner,
    /// What the scanner was told to pass over. It is found all the same: who may
    /// clear a finding is the policy's question, not the scanner's.
    #[serde(default)]
    pub suppressed: Vec<Found>,
    /// Which ecosystems were covered; `None` if the scan does not say.
    #[serde(default)]
    pub coverage: Option<Vec<Covered>>,
}

/// `scanner`.
#[derive(Clone, Debug, Deserialize)]
pub struct Scanner {
    /// The advisory data.
    pub db: Database,
    /// What was found. Must be there, even when it is empty.
    pub result: Vec<Found>,
}

/// `scanner.db`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Its digest or version.
    #[serde(default)]
    pub version: Option<String>,
    /// Its date.
    #[serde(default)]
    pub last_update: Option<Timestamp>,
}

/// One finding.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    /// The advisory.
    pub id: String,
    /// How bad, by one or more methods.
    #[serde(default)]
    pub severity: Vec<Scored>,
    /// The packages it is about.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

/// One severity.
#[derive(Clone, Debug, Deserialize)]
pub struct Scored {
    /// By which method.
    #[serde(default)]
    pub method: String,
    /// A name, or a CVSS base score.
    pub score: Value,
}

/// One package of a finding.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// The package.
    #[serde(default)]
    pub purl: Option<String>,
    /// The first version without it.
    #[serde(default)]
    pub fixed_in: Option<String>,
    /// Other names of the advisory.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// One ecosystem.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Covered {
    /// Its name.
    pub ecosystem: String,
    /// How many components belong to it.
    pub components: u64,
    /// Whether there was data.
    pub covered: bool,
}

impl ScanPredicate {
    /// Everything that was found.
    pub fn found(&self) -> impl Iterator<Item = &Found> {
        self.scanner.result.iter().chain(&self.suppressed)
    }
}

impl Found {
    /// The worst of its severities; `Unknown` if it names none.
    ///
    /// # Errors
    /// With the score that is neither a name nor a number from 0 to 10.
    pub fn worst(&self) -> Result<Severity, String> {
        let mut worst = Severity::Unknown;
        for scored in &self.severity {
            worst = worst.max(band(&scored.score)?);
        }
        Ok(worst)
    }

    /// Its identifier and every alias.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.annotations.iter().flat_map(|a| &a.aliases);
        std::iter::once(self.id.as_str()).chain(aliases.map(String::as_str))
    }
}

fn band(score: &Value) -> Result<Severity, String> {
    let number = match score {
        Value::String(name) if name.eq_ignore_ascii_case("moderate") => {
            return Ok(Severity::Medium);
        }
        Value::String(name) => match name.parse::<Severity>() {
            Ok(severity) => return Ok(severity),
            Err(_) => name.parse::<f64>().ok(),
        },
        other => other.as_f64(),
    };
    number
        .filter(|n| (0.0..=10.0).contains(n))
        .map(Severity::from_score)
        .ok_or_else(|| crate::text::clean(&score.to_string()))
}
