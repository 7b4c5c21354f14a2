//! Credentials for registries, from the files that other tools write.
//!
//! `config.json` of docker (`DOCKER_CONFIG`) and `auth.json` of the containers
//! tools (`REGISTRY_AUTH_FILE`). A credential is for one registry, or for one
//! name space in it, and is never shown. Credential helpers are not run.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{
    Code, Diagnose,
    limits::{self, LimitError},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// Bytes of a credentials file.
const BYTES: u64 = 1 << 20;

/// What to present to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A refresh token for the registry's token service.
    IdentityToken(String),
    /// A bearer token for the registry itself: no token service is asked.
    RegistryToken(String),
}

impl Credential {
    /// `NAME:PASSWORD` in base64, as HTTP Basic wants it.
    pub(crate) fn basic(&self) -> Option<String> {
        match self {
            Self::Basic { username, password } => {
                Some(STANDARD.encode(format!("{username}:{password}")))
            }
            Self::IdentityToken(_) | Self::RegistryToken(_) => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => write!(f, "Basic({username}, secret)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(secret)"),
            Self::RegistryToken(_) => f.write_str("RegistryToken(secret)"),
        }
    }
}

/// Credentials by registry.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    entries: BTreeMap<String, Credential>,
    /// Registries whose credential only a helper program knows.
    helped: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Credentials {
    /// No credentials at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The credential of one registry.
    pub fn one(registry: &str, credential: Credential) -> Self {
        let entries = BTreeMap::from([(registry.to_owned(), credential)]);
        Self {
            entries,
            helped: Vec::new(),
        }
    }

    /// The same, and this one for a registry in place of what was known of it.
    #[must_use]
    pub fn with(mut self, registry: &str, credential: Credential) -> Self {
        let below = format!("{registry}/");
        let other = |name: &String| name != registry && !name.starts_with(&below);
        self.entries.retain(|name, _| other(name));
        self.entries.insert(registry.to_owned(), credential);
        self
    }

    /// Reads a credentials file.
    ///
    /// # Errors
    /// [`CredentialsError`] if it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, CredentialsError> {
        let file: File = limits::parse_json(bytes, BYTES, "the credentials file")
            .map_err(CredentialsError::redacted)?;
        let mut entries = BTreeMap::new();
        for (key, entry) in file.auths {
            let name = normal(&key);
            if let Some(credential) = entry.credential(&name)? {
                entries.insert(name, credential);
            }
        }
        let helped = file.cred_helpers.keys().map(|key| normal(key)).collect();
        Ok(Self { entries, helped })
    }

    /// Reads a credentials file; one that is not there has none.
    ///
    /// # Errors
    /// [`CredentialsError`] if it cannot be read or is not one.
    pub fn load(path: &Path) -> Result<Self, CredentialsError> {
        let file = match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::none()),
            other => other.map_err(|source| CredentialsError::Io {
                path: path.to_owned(),
                source,
            })?,
        };
        Self::parse(&limits::read_bounded(file, BYTES, "the credentials file")?)
    }

    /// The credentials that other tools would use: `REGISTRY_AUTH_FILE`, or
    /// `DOCKER_CONFIG`/config.json, or those of the user's folders. `variable`
    /// looks up the environment.
    ///
    /// # Errors
    /// [`CredentialsError`] if a file is there and cannot be used.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialsError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(file) = set("REGISTRY_AUTH_FILE") {
            return Self::load(Path::new(&file));
        }
        if let Some(directory) = set("DOCKER_CONFIG") {
            return Self::load(&Path::new(&directory).join("config.json"));
        }
        let mut all = Self::none();
        let home = set("HOME").map(|home| PathBuf::from(home).join(".docker/config.json"));
        let runtime = set("XDG_RUNTIME_DIR")
            .map(|directory| PathBuf::from(directory).join("containers/auth.json"));
        for path in [home, runtime].into_iter().flatten() {
            let found = Self::load(&path)?;
            all.entries.extend(found.entries);
            all.helped.extend(found.helped);
        }
        Ok(all)
    }

    /// The credential for a repository: of the longest name space that holds it.
    ///
    /// # Errors
    /// [`CredentialsError::Helper`] if only a helper program knows it.
    pub fn find(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<&Credential>, CredentialsError> {
        let mut name = format!("{registry}/{repository}");
        loop {
            if let Some(credential) = self.entries.get(&name) {
                return Ok(Some(credential));
            }
            match name.rfind('/') {
                Some(end) => name.truncate(end),
                None => break,
            }
        }
        match self.helped.iter().any(|helped| helped == registry) {
            true => Err(CredentialsError::Helper {
                registry: registry.to_owned(),
            }),
            false => Ok(None),
        }
    }
}

impl Entry {
    fn credential(self, name: &str) -> Result<Option<Credential>, CredentialsError> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::RegistryToken(self.registrytoken)));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::IdentityToken(self.identitytoken)));
        }
        if self.auth.is_empty() {
            let given = !self.username.is_empty();
            return Ok(given.then_some(Credential::Basic {
                username: self.username,
                password: self.password,
            }));
        }
        let malformed = || CredentialsError::Malformed {
            registry: name.to_owned(),
        };
        let pair = STANDARD.decode(self.auth).map_err(|_| malformed())?;
        let pair = String::from_utf8(pair).map_err(|_| malformed())?;
        let (username, password) = pair.split_once(':').ok_or_else(malformed)?;
        Ok(Some(Credential::Basic {
            username: username.to_owned(),
            password: password.trim_end_matches('\0').to_owned(),
        }))
    }
}

/// `https://host/v1/` and `host/` are `host`.
fn normal(key: &str) -> String {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    match bare {
        Some(rest) => rest.split('/').next().unwrap_or(rest).to_owned(),
        None => key.trim_end_matches('/').to_owned(),
    }
}

/// Why credentials cannot be used. Never shows one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Only a helper program knows it.
    #[error("the credential for {registry} is kept by a credential helper, which is not run")]
    Helper {
        /// The registry.
        registry: String,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Too large or too deep.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// An entry is not base64 of NAME:PASSWORD.
    #[error("the credential for {registry} is malformed")]
    Malformed {
        /// The registry.
        registry: String,
    },
    /// Not JSON of that shape.
    #[error("the credentials file is not valid at line {line}")]
    Syntax {
        /// The line.
        line: usize,
    },
}

impl CredentialsError {
    /// A JSON error may quote the file.
    fn redacted(error: LimitError) -> Self {
        match error {
            LimitError::Json { source, .. } => Self::Syntax {
                line: source.line(),
            },
            other => Self::Limit(other),
        }
    }
}

impl Diagnose for CredentialsError {
    fn code(&self) -> Code {
        match self {
            Self::Helper { .. } => Code("OCI-0060"),
            Self::Io { .. } => Code("OCI-0061"),
            Self::Limit(error) => error.code(),
            Self::Malformed { .. } => Code("OCI-0062"),
            Self::Syntax { .. } => Code("OCI-0063"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            "write the credential with `skopeo login --authfile FILE REGISTRY`, and set REGISTRY_AUTH_FILE=FILE"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests;
