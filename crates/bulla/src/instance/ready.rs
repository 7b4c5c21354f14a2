//! The ready file: where everything answers, for scripts and other commands.
//!
//! It appears whole, once everything answers, readable by its owner alone. Base
//! URLs carry no trailing slash; paths are absolute; a field is absent when the
//! thing does not exist.

use bulla_core::limits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::{
    failure::{Failure, OrFail},
    journey::export::Exports,
};

/// What `up --ready-file FILE` writes. Frozen: fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The version of the bulla that serves.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The instance's root fingerprint: SHA-256 of its first TUF `root.json`.
    pub root: String,
    /// `http://HOST:PORT` of the registry.
    pub registry: String,
    /// The certificate authority.
    pub ca: String,
    /// The transparency log, version 1 API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_v1: Option<String>,
    /// The transparency log, version 2 API.
    pub log_v2: String,
    /// The certificate transparency log.
    pub ct: String,
    /// The timestamp authority: the whole endpoint.
    pub tsa: String,
    /// The issuer of asserted identities.
    pub oidc: String,
    /// The issuer where people and machines log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The TUF repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuf: Option<String>,
    /// The admission webhook, https.
    pub admission: String,
    /// `trusted_root.json`
    pub trusted_root: PathBuf,
    /// `signing_config.json`
    pub signing_config: PathBuf,
    /// `client_trust_config.json`
    pub client_trust_config: PathBuf,
    /// The first TUF `root.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuf_root: Option<PathBuf>,
    /// The root certificate of the transport (PEM): who signs the webhook's.
    pub tls_ca: PathBuf,
    /// A docker `config.json` with the credential of the registry.
    pub docker_config: PathBuf,
    /// The socket that mints tokens.
    pub token_socket: PathBuf,
    /// For other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<Exports>,
}

impl Ready {
    /// Parses a ready file.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        limits::parse_json(bytes, limits::CONFIG_BYTES, "ready file").or_could_not_run()
    }

    /// `HOST:PORT` of the registry.
    pub fn registry_host(&self) -> &str {
        self.registry.trim_start_matches("http://")
    }
}
