//! Which PostgreSQL database, as whom, over which TLS.
//!
//! The server's certificate and name are verified unless the connection stays on
//! this machine (Unix socket or loopback). Passwords stand in a file or in
//! `BULLA_POSTGRES_PASSWORD`, never in the address, so that no process list,
//! message or configuration shows them; `~/.pgpass` is not read.

use serde::Deserialize;
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};
use url::Url;

use super::PostgresError;

const PASSWORD: &str = "BULLA_POSTGRES_PASSWORD";
const CONNECTIONS: u32 = 16;
const PORT: u16 = 5432;
/// Longest password or key file, in bytes.
const SECRET_BYTES: u64 = 64 * 1024;

/// The section `[postgres]` of a configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// `postgres://USER@HOST:PORT/DATABASE`, or
    /// `postgres:///DATABASE?host=/run/postgresql&user=USER` for a Unix socket.
    pub url: String,
    /// A file with the password; else `BULLA_POSTGRES_PASSWORD`; else none.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that the server's may descend from, beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), for servers that ask for one.
    #[serde(default)]
    pub client_certificate_file: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(default)]
    pub client_key_file: Option<PathBuf>,
    /// Most connections of this process (16).
    #[serde(default)]
    pub connections: Option<u32>,
}

/// An address, read.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    user: String,
    database: String,
    /// A host name or address, or the folder of a Unix socket.
    host: String,
    port: u16,
    /// As bulla's messages name it.
    place: String,
}

impl PostgresConfig {
    /// The database at this address, everything else as usual.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password_file: None,
            ca_file: None,
            client_certificate_file: None,
            client_key_file: None,
            connections: None,
        }
    }

    pub(super) fn connections(&self) -> u32 {
        self.connections.unwrap_or(CONNECTIONS).clamp(4, 1024)
    }

    /// How messages name the database, and how it is reached.
    pub(super) fn options(&self) -> Result<(String, PgConnectOptions), PostgresError> {
        let address = Address::parse(&self.url)?;
        let local = address.is_local() && self.ca_file.is_none();
        let mode = if local {
            PgSslMode::Prefer
        } else {
            PgSslMode::VerifyFull
        };
        let mut options = PgConnectOptions::new_without_pgpass()
            .port(address.port)
            .username(&address.user)
            .database(&address.database)
            .application_name("bulla")
            .ssl_mode(mode)
            .options([
                ("synchronous_commit", "on"),
                ("statement_timeout", "10s"),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "15s"),
                ("default_transaction_isolation", "read committed"),
            ])
            .disable_statement_logging();
        options = if address.host.starts_with('/') {
            options.socket(&address.host)
        } else {
            options.host(&address.host)
        };
        let password = match &self.password_file {
            Some(path) => Some(secret(path)?),
            None => std::env::var(PASSWORD).ok(),
        };
        if let Some(password) = password {
            options = options.password(password.trim_end_matches(['\r', '\n']));
        }
        if let Some(path) = &self.ca_file {
            options = options.ssl_root_cert_from_pem(secret(path)?.into_bytes());
        }
        match (&self.client_certificate_file, &self.client_key_file) {
            (Some(certificate), Some(key)) => {
                options = options
                    .ssl_client_cert_from_pem(secret(certificate)?)
                    .ssl_client_key_from_pem(secret(key)?);
            }
            (None, None) => {}
            _ => {
                return Err(PostgresError::Address {
                    why: "client_certificate_file and client_key_file go together",
                });
            }
        }
        Ok((address.place, options))
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, PostgresError> {
        let refused = |why| PostgresError::Address { why };
        let url = Url::parse(text).map_err(|_| refused("it is not a URL"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(refused("its scheme is not postgres"));
        }
        if url.password().is_some() {
            return Err(refused(
                "it carries a password: put that into a file and name it as password_file",
            ));
        }
        let decoded = |text: &str| {
            url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let mut user = decoded(url.username());
        let database = decoded(url.path().trim_start_matches('/'));
        let mut host = url.host_str().unwrap_or_default().to_owned();
        let mut port = url.port().unwrap_or(PORT);
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("host", folder) if host.is_empty() && folder.starts_with('/') => {
                    host = folder.to_owned();
                }
                // A URL without a host has no place for these.
                ("user", name) if url.host().is_none() => name.clone_into(&mut user),
                ("port", number) if url.host().is_none() => {
                    port = number
                        .parse()
                        .map_err(|_| refused("its port is no number"))?;
                }
                ("sslmode", "verify-full") => {}
                ("sslmode", _) => {
                    return Err(refused(
                        "sslmode cannot be weakened: leave it out, and name the server's authority as ca_file",
                    ));
                }
                _ => {
                    return Err(refused(
                        "it may have no parameters but host=/FOLDER, port and user of a Unix socket",
                    ));
                }
            }
        }
        if user.is_empty() || database.is_empty() {
            return Err(refused("it must name user and database"));
        }
        if host.is_empty() {
            return Err(refused("it names no host"));
        }
        let place = format!("{database} at {host}:{port}");
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        Ok(Self {
            user,
            database,
            host,
            port,
            place,
        })
    }

    /// Whether what is said to the server stays on this machine.
    fn is_local(&self) -> bool {
        let ip: Option<IpAddr> = self.host.parse().ok();
        self.host.starts_with('/') || ip.is_some_and(|ip| ip.is_loopback())
    }
}

fn secret(path: &Path) -> Result<String, PostgresError> {
    let unreadable = |source| PostgresError::File {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > SECRET_BYTES {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests;
