//! What is in something: inventories, scans, VEX, and cosign's free form.
//!
//! Documents with a parser of their own in other crates are only told apart and
//! counted here.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{PredicateError, typed};

/// An SPDX document.
#[derive(Clone, Debug, PartialEq)]
pub enum Spdx {
    /// JSON: its version and how many packages it lists.
    Json {
        /// `spdxVersion`, or the context of version 3.
        version: String,
        /// Packages listed.
        packages: usize,
    },
    /// Tag-value text, as cosign attests it under `spdx`.
    TagValue(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpdxJson {
    spdx_version: Option<String>,
    #[serde(rename = "@context")]
    context: Option<String>,
    #[serde(default)]
    packages: Option<Vec<Value>>,
}

impl Spdx {
    pub(super) fn read(kind: &str, value: &Value) -> Result<Self, PredicateError> {
        let no = |detail: &str| PredicateError::Unreadable {
            kind: kind.to_owned(),
            detail: detail.to_owned(),
        };
        if let Value::String(text) = value {
            return if text.contains("SPDXVersion:") {
                Ok(Self::TagValue(text.clone()))
            } else {
                Err(no("the text has no SPDXVersion"))
            };
        }
        let json: SpdxJson = typed(kind, value)?;
        let version = json.spdx_version.or(json.context);
        Ok(Self::Json {
            version: version.ok_or_else(|| no("it has no spdxVersion"))?,
            packages: json.packages.unwrap_or_default().len(),
        })
    }
}

/// A CycloneDX document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CycloneDx {
    /// `CycloneDX`.
    pub bom_format: CycloneDxFormat,
    /// The version of the format.
    pub spec_version: String,
    /// Its own name.
    #[serde(default)]
    pub serial_number: Option<String>,
    /// The components listed.
    #[serde(default)]
    pub components: Option<Vec<Value>>,
}

/// The one value of `bomFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum CycloneDxFormat {
    /// It.
    CycloneDX,
}

/// A vulnerability scan: cosign's form, version 1, and in-toto's, version 0.2.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Vuln {
    /// What scanned, with which data, and what it found.
    pub scanner: VulnScanner,
    /// When.
    pub metadata: VulnMetadata,
}

/// What scanned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VulnScanner {
    /// The scanner.
    pub uri: String,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// Its data.
    #[serde(default)]
    pub db: Option<VulnDatabase>,
    /// The findings: a list in in-toto's form, the scanner's own in cosign's. Not
    /// being there is not the same as finding nothing.
    pub result: Value,
}

/// The data of a scan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VulnDatabase {
    /// Where it is from.
    #[serde(default)]
    pub uri: Option<String>,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// How new it is.
    #[serde(default)]
    pub last_update: Option<Timestamp>,
}

/// When a scan ran.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VulnMetadata {
    /// When it began.
    #[serde(default)]
    pub scan_started_on: Option<Timestamp>,
    /// When it ended: what a policy holds its age against.
    pub scan_finished_on: Timestamp,
}

/// An OpenVEX document.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct OpenVex {
    /// Its own name.
    #[serde(rename = "@id")]
    pub id: String,
    /// Who says it.
    pub author: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// What is said, one by one.
    pub statements: Vec<Value>,
}

/// Free text or JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CosignCustom {
    /// What was attested: a text, or JSON.
    pub data: Value,
    /// When.
    #[serde(default)]
    pub timestamp: Option<String>,
}
