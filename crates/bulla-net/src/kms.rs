//! Keys by reference: a file, an environment variable, a token (PKCS#11), or a
//! key service through its plugin (`NAME://…`), all as one [`Signer`].
//!
//! The references are cosign's. What a cluster or a forge keeps (`k8s://`,
//! `gitlab://`) is behind the network, so whoever may go there asks [`stored`];
//! what cosign resolves by itself and we do not (cloud services without their
//! plugin) is refused by name. Nothing is loaded or started before a reference asks
//! for it, and nothing here needs an async runtime, but [`fetch_public`].

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use bulla_core::{
    Code, Diagnose,
    limits::{self, LimitError},
};
use bulla_crypto::{
    KeyError, PublicKey, Scheme, Signer,
    key::file::{self, KeyFileError, PrivateKeyFile},
};
use http::StatusCode;
use url::Url;
use zeroize::Zeroizing;

use crate::http::{HttpClient, HttpError, Request};

pub mod pkcs11;
pub mod plugin;
pub mod stored;

pub use crate::environment::Environment;
use crate::kube::KubeError;
use pkcs11::Pkcs11Error;
use plugin::{Plugin, PluginError};

/// What a password is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// An encrypted key file, or the variable that holds one.
    KeyFile(&'a str),
    /// A token's PIN, by the token's label.
    Pin(&'a str),
}

/// Gives passwords; `None` means that there is none to be had.
pub type Passwords<'a> = dyn FnMut(Ask<'_>) -> Option<Zeroizing<Vec<u8>>> + 'a;

/// Opens a private key. Ed25519 in a file signs as `ed25519` says: cosign
/// prehashes blobs that go to a log as `hashedrekord`, and signs envelopes the
/// pure way.
///
/// # Errors
/// [`KmsError`].
pub fn open(
    reference: &str,
    ed25519: Scheme,
    environment: &Environment,
    passwords: &mut Passwords<'_>,
) -> Result<Box<dyn Signer>, KmsError> {
    let bytes = match Reference::parse(reference)? {
        Reference::File(path) => read_file(path)?,
        Reference::Variable(name) => variable(name, environment)?,
        Reference::Web(url) => return Err(KmsError::PrivateFromWeb(url.into())),
        Reference::Token => return Ok(Box::new(pkcs11::open(reference, environment, passwords)?)),
        Reference::Plugin => return Ok(Box::new(Plugin::find(reference, environment)?.signer()?)),
    };
    let named = |source| KmsError::KeyFile {
        name: reference.to_owned(),
        source,
    };
    let file = PrivateKeyFile::parse(&bytes).map_err(named)?;
    let password = match file.needs_password() {
        true => {
            passwords(Ask::KeyFile(reference)).ok_or_else(|| named(KeyFileError::PasswordNeeded))?
        }
        false => Zeroizing::default(),
    };
    let key = file.open(&password).map_err(named)?;
    match key.scheme() {
        Scheme::Ed25519 => Ok(Box::new(key.with_scheme(ed25519)?)),
        _ => Ok(Box::new(key)),
    }
}

/// A public key, or where it has to be fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicSource {
    /// The key.
    Key(PublicKey),
    /// For [`fetch_public`].
    Fetch(Url),
}

/// Opens a public key. Ed25519 is the pure kind; whoever knows better says so
/// by [`PublicKey::with_scheme`].
///
/// # Errors
/// [`KmsError`].
pub fn open_public(reference: &str, environment: &Environment) -> Result<PublicSource, KmsError> {
    let bytes = match Reference::parse(reference)? {
        Reference::File(path) => read_file(path)?,
        Reference::Variable(name) => variable(name, environment)?,
        Reference::Web(url) => return Ok(PublicSource::Fetch(url)),
        Reference::Token => {
            let key = pkcs11::public(reference, environment)?;
            return Ok(PublicSource::Key(key));
        }
        Reference::Plugin => {
            let key = Plugin::find(reference, environment)?.public()?;
            return Ok(PublicSource::Key(key));
        }
    };
    let key = file::read_public(&bytes).map_err(|source| KmsError::KeyFile {
        name: reference.to_owned(),
        source,
    })?;
    Ok(PublicSource::Key(key))
}

/// Fetches the public key that [`open_public`] could not open by itself.
///
/// # Errors
/// [`KmsError`].
pub async fn fetch_public(http: &HttpClient, url: &Url) -> Result<PublicKey, KmsError> {
    let bytes = http
        .send(Request::get(url.clone()))
        .await?
        .require(&[StatusCode::OK])
        .await?
        .bytes(file::MAX_BYTES as u64, "a key")
        .await?;
    file::read_public(&bytes).map_err(|source| KmsError::KeyFile {
        name: url.to_string(),
        source,
    })
}

/// The kinds of references.
enum Reference<'a> {
    File(&'a Path),
    Variable(&'a str),
    Web(Url),
    Token,
    Plugin,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Result<Self, KmsError> {
        if text.starts_with("pkcs11:") {
            return Ok(Self::Token);
        }
        match text.split_once("://") {
            None => Ok(Self::File(Path::new(text))),
            Some(("env", name)) => Ok(Self::Variable(name)),
            Some(("https" | "http", _)) => Url::parse(text)
                .map(Self::Web)
                .map_err(|_| KmsError::Address(text.to_owned())),
            Some((scheme @ ("k8s" | "gitlab" | "github"), _)) => {
                Err(KmsError::Unsupported(scheme.to_owned()))
            }
            Some(_) => Ok(Self::Plugin),
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let refused = |source| KmsError::File {
        path: path.to_path_buf(),
        source,
    };
    let what = "a key file";
    let file = File::open(path).map_err(|source| refused(LimitError::Read { what, source }))?;
    let bytes = limits::read_bounded(file, file::MAX_BYTES as u64, what).map_err(refused)?;
    Ok(Zeroizing::new(bytes))
}

fn variable(name: &str, environment: &Environment) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let value = environment.text(name);
    let value = value.ok_or_else(|| KmsError::Variable(name.to_owned()))?;
    Ok(Zeroizing::new(value.as_bytes().to_vec()))
}

/// What can go wrong with a key reference.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// Not a URL.
    #[error("{0:?} is not the URL of a key")]
    Address(String),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LimitError,
    },
    /// The key cannot be fetched.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was read is no key, or does not open.
    #[error("{name}: {source}")]
    KeyFile {
        /// The reference.
        name: String,
        /// Why.
        source: KeyFileError,
    },
    /// The cluster.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// What was answered is not what was asked for.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The token.
    #[error(transparent)]
    Pkcs11(#[from] Pkcs11Error),
    /// The plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A private key is not fetched over the network.
    #[error("a private key is not read from {0}")]
    PrivateFromWeb(String),
    /// There is no thread to wait on.
    #[error("the key cannot be fetched: {0}")]
    Runtime(#[source] std::io::Error),
    /// A reference to a kept key that names nothing.
    #[error("{reference}: it should be in the format {form}")]
    Stored {
        /// The reference.
        reference: String,
        /// How it is written.
        form: &'static str,
    },
    /// A kept key pair lacks a value.
    #[error("{reference} has no {value}")]
    StoredValue {
        /// The reference.
        reference: String,
        /// What is missing.
        value: String,
    },
    /// A value that cannot be kept as text.
    #[error("{0} is no text")]
    Text(String),
    /// A reference of cosign's that is not resolved here.
    #[error("keys of {0}:// are not read")]
    Unsupported(String),
    /// No such variable.
    #[error("the environment variable {0} is not set, or is not text")]
    Variable(String),
}

impl Diagnose for KmsError {
    fn code(&self) -> Code {
        match self {
            Self::Address(_) => Code("NET-0310"),
            Self::File { .. } => Code("NET-0311"),
            Self::Http(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::KeyFile { source, .. } => source.code(),
            Self::Pkcs11(error) => error.code(),
            Self::Plugin(error) => error.code(),
            Self::Kube(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Runtime(_) => Code("NET-0316"),
            Self::Stored { .. } => Code("NET-0317"),
            Self::StoredValue { .. } => Code("NET-0318"),
            Self::Text(_) => Code("NET-0319"),
            Self::PrivateFromWeb(_) => Code("NET-0312"),
            Self::Unsupported(_) => Code("NET-0313"),
            Self::Variable(_) => Code("NET-0314"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Http(error) => return error.hint(),
            Self::Key(error) => return error.hint(),
            Self::KeyFile { source, .. } => return source.hint(),
            Self::Pkcs11(error) => return error.hint(),
            Self::Plugin(error) => return error.hint(),
            Self::Kube(error) => return error.hint(),
            Self::Limit(error) => return error.hint(),
            Self::Runtime(_) | Self::Stored { .. } | Self::Text(_) => return None,
            Self::StoredValue { .. } => {
                "`bulla cosign generate-key-pair REFERENCE` makes a key pair and keeps it there"
            }
            Self::File { .. } => {
                "make a key with `bulla generate-key-pair`, or bring one with \
                 `bulla import-key-pair --key FILE`"
            }
            Self::Variable(_) => "put the key itself, in PEM, into the variable",
            Self::Address(_) | Self::PrivateFromWeb(_) => {
                "name a file, env://VARIABLE, a pkcs11: URI, or NAME://… with its plugin \
                 sigstore-kms-NAME on PATH"
            }
            Self::Unsupported(_) => {
                "put the key's text into a variable and name it as env://VARIABLE, with the \
                 password in COSIGN_PASSWORD"
            }
        };
        Some(hint.into())
    }
}

#[cfg(test)]
mod tests;
