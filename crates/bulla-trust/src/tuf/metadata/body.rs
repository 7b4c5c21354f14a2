//! Snapshot and timestamp: which metadata belongs together, and what is newest.

use bulla_core::Digest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::{Document, MetadataError, Role, body, common, file_json, file_of, root::same};

/// One exact version of a piece of metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its version.
    pub version: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

impl Pin {
    /// Pins these bytes.
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        Self {
            version,
            length: bytes.len() as u64,
            sha256: Digest::sha256(bytes),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = file_json(self.length, &self.sha256);
        value["version"] = self.version.into();
        value
    }

    fn parse(kind: Role, value: &Value) -> Result<Self, MetadataError> {
        let (length, sha256) = file_of(kind, value)?;
        let version = value["version"].as_u64().filter(|version| *version > 0);
        Ok(Self {
            version: version.ok_or(MetadataError::Malformed {
                what: kind,
                why: "a pinned version is no positive number",
            })?,
            length,
            sha256,
        })
    }
}

/// The snapshot role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts up.
    pub version: u64,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The targets roles by name, without `.json`.
    pub roles: BTreeMap<String, Pin>,
}

impl Snapshot {
    /// Its metadata, to be signed.
    ///
    /// # Errors
    /// [`MetadataError::Write`].
    pub fn document(&self) -> Result<Document, MetadataError> {
        let pin = |(name, pin): (&String, &Pin)| (format!("{name}.json"), pin.to_json());
        let meta: Map<String, Value> = self.roles.iter().map(pin).collect();
        let fields = json!({"meta": meta});
        Document::new(body(Role::Snapshot, self.version, self.expires, fields))
    }

    /// Reads what [`Self::document`] wrote; signatures are not verified.
    ///
    /// # Errors
    /// [`MetadataError`] if it is anything else.
    pub fn read(document: &Document) -> Result<Self, MetadataError> {
        let value = document.body();
        let (version, expires) = common(Role::Snapshot, value)?;
        let mut roles = BTreeMap::new();
        for (name, pin) in value["meta"].as_object().into_iter().flatten() {
            let role = name.strip_suffix(".json").unwrap_or(name);
            roles.insert(role.to_owned(), Pin::parse(Role::Snapshot, pin)?);
        }
        let snapshot = Self {
            version,
            expires,
            roles,
        };
        same(Role::Snapshot, &snapshot.document()?, value)?;
        Ok(snapshot)
    }
}

/// The timestamp role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampRole {
    /// Counts up.
    pub version: u64,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The snapshot that is in force.
    pub snapshot: Pin,
}

impl TimestampRole {
    /// Its metadata, to be signed.
    ///
    /// # Errors
    /// [`MetadataError::Write`].
    pub fn document(&self) -> Result<Document, MetadataError> {
        let fields = json!({"meta": {"snapshot.json": self.snapshot.to_json()}});
        Document::new(body(Role::Timestamp, self.version, self.expires, fields))
    }

    /// Reads what [`Self::document`] wrote; signatures are not verified.
    ///
    /// # Errors
    /// [`MetadataError`] if it is anything else.
    pub fn read(document: &Document) -> Result<Self, MetadataError> {
        let value = document.body();
        let (version, expires) = common(Role::Timestamp, value)?;
        let timestamp = Self {
            version,
            expires,
            snapshot: Pin::parse(Role::Timestamp, &value["meta"]["snapshot.json"])?,
        };
        same(Role::Timestamp, &timestamp.document()?, value)?;
        Ok(timestamp)
    }
}
