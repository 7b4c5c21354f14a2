//! TUF metadata as one makes it: keys, roles, bodies, signatures, thresholds.
//!
//! The Update Framework 1.0, the part of who publishes. Signing is detached from
//! making: a [`Document`] takes signatures from anywhere and in any order, and
//! counts them by distinct keys (rule R1), so that a threshold of people who never
//! meet can sign the same root. Only what this very module writes is read back:
//! unknown fields, other spellings of a key id and fractions are refused. Whether
//! clients believe a repository is decided by [`super::Update`], not here.

use bulla_core::{Code, Diagnose, Digest, limits::LimitError};
use bulla_crypto::KeyError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fmt;

mod body;
mod document;
mod key;
mod root;
mod targets;

pub use body::{Pin, Snapshot, TimestampRole};
pub use document::Document;
pub use key::{RoleKeys, TufKey};
pub use root::Root;
pub use targets::{Delegation, TargetFile, Targets, check_path};

/// Largest piece of metadata that is read back, in bytes.
pub const METADATA_BYTES: u64 = 5_000_000;
/// The version of the specification that every piece names.
const SPEC_VERSION: &str = "1.0.31";

/// The four roles that every repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Says who the others are.
    Root,
    /// Says which files there are.
    Targets,
    /// Says which metadata belongs together.
    Snapshot,
    /// Says what is newest.
    Timestamp,
}

impl Role {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// As metadata writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `fields` with what every piece of metadata carries.
fn body(kind: Role, version: u64, expires: Timestamp, mut fields: Value) -> Value {
    fields["_type"] = kind.name().into();
    fields["spec_version"] = SPEC_VERSION.into();
    fields["version"] = version.into();
    fields["expires"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    fields
}

/// The common fields of a body, checked, and the rest of it.
fn common(kind: Role, value: &Value) -> Result<(u64, Timestamp), MetadataError> {
    let malformed = |why| MetadataError::Malformed { what: kind, why };
    let text = |name: &str| value[name].as_str();
    if text("_type") != Some(kind.name()) {
        return Err(malformed("it is another kind of metadata"));
    }
    if !text("spec_version").is_some_and(|version| version.starts_with("1.")) {
        return Err(malformed("it is of another version of TUF"));
    }
    let version = value["version"].as_u64().filter(|version| *version > 0);
    let version = version.ok_or_else(|| malformed("its version is no positive number"))?;
    let expires = text("expires").and_then(|text| text.parse().ok());
    Ok((
        version,
        expires.ok_or_else(|| malformed("it has no expiry"))?,
    ))
}

/// Whole seconds, as metadata writes times.
pub fn expiry(now: Timestamp, life: SignedDuration) -> Timestamp {
    let until = now.checked_add(life).unwrap_or(Timestamp::MAX);
    Timestamp::from_second(until.as_second()).unwrap_or(until)
}

/// The object form of a file's length and hash.
fn file_json(length: u64, sha256: &Digest) -> Value {
    json!({"length": length, "hashes": {"sha256": sha256.hex()}})
}

fn file_of(kind: Role, value: &Value) -> Result<(u64, Digest), MetadataError> {
    let malformed = |why| MetadataError::Malformed { what: kind, why };
    let length = value["length"].as_u64();
    let length = length.ok_or_else(|| malformed("a file in it has no length"))?;
    let hashes = value["hashes"]
        .as_object()
        .filter(|hashes| hashes.len() == 1);
    let hash = hashes.and_then(|hashes| hashes.get("sha256")?.as_str());
    let hash = hash.and_then(|hash| format!("sha256:{hash}").parse().ok());
    Ok((
        length,
        hash.ok_or_else(|| malformed("a file in it has other hashes than one SHA-256"))?,
    ))
}

/// Why metadata cannot be made, or what was made is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A signature that does not verify.
    #[error("the signature of key {key} on {what} does not verify")]
    BadSignature {
        /// On what.
        what: String,
        /// By which key, as it says.
        key: String,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Too large, too deep, or no JSON.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Not what this module writes.
    #[error("the {what} metadata cannot be used: {why}")]
    Malformed {
        /// Whose.
        what: Role,
        /// Why not.
        why: &'static str,
    },
    /// A path that no repository here may have.
    #[error("{path:?} cannot be the path of a target")]
    Path {
        /// The path.
        path: String,
    },
    /// Neither Ed25519 nor ECDSA P-256.
    #[error("a TUF key must be Ed25519 or ECDSA P-256")]
    Scheme,
    /// Too few keys signed.
    #[error("{what} is signed by {found} of its keys, and {threshold} are needed")]
    Signatures {
        /// What.
        what: String,
        /// Distinct keys whose signature verifies.
        found: usize,
        /// How many are needed.
        threshold: u32,
    },
    /// A threshold that nobody or too few can meet.
    #[error("a threshold of {threshold} over {keys} distinct keys cannot stand")]
    Threshold {
        /// The threshold.
        threshold: u32,
        /// How many distinct keys there are.
        keys: usize,
    },
    /// Somebody else's key.
    #[error("key {key} is none of the keys of {what}")]
    UnknownKey {
        /// Of what.
        what: String,
        /// Which.
        key: String,
    },
    /// Not the next version.
    #[error("the {what} version after {current} is {}, not {offered}", current.saturating_add(1))]
    Version {
        /// Whose.
        what: Role,
        /// The one in force.
        current: u64,
        /// The one offered.
        offered: u64,
    },
    /// It cannot be written as canonical JSON.
    #[error("metadata cannot be written: {0}")]
    Write(#[from] serde_json::Error),
}

impl Diagnose for MetadataError {
    fn code(&self) -> Code {
        match self {
            Self::BadSignature { .. } => Code("TRUST-0270"),
            Self::Key(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Malformed { .. } => Code("TRUST-0271"),
            Self::Path { .. } => Code("TRUST-0272"),
            Self::Scheme => Code("TRUST-0273"),
            Self::Signatures { .. } => Code("TRUST-0274"),
            Self::Threshold { .. } => Code("TRUST-0275"),
            Self::UnknownKey { .. } => Code("TRUST-0276"),
            Self::Version { .. } => Code("TRUST-0277"),
            Self::Write(_) => Code("TRUST-0278"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Threshold { .. } => {
                Some("name more people, or a threshold between 1 and their number".into())
            }
            Self::Signatures { .. } => {
                Some("bulla trust ceremony verify DIR names who has not signed yet".into())
            }
            Self::Version { .. } => Some(
                "begin again from what the instance has now: bulla trust export --ceremony FILE"
                    .into(),
            ),
            Self::Path { .. } => {
                Some("use letters, digits, dots, dashes and underscores, and / between".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
