//! Why a database could not be opened, made or saved.

use bulla_core::{Code, Diagnose, limits::LimitError};
use std::{io, path::PathBuf};

use super::FORMAT_VERSION;

/// Why a database could not be opened, made or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The bytes are not those that were written.
    #[error("the advisory database is damaged: its content does not match its checksum")]
    Damaged,
    /// There was nothing to import.
    #[error("{} holds no advisories", path.display())]
    Empty {
        /// What was read.
        path: PathBuf,
    },
    /// A record that is to be imported is not what its format says.
    #[error("{record} in {} is malformed: {reason}", path.display())]
    Import {
        /// The archive or folder.
        path: PathBuf,
        /// The record in it.
        record: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Beyond a bound.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Another kind of file.
    #[error("the file is not an advisory database")]
    NotADatabase,
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Written by another version of this program.
    #[error("the advisory database has format {found}, this program reads {FORMAT_VERSION}")]
    Version {
        /// The format found.
        found: u32,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
}

impl Diagnose for DatabaseError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged => Code("SCAN-0001"),
            Self::Empty { .. } => Code("SCAN-0002"),
            Self::Import { .. } => Code("SCAN-0003"),
            Self::Limit(_) => Code("SCAN-0004"),
            Self::NotADatabase => Code("SCAN-0005"),
            Self::Read { .. } => Code("SCAN-0006"),
            Self::Version { .. } => Code("SCAN-0007"),
            Self::Write { .. } => Code("SCAN-0008"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Write { .. } => "choose a writable place with --data DIR".into(),
            Self::Empty { .. } | Self::Import { .. } => {
                "fetch the data again, then `bulla scan db import PATH…`".into()
            }
            _ => "make a new one: `bulla scan db import PATH…` with OSV all.zip files".into(),
        })
    }
}
