//! What a person is shown of a monitor: what it found, and what it could not read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Finding;

/// A finding and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// When.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A log that could not be read when it was looked at last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its name.
    pub log: String,
    /// Since when it cannot be read.
    pub since: Timestamp,
    /// Why not, the last time.
    pub why: String,
}

/// What was found and nobody acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The oldest first.
    pub findings: Vec<Found>,
    /// What they are acknowledged by, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// Younger ones that are left out.
    pub more: usize,
    /// What may hold more than was found.
    pub unread: Vec<Unread>,
}

/// What was verified of a log once, and is not compared with any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Its name.
    pub log: String,
    /// How many entries had been verified.
    pub size: u64,
    /// The root over them, in hexadecimal.
    pub root: String,
}
