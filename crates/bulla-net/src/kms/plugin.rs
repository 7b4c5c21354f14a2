//! Key services through plugins: `NAME://KEY` asks the program
//! `sigstore-kms-NAME` on `PATH`, by version `v1` of Sigstore's protocol.
//!
//! One call is one run of the program: the version and a JSON document as
//! arguments, the message on standard input, JSON on standard output; what it
//! says on standard error is for the user. Its answers are claims: a key is
//! checked when it is read, and every signature by that key, here. Its own
//! verification is not asked for.

use std::{path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bulla_core::{Code, Diagnose};
use bulla_crypto::{Hash, KeyError, PublicKey, Scheme, Signer, key::file};
use jiff::Timestamp;

use super::Environment;
use protocol::{Answer, Arguments, Call};

mod protocol;
mod run;

/// How long one call may take: a person may have to touch something.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of an answer.
pub const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Bytes of what a program says about its failure that are repeated.
const MAX_MESSAGE_CHARS: usize = 1000;

/// A plugin and the key it is asked about.
#[derive(Clone, Debug)]
pub struct Plugin {
    name: String,
    program: PathBuf,
    key: String,
    environment: Environment,
    time_limit: Duration,
}

impl Plugin {
    /// Finds the program for a reference `NAME://KEY`.
    ///
    /// # Errors
    /// [`PluginError::Reference`] or [`PluginError::Missing`].
    pub fn find(reference: &str, environment: &Environment) -> Result<Self, PluginError> {
        let refused = || PluginError::Reference(reference.to_owned());
        let (scheme, key) = reference.split_once("://").ok_or_else(refused)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if scheme.is_empty() || !scheme.chars().all(plain) || reference.len() > 4096 {
            return Err(refused());
        }
        let name = format!("sigstore-kms-{scheme}");
        let program = environment
            .program(&name)
            .ok_or_else(|| PluginError::Missing(name.clone()))?;
        Ok(Self {
            name,
            program,
            key: key.to_owned(),
            environment: environment.clone(),
            time_limit: TIME_LIMIT,
        })
    }

    /// The same with another limit for each call.
    #[must_use]
    pub fn time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// The key's public half.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn public(&self) -> Result<PublicKey, PluginError> {
        let answer = self.call(Hash::Sha256, Call::public_key(), &[])?;
        self.key_of(answer.public_key.map(|answer| answer.pem))
    }

    /// Signs with the key: its public half is asked for first.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn signer(self) -> Result<PluginSigner, PluginError> {
        let public = self.public()?;
        Ok(PluginSigner {
            plugin: self,
            public,
        })
    }

    /// The algorithms by which the service makes keys, its default first.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn algorithms(&self) -> Result<Vec<String>, PluginError> {
        let default = self.call(Hash::Sha256, Call::default_algorithm(), &[])?;
        let default = default.default_algorithm.ok_or_else(|| self.silent())?.name;
        let all = self.call(Hash::Sha256, Call::supported_algorithms(), &[])?;
        let all = all.supported_algorithms.ok_or_else(|| self.silent())?.names;
        let mut all: Vec<_> = all.into_iter().filter(|name| *name != default).collect();
        all.insert(0, default);
        Ok(all)
    }

    /// Makes the key, by `algorithm` or the service's default.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn create_key(&self, algorithm: Option<&str>) -> Result<PublicKey, PluginError> {
        let algorithm = match algorithm {
            Some(algorithm) => algorithm.to_owned(),
            None => {
                let answer = self.call(Hash::Sha256, Call::default_algorithm(), &[])?;
                answer.default_algorithm.ok_or_else(|| self.silent())?.name
            }
        };
        let answer = self.call(Hash::Sha256, Call::create_key(algorithm), &[])?;
        self.key_of(answer.create_key.map(|answer| answer.pem))
    }

    fn sign(&self, public: &PublicKey, message: &[u8]) -> Result<Vec<u8>, PluginError> {
        let hash = public.scheme().hash();
        let answer = self.call(hash, Call::sign_message(hash), message)?;
        let signature = answer.sign_message.ok_or_else(|| self.silent())?.signature;
        let signature = STANDARD.decode(signature).map_err(|_| self.silent())?;
        public
            .verify(message, &signature)
            .map_err(|_| PluginError::Signature(self.name.clone()))?;
        Ok(signature)
    }

    fn key_of(&self, pem: Option<String>) -> Result<PublicKey, PluginError> {
        let pem = pem.ok_or_else(|| self.silent())?;
        let pem = STANDARD.decode(pem).map_err(|_| self.silent())?;
        file::read_public(&pem).map_err(|source| PluginError::Key {
            plugin: self.name.clone(),
            source,
        })
    }

    fn call(&self, hash: Hash, call: Call, message: &[u8]) -> Result<Answer, PluginError> {
        let deadline = Timestamp::now()
            .checked_add(self.time_limit)
            .unwrap_or(Timestamp::MAX);
        let arguments = Arguments::new(&self.key, hash, deadline, call);
        let output = run::run(self, &arguments.to_json(), message)?;
        let answer = Answer::parse(&output).map_err(|_| self.silent())?;
        match answer.error_message.as_deref() {
            None | Some("") => Ok(answer),
            Some(message) => Err(PluginError::Refused {
                plugin: self.name.clone(),
                message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
            }),
        }
    }

    fn silent(&self) -> PluginError {
        PluginError::Answer(self.name.clone())
    }
}

/// Signs with a key that a plugin's service holds.
#[derive(Clone, Debug)]
pub struct PluginSigner {
    plugin: Plugin,
    public: PublicKey,
}

impl PluginSigner {
    /// The same key under another scheme: for a service that prehashes Ed25519.
    ///
    /// # Errors
    /// [`KeyError::Scheme`] for another kind of key.
    pub fn with_scheme(self, scheme: Scheme) -> Result<Self, KeyError> {
        let public = self.public.with_scheme(scheme)?;
        Ok(Self { public, ..self })
    }
}

impl Signer for PluginSigner {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signed = self.plugin.sign(&self.public, message);
        signed.map_err(|error| KeyError::Elsewhere(Box::new(error)))
    }
}

/// What can go wrong with a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// Its answer is not of the protocol.
    #[error("{0} answered something else than the protocol says")]
    Answer(String),
    /// The key it names cannot be used.
    #[error("{plugin} gave a public key that cannot be used: {source}")]
    Key {
        /// The program.
        plugin: String,
        /// Why.
        source: file::KeyFileError,
    },
    /// No such program.
    #[error("there is no program {0} on PATH")]
    Missing(String),
    /// It said no.
    #[error("{plugin} refused: {message}")]
    Refused {
        /// The program.
        plugin: String,
        /// What it said.
        message: String,
    },
    /// Not a reference to a plugin's key.
    #[error("{0:?} is not a reference NAME://KEY")]
    Reference(String),
    /// It cannot be run, or died.
    #[error("{plugin} could not be run: {source}")]
    Run {
        /// The program.
        plugin: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its signature is wrong.
    #[error("{0} gave a signature that its own public key does not verify")]
    Signature(String),
    /// Its answer is too large.
    #[error("{0} answered more than {MAX_ANSWER_BYTES} bytes")]
    Size(String),
    /// It did not end.
    #[error("{plugin} did not answer within {} s", limit.as_secs())]
    Time {
        /// The program.
        plugin: String,
        /// What was allowed.
        limit: Duration,
    },
}

impl Diagnose for PluginError {
    fn code(&self) -> Code {
        match self {
            Self::Answer(_) => Code("NET-0320"),
            Self::Key { .. } => Code("NET-0321"),
            Self::Missing(_) => Code("NET-0322"),
            Self::Refused { .. } => Code("NET-0323"),
            Self::Reference(_) => Code("NET-0324"),
            Self::Run { .. } => Code("NET-0325"),
            Self::Signature(_) => Code("NET-0326"),
            Self::Size(_) => Code("NET-0327"),
            Self::Time { .. } => Code("NET-0328"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing(program) => {
                format!("install the plugin {program} of your key service into a folder of PATH")
            }
            Self::Reference(_) => {
                "name a file, env://VARIABLE, a pkcs11: URI, or NAME://KEY with its plugin \
                 sigstore-kms-NAME on PATH"
                    .into()
            }
            _ => "run `bulla public-key --key NAME://KEY` to try the plugin alone".into(),
        })
    }
}
