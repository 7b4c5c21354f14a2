//! The configuration of `bulla serve`: one TOML file, each section its part's own.
//!
//! Unknown keys are errors. Variables `BULLA_SERVE_…` take the place of single
//! keys. What contradicts itself is refused before anything is opened; secrets
//! are named by file, never written down here.

use bulla_authority::{
    ca::CaSettings,
    key_slot::InstanceKeySource,
    log::{rekor_v1::RekorV1Settings, rekor_v2::RekorV2Settings},
    monitor::MonitorSettings,
    oidc::OidcSettings,
    replica::ReplicaSettings,
    search::SearchSettings,
    transport::TransportSettings,
    tsa::TsaSettings,
    tuf::TufSettings,
    witness::WitnessSettings,
};
use bulla_core::limits;
use bulla_net::kms::Environment;
use bulla_store::{ObjectsConfig, PostgresConfig};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use url::Url;

use super::{environment, logging::LoggingSettings};
use crate::failure::{Exit, Failure, OnPath, OrFail};

/// The variable by which the PIN of a token is handed on.
const PIN: &str = "COSIGN_PKCS11_PIN";
/// Longest PIN file, in bytes.
const PIN_BYTES: u64 = 1024;

/// Everything that `bulla serve` is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeConfig {
    /// Where clients find it: `https://HOST[:PORT]`, for good.
    #[serde(alias = "base_url")]
    pub base_url: String,
    /// Who runs it: shown in certificates and trust documents.
    #[serde(default = "organization")]
    pub organization: String,
    /// What belongs to this process: a directory.
    pub data: PathBuf,
    /// Section `[listen]`.
    #[serde(default)]
    pub listen: ListenSettings,
    /// Section `[key]`.
    #[serde(default)]
    pub key: KeySettings,
    /// Section `[logging]`.
    #[serde(default)]
    pub logging: LoggingSettings,
    /// Section `[postgres]`: with `[objects]`, instead of SQLite and files.
    pub postgres: Option<PostgresConfig>,
    /// Section `[objects]`.
    pub objects: Option<ObjectsConfig>,
    /// Section `[replica]`.
    #[serde(default)]
    pub replica: ReplicaSettings,
    /// Section `[oidc]`.
    #[serde(default)]
    pub oidc: OidcSettings,
    /// Section `[transport]`.
    #[serde(default)]
    pub transport: TransportSettings,
    /// Section `[ca]`.
    #[serde(default)]
    pub ca: CaSettings,
    /// Section `[tsa]`.
    #[serde(default)]
    pub tsa: TsaSettings,
    /// Section `[rekor-v1]`.
    #[serde(default)]
    pub rekor_v1: RekorV1Settings,
    /// Section `[rekor-v2]`.
    #[serde(default)]
    pub rekor_v2: RekorV2Settings,
    /// Section `[search]`.
    #[serde(default)]
    pub search: SearchSettings,
    /// Section `[witness]`.
    #[serde(default)]
    pub witness: WitnessSettings,
    /// Section `[monitor]`.
    #[serde(default)]
    pub monitor: MonitorSettings,
    /// Section `[tuf]`.
    #[serde(default)]
    pub tuf: TufSettings,
}

/// Section `[listen]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSettings {
    /// For clients.
    pub public: SocketAddr,
    /// For operators: health and counters, in the clear.
    pub operations: SocketAddr,
    /// For other replicas, by mutual TLS.
    pub internal: Option<SocketAddr>,
    /// Certificate chain of the public listener (PEM), leaf first.
    pub certificate_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
    /// Somebody in front speaks TLS with clients.
    pub behind_proxy: bool,
}

impl Default for ListenSettings {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            public: local(8443),
            operations: local(9464),
            internal: None,
            certificate_file: None,
            key_file: None,
            behind_proxy: false,
        }
    }
}

/// Section `[key]`: who keeps the key that seals all others, and which keys never
/// come here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySettings {
    /// A file with a passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// The one before, for one start.
    pub former_passphrase_file: Option<PathBuf>,
    /// Instead: an RSA or Ed25519 key, `pkcs11:…` or `NAME://…`.
    pub signer: Option<String>,
    /// A file with the PIN of the token.
    pub pin_file: Option<PathBuf>,
    /// Slots whose keys are held elsewhere: slot to reference.
    pub slots: BTreeMap<String, String>,
}

fn organization() -> String {
    "bulla".into()
}

impl ServeConfig {
    /// Reads `path`, with what `variables` say instead.
    ///
    /// # Errors
    /// A failure that shows the place in the file.
    pub fn load(
        path: &Path,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<(Self, toml::Table), Failure> {
        let file = fs::File::open(path).on_path("read", path)?;
        let bytes = limits::read_bounded(file, limits::CONFIG_BYTES, "configuration");
        let bytes = bytes.or_could_not_run()?;
        let text = String::from_utf8(bytes).map_err(|_| wrong(path, "it is not UTF-8"))?;
        let mut table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| wrong(path, &error.to_string()))?;
        let changed = environment::apply(&mut table, variables)?;
        let config = match changed {
            // From the text itself the error shows line and column.
            false => toml::from_str(&text),
            true => table.clone().try_into(),
        };
        let config: Self = config.map_err(|error| wrong(path, &error.to_string()))?;
        config
            .check()
            .map_err(|failure| failure.on(format!("{} cannot be served", path.display())))?;
        Ok((config, table))
    }

    /// What is wrong with it.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), Failure> {
        self.check_address()?;
        self.key.source()?;
        self.transport.check().or_could_not_run()?;
        self.replica.check().or_could_not_run()?;
        if self.postgres.is_some()
            && (self.listen.internal.is_none() || self.replica.address.is_none())
        {
            return Err(refuse("replicas share [postgres], and cannot reach each other")
                .line("writes go to the replica that leads, by mutual TLS")
                .hint("name internal in [listen], and in [replica] the address by which others reach it: address = \"https://HOST:PORT\""));
        }
        match (&self.postgres, &self.objects) {
            (Some(_), None) => Err(refuse("[postgres] stands without [objects]").hint(
                "name the bucket that replicas share in [objects], or leave [postgres] away",
            )),
            (None, Some(_)) => Err(refuse("[objects] stands without [postgres]").hint(
                "name the database that replicas share in [postgres], or leave [objects] away",
            )),
            _ => Ok(()),
        }
    }

    /// What tells this process from its like: its host's name.
    pub fn replica_name(&self) -> String {
        let name = rustix::system::uname();
        let name = name.nodename().to_string_lossy().to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        match name.is_empty() || !name.chars().all(plain) {
            true => "replica".into(),
            false => name,
        }
    }

    fn check_address(&self) -> Result<(), Failure> {
        let listen = &self.listen;
        let url = Url::parse(&self.base_url)
            .map_err(|_| refuse(format!("base-url {:?} is not a URL", self.base_url)))?;
        let secure = url.scheme() == "https";
        let loopback = bulla_net::http::is_loopback(&url);
        let tls = listen.certificate_file.is_some();
        if tls != listen.key_file.is_some() {
            return Err(
                refuse("[listen] names one of certificate_file and key_file")
                    .hint("name both, or neither"),
            );
        }
        if !secure && !loopback {
            return Err(refuse(format!("base-url {} is not https", self.base_url))
                .line("clients send identity tokens there, which others could read and use")
                .hint("write https://…, with certificate_file and key_file in [listen], or behind_proxy = true"));
        }
        if secure && !tls && !listen.behind_proxy {
            return Err(refuse("base-url is https, and nobody speaks TLS").hint(
                "name certificate_file and key_file in [listen], or say behind_proxy = true",
            ));
        }
        if !secure && tls {
            return Err(refuse("base-url is http, and [listen] has a certificate")
                .hint("write base-url = \"https://…\""));
        }
        if !tls && !listen.behind_proxy && !listen.public.ip().is_loopback() {
            return Err(
                refuse(format!("{} would be served in the clear", listen.public)).hint(
                    "name certificate_file and key_file in [listen], or say behind_proxy = true",
                ),
            );
        }
        Ok(())
    }
}

impl KeySettings {
    /// Who keeps the instance key.
    ///
    /// # Errors
    /// If nobody is named, or two are.
    pub fn source(&self) -> Result<InstanceKeySource, Failure> {
        match (&self.passphrase_file, &self.signer) {
            (Some(file), None) => Ok(InstanceKeySource::Passphrase {
                file: file.clone(),
                former: self.former_passphrase_file.clone(),
            }),
            (None, Some(reference)) => Ok(InstanceKeySource::Signer {
                reference: reference.clone(),
                environment: self.environment()?,
            }),
            (Some(_), Some(_)) => Err(refuse("[key] names passphrase_file and signer")
                .hint("leave one away: the one that did not open the first start")),
            (None, None) => Err(Failure::new(
                Exit::CouldNotRun,
                "CLI-0511",
                "nobody keeps the instance key: [key] names neither passphrase_file nor signer",
            )
            .line("a server does not leave the key beside the data that it opens")
            .hint(
                "write one: (umask 077; head -c 32 /dev/urandom | base64 > passphrase), and name it: [key] passphrase_file = \"…\"; or an RSA key of a token or KMS: signer = \"pkcs11:…\"",
            )),
        }
    }

    /// What finds modules, PINs and plugins: the process's variables, and the PIN.
    ///
    /// # Errors
    /// If the PIN's file cannot be read.
    pub fn environment(&self) -> Result<Environment, Failure> {
        let Some(path) = &self.pin_file else {
            return Ok(Environment::process());
        };
        let file = fs::File::open(path).on_path("read", path)?;
        let pin = limits::read_bounded(file, PIN_BYTES, "PIN").or_could_not_run()?;
        let pin = String::from_utf8_lossy(&pin).trim_end().to_owned();
        let own = [(OsString::from(PIN), OsString::from(pin))];
        Ok(Environment::of(std::env::vars_os().chain(own)))
    }
}

/// A configuration that contradicts itself.
pub(super) fn refuse(what: impl Into<String>) -> Failure {
    Failure::new(Exit::CouldNotRun, "CLI-0510", what)
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::new(
        Exit::CouldNotRun,
        "CLI-0512",
        format!("{} is not a configuration of bulla serve", path.display()),
    )
    .line(why.trim_end())
    .hint("every key is described in docs/src/reference/serve-toml.md")
}

#[cfg(test)]
mod tests;
