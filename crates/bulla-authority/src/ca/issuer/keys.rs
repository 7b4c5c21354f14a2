//! The keys of token issuers: of this process, from a file, or fetched.
//!
//! Fetching follows OpenID Connect Discovery 1.0 under rules that Fulcio's
//! advisories teach (CVE-2026-22772, CVE-2026-49478): only issuers that the
//! configuration names, https (or this machine), no redirects, the document's
//! issuer must be the one that was asked, keys come from the same host unless
//! the configuration says where else, private addresses only where it allows
//! them, and a credential goes to the issuer's own host alone. Answers are
//! bounded, kept, and refreshed for a key that is not known, but not often.

mod pinned;
mod remote;

use std::{future::Future, pin::Pin, sync::Arc};

use bulla_core::{Clock, Code, Diagnose};
use bulla_net::{HttpClient, HttpError};
use bulla_trust::{
    Verified,
    jwt::{
        self, Algorithm, Claims, JwtError, KeySet, TokenExpectation, TokenProof, UnverifiedToken,
    },
};

pub use pinned::PinnedKeys;
use remote::Remotes;
pub use remote::{Discovery, RemoteKeys};

/// Keys that are on their way.
pub type PendingKeys<'a> = Pin<Box<dyn Future<Output = KeySet> + Send + 'a>>;

/// An issuer in this process.
pub trait LocalKeys: Send + Sync {
    /// Its keys; `key_id` is the one that is looked for.
    fn key_set<'a>(&'a self, key_id: Option<&'a str>) -> PendingKeys<'a>;
}

/// Where an issuer's keys are from.
#[derive(Clone)]
pub enum KeySource {
    /// From an issuer in this process.
    Local(Arc<dyn LocalKeys>),
    /// From a file; nothing is fetched.
    Pinned(Arc<PinnedKeys>),
    /// From the issuer itself.
    Remote(Arc<RemoteKeys>),
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "Local",
            Self::Pinned(_) => "Pinned",
            Self::Remote(_) => "Remote",
        })
    }
}

/// What is demanded of an issuer's tokens.
#[derive(Clone, Debug)]
pub struct IssuerTrust {
    /// The issuer, exactly as tokens name it.
    pub url: String,
    /// The audience that they must have.
    pub audience: String,
    /// How they may be signed.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are from.
    pub keys: KeySource,
}

/// The keys of all issuers that a configuration names. Clones share what was
/// fetched.
#[derive(Clone)]
pub struct IssuerKeys {
    clock: Arc<dyn Clock>,
    remotes: Arc<Remotes>,
}

impl IssuerKeys {
    /// Nothing is fetched yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            remotes: Arc::default(),
        }
    }

    /// The keys of an issuer. One that is not among those at hand makes a remote
    /// issuer be asked again, at most every 30 seconds.
    ///
    /// # Errors
    /// [`IssuerError`] if there are none to be had; within 10 seconds.
    pub async fn key_set(
        &self,
        issuer: &str,
        source: &KeySource,
        key_id: Option<&str>,
    ) -> Result<KeySet, IssuerError> {
        match source {
            KeySource::Local(keys) => Ok(keys.key_set(key_id).await),
            KeySource::Pinned(keys) => keys.key_set(),
            KeySource::Remote(keys) => {
                let now = self.clock.now();
                self.remotes.key_set(issuer, keys, key_id, now).await
            }
        }
    }

    /// Checks a token: signature, issuer, audience, times.
    ///
    /// # Errors
    /// [`IssuerError::Token`] if it is not valid, others if the keys are not to
    /// be had.
    pub async fn verify(
        &self,
        token: &[u8],
        trust: &IssuerTrust,
    ) -> Result<Verified<Claims, TokenProof>, IssuerError> {
        let unverified = UnverifiedToken::parse(token)?;
        let keys = self
            .key_set(&trust.url, &trust.keys, unverified.key_id())
            .await?;
        let expected = TokenExpectation {
            issuer: &trust.url,
            audience: &trust.audience,
            algorithms: &trust.algorithms,
        };
        Ok(jwt::check(token, &keys, expected, self.clock.now())?)
    }

    /// An issuer's discovery document, under the rules of its keys.
    ///
    /// # Errors
    /// [`IssuerError`] if it cannot be had, or there is none for this source.
    pub async fn discovery(
        &self,
        issuer: &str,
        source: &KeySource,
    ) -> Result<Discovery, IssuerError> {
        match source {
            KeySource::Remote(keys) => keys.discover(issuer).await,
            KeySource::Local(_) | KeySource::Pinned(_) => Err(IssuerError::Document {
                issuer: issuer.to_owned(),
                why: "its keys are pinned, so nothing is fetched from it",
            }),
        }
    }

    /// A client that reaches what this source allows: for an issuer's other
    /// endpoints.
    ///
    /// # Errors
    /// [`IssuerError::Document`] for an issuer that is not remote.
    pub fn client(&self, issuer: &str, source: &KeySource) -> Result<HttpClient, IssuerError> {
        match source {
            KeySource::Remote(keys) => Ok(keys.client(issuer)),
            KeySource::Local(_) | KeySource::Pinned(_) => Err(IssuerError::Document {
                issuer: issuer.to_owned(),
                why: "its keys are pinned, so nothing is fetched from it",
            }),
        }
    }
}

/// Why an issuer's token is not accepted. Texts name issuers, never tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// An answer that is not what an issuer says.
    #[error("the issuer {issuer} cannot be used: {why}")]
    Document {
        /// The issuer.
        issuer: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Its keys lie on a host that nobody named.
    #[error("the issuer {issuer} keeps its keys at {host}, which its configuration does not name")]
    Elsewhere {
        /// The issuer.
        issuer: String,
        /// The other host.
        host: String,
    },
    /// It was asked a moment ago, in vain.
    #[error("the issuer {issuer} gave no keys a moment ago, and is not asked again yet")]
    NotYet {
        /// The issuer.
        issuer: String,
    },
    /// A file of keys.
    #[error("the key set {path} cannot be read: {why}")]
    Pinned {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// A token.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// It could not be asked.
    #[error("the issuer {issuer} gives no keys: {source}")]
    Unreachable {
        /// The issuer.
        issuer: String,
        /// Why not.
        source: HttpError,
    },
}

impl Diagnose for IssuerError {
    fn code(&self) -> Code {
        match self {
            Self::Document { .. } => Code("AUTH-0413"),
            Self::Elsewhere { .. } => Code("AUTH-0414"),
            Self::NotYet { .. } => Code("AUTH-0415"),
            Self::Pinned { .. } => Code("AUTH-0416"),
            Self::Token(error) => error.code(),
            Self::Unreachable { .. } => Code("AUTH-0417"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Elsewhere { issuer, host } => Some(format!(
                "if that is right, set jwks_url to its address on {host} in [ca.issuer.\"{issuer}\"]"
            )),
            Self::Pinned { .. } => Some("put the issuer's JWKS document there".into()),
            Self::Unreachable { issuer, .. } => Some(format!(
                "set private_network = true in [ca.issuer.\"{issuer}\"] for an issuer inside of \
                 your network, or jwks_file to work without asking it"
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
