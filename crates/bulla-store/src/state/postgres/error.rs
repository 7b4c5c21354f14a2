//! Why PostgreSQL cannot be used, sorted by what mends it.

use bulla_core::{Code, Diagnose};
use std::{io, path::PathBuf};

/// A failure of PostgreSQL. Databases are named, passwords never.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// A transaction did not happen.
    #[error("the database {place} did not commit: the connection was lost before")]
    Aborted {
        /// Database and host.
        place: String,
    },
    /// The address cannot be used.
    #[error("the address of the PostgreSQL database cannot be used: {why}")]
    Address {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that the configuration names.
    #[error("the file {} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// The server's disk is full.
    #[error("the database {place} cannot grow: its disk is full")]
    Full {
        /// Database and host.
        place: String,
    },
    /// A newer version of bulla wrote it.
    #[error(
        "the database {place} was written by a newer bulla: {component} has schema {found}, this version knows {known}"
    )]
    Newer {
        /// Database and host.
        place: String,
        /// The schema's name.
        component: String,
        /// Its version there.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The server does not let us in.
    #[error("the database {place} does not admit us: {source}")]
    Refused {
        /// Database and host.
        place: String,
        /// What it said.
        source: sqlx::Error,
    },
    /// Any other failure of a statement.
    #[error("the database {place} failed: {source}")]
    Sql {
        /// Database and host.
        place: String,
        /// The failure.
        source: sqlx::Error,
    },
    /// The connection was lost in a commit, and the server stays away.
    #[error("whether the database {place} committed is not known: it does not answer any more")]
    Uncertain {
        /// Database and host.
        place: String,
    },
    /// Nobody answers, or not any more.
    #[error("the database {place} cannot be reached: {source}")]
    Unreachable {
        /// Database and host.
        place: String,
        /// The failure.
        source: sqlx::Error,
    },
    /// The server is not one that keeps what it is given.
    #[error("the database {place} does not suit: {why}")]
    Unsuited {
        /// Database and host.
        place: String,
        /// Why.
        why: &'static str,
    },
}

impl PostgresError {
    pub(super) fn new(place: &str, source: sqlx::Error) -> Self {
        let place = place.to_owned();
        let code = source
            .as_database_error()
            .and_then(|error| error.code())
            .map(|code| code.into_owned());
        // https://www.postgresql.org/docs/15/errcodes-appendix.html
        match (code.as_deref(), &source) {
            // Shutdown, crash and start of the server; too many connections.
            (Some("57P01" | "57P02" | "57P03" | "53300"), _) => Self::Unreachable { place, source },
            (Some(code), _) if code.starts_with("08") => Self::Unreachable { place, source },
            (Some(code), _) if code.starts_with("28") => Self::Refused { place, source },
            (Some("3D000" | "42501"), _) => Self::Refused { place, source },
            (Some("53100"), _) => Self::Full { place },
            (Some(_), _) => Self::Sql { place, source },
            (
                None,
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => Self::Unreachable { place, source },
            (None, _) => Self::Sql { place, source },
        }
    }

    /// Whether the statement may have been executed although it failed here.
    pub fn connection_lost(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

impl Diagnose for PostgresError {
    fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code("STORE-0100"),
            Self::File { .. } => Code("STORE-0101"),
            Self::Unreachable { .. } => Code("STORE-0102"),
            Self::Refused { .. } => Code("STORE-0103"),
            Self::Unsuited { .. } => Code("STORE-0104"),
            Self::Newer { .. } => Code("STORE-0105"),
            Self::Full { .. } => Code("STORE-0107"),
            Self::Sql { .. } => Code("STORE-0108"),
            Self::Uncertain { .. } => Code("STORE-0109"),
            Self::Aborted { .. } => Code("STORE-0110"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => {
                "write url = \"postgres://USER@HOST:5432/DATABASE\" in [postgres] of the file given to `bulla serve --config FILE`".into()
            }
            Self::File { path, .. } => format!(
                "see that the file is there, readable and no longer than 64 KiB: `ls -l {}`",
                path.display()
            ),
            Self::Unreachable { place, .. } => format!(
                "see whether the server runs and its certificate is trusted (ca_file): `pg_isready` for {place}"
            ),
            Self::Refused { .. } => {
                "see that role and database exist and that password_file or BULLA_POSTGRES_PASSWORD holds the password: `createuser`, `createdb`, pg_hba.conf".into()
            }
            Self::Unsuited { .. } => {
                "name the primary of a PostgreSQL 13 or newer with `fsync = on` in [postgres] url".into()
            }
            Self::Newer { .. } => {
                "use the bulla that wrote it (`bulla version` says which this one is)".into()
            }
            Self::Full { .. } => "make room on the server's disk; nothing was lost".into(),
            Self::Sql { .. } => "look at the server's log for the statement's failure".into(),
            Self::Uncertain { .. } | Self::Aborted { .. } => {
                "send the same request again: what was stored before is found".into()
            }
        })
    }
}
