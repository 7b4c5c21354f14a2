//! The Update Framework, client's side, without I/O.
//!
//! The workflow of TUF 1.0 (root chain, timestamp, snapshot, targets,
//! delegations) is that of the `sigstore-tuf` crate. It is asynchronous; here it
//! runs against the files that are at hand, and where one is missing the caller
//! gets a [`Need`] and comes back with it. Every run starts from the first
//! root that the caller vouches for and verifies everything again, so a cache
//! is a saving and a floor against rollback, never an authority: what was
//! published once, expired or not, cannot be undone by a mirror (rule R14).

use bulla_core::{Code, Diagnose, Digest, RootId};
use jiff::Timestamp;
use sigstore_tuf::{Updater, UpdaterConfig};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

mod files;
pub mod metadata;

use files::{Answers, Stored};

/// The document that says whom to believe.
pub const TRUSTED_ROOT: &str = "trusted_root.json";
/// The document that says where to sign.
pub const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

/// A root.json, by specification and in practice.
const ROOT_BYTES: u64 = 512_000;
/// Root rotations in one update; what is left comes with the next one.
const ROTATIONS: u32 = 64;
/// Files asked for in one update.
const ASKED: usize = 160;

/// Files that were verified once, by their names in the cache.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A file that is needed to go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Its path below the repository's URL.
    pub path: String,
    /// How many bytes it may have.
    pub limit: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The caller must get this file and [`Update::answer`].
    Need(Need),
    /// Everything is there and verified.
    Done(Box<Updated>),
}

/// What an update gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The instance's name: SHA-256 of the first root.
    pub id: RootId,
    /// `trusted_root.json`.
    pub trusted_root: Vec<u8>,
    /// `signing_config.v0.2.json`, if the repository has one.
    pub signing_config: Option<Vec<u8>>,
    /// The other files that were asked for, as far as the repository has them.
    pub targets: BTreeMap<String, Vec<u8>>,
    /// The version of the root that is in force.
    pub root_version: u64,
    /// When the repository has to be asked again, at the latest.
    pub expires: Timestamp,
    /// Verified metadata: for the cache, and for the next update.
    pub metadata: Files,
}

/// One update of one repository.
pub struct Update {
    first_root: Vec<u8>,
    metadata: Files,
    answers: Answers,
    verified: Files,
    targets: Vec<String>,
    now: Timestamp,
}

impl Update {
    /// An update that starts from `first_root`, which must have this
    /// fingerprint: nothing is believed because it was seen first. `metadata`
    /// is what an earlier update gave.
    ///
    /// # Errors
    /// [`TufError::Fingerprint`], or [`TufError::Metadata`] if it is no root.
    pub fn start(
        first_root: &[u8],
        fingerprint: &Digest,
        metadata: Files,
        now: Timestamp,
    ) -> Result<Self, TufError> {
        if !fingerprint.matches(first_root) {
            return Err(TufError::Fingerprint {
                expected: fingerprint.clone(),
                found: Digest::sha256(first_root),
            });
        }
        if first_root.len() as u64 > ROOT_BYTES {
            return Err(TufError::TooMuch { what: "root.json" });
        }
        sigstore_tuf::TrustedMetadataSet::from_root(first_root).map_err(TufError::of)?;
        Ok(Self {
            first_root: first_root.to_vec(),
            verified: metadata.clone(),
            metadata,
            answers: Answers::default(),
            targets: Vec::new(),
            now,
        })
    }

    /// Also gets these files, by their paths; one that the repository does not
    /// list is left out of [`Updated::targets`].
    #[must_use]
    pub fn with_targets(mut self, paths: &[&str]) -> Self {
        self.targets = paths.iter().map(|&path| path.to_owned()).collect();
        self
    }

    /// Goes on as far as the files at hand allow.
    ///
    /// # Errors
    /// [`TufError`] if one of them is not what it must be.
    pub fn step(&mut self) -> Result<Step, TufError> {
        let stored = Stored::new(self.metadata.clone());
        let answers = self.answers.clone();
        let mut config = UpdaterConfig::default();
        config.root_max_length = ROOT_BYTES;
        config.max_root_rotations = ROTATIONS;
        let updater = Updater::new(answers.clone(), &self.first_root).map_err(TufError::of)?;
        let updater = updater.with_config(config).with_store(stored.clone());
        let outcome = run(update(updater, &self.targets, self.now))?;
        self.verified = stored.metadata();
        if let Some(need) = answers.missing() {
            if answers.count() >= ASKED {
                return Err(TufError::TooMuch {
                    what: "metadata files",
                });
            }
            return Ok(Step::Need(need));
        }
        let fetched = outcome.map_err(TufError::of)?;
        let id = RootId(Digest::sha256(&self.first_root));
        Ok(Step::Done(Box::new(Updated {
            id,
            trusted_root: fetched.trusted_root,
            signing_config: fetched.signing_config,
            targets: fetched.targets,
            root_version: fetched.root_version,
            expires: fetched.expires,
            metadata: self.verified.clone(),
        })))
    }

    /// The metadata verified so far. It is to be kept even if the update fails:
    /// what was seen once must not be rolled back by the next answer.
    pub fn verified(&self) -> &Files {
        &self.verified
    }

    /// Hands over a file that was needed; `None` says that the repository has
    /// none of that name.
    ///
    /// # Errors
    /// [`TufError::TooMuch`] if it is larger than it may be.
    pub fn answer(&mut self, need: &Need, bytes: Option<Vec<u8>>) -> Result<(), TufError> {
        if bytes.as_ref().is_some_and(|b| b.len() as u64 > need.limit) {
            return Err(TufError::TooMuch {
                what: "metadata file",
            });
        }
        self.answers.add(need, bytes);
        Ok(())
    }
}

struct Fetched {
    trusted_root: Vec<u8>,
    signing_config: Option<Vec<u8>>,
    targets: BTreeMap<String, Vec<u8>>,
    root_version: u64,
    expires: Timestamp,
}

async fn update(
    mut updater: Updater,
    paths: &[String],
    now: Timestamp,
) -> sigstore_tuf::Result<Fetched> {
    updater.refresh(now).await?;
    let trusted_root = updater.get_target(TRUSTED_ROOT, now).await?;
    let signing_config = listed(updater.get_target(SIGNING_CONFIG, now).await)?;
    let mut targets = BTreeMap::new();
    for path in paths {
        if let Some(bytes) = listed(updater.get_target(path, now).await)? {
            targets.insert(path.clone(), bytes);
        }
    }
    let trusted = updater.trusted();
    let expiries = [
        Some(trusted.root().expires),
        trusted.timestamp().map(|timestamp| timestamp.expires),
        trusted.snapshot().map(|snapshot| snapshot.expires),
        trusted
            .targets_role("targets")
            .map(|targets| targets.expires),
    ];
    Ok(Fetched {
        trusted_root,
        signing_config,
        targets,
        root_version: trusted.root().version,
        expires: expiries.into_iter().flatten().min().unwrap_or(now),
    })
}

/// A file that need not be there.
fn listed(file: sigstore_tuf::Result<Vec<u8>>) -> sigstore_tuf::Result<Option<Vec<u8>>> {
    match file {
        Ok(bytes) => Ok(Some(bytes)),
        Err(sigstore_tuf::Error::TargetNotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs a future whose every part is ready at once.
fn run<T>(future: impl Future<Output = T>) -> Result<T, TufError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Ok(outcome),
        // No part of it ever waits: answers are there or they are errors.
        Poll::Pending => Err(TufError::Stuck),
    }
}

/// Why a repository is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// Too old.
    #[error("the repository's {role} expired at {expires}")]
    Expired {
        /// Whose metadata.
        role: String,
        /// When.
        expires: Timestamp,
    },
    /// Another first root than was vouched for.
    #[error("the root has the fingerprint {found}, and {expected} is demanded")]
    Fingerprint {
        /// The demanded one.
        expected: Digest,
        /// The one it has.
        found: Digest,
    },
    /// Malformed, or not what other metadata says of it.
    #[error("the repository's metadata cannot be believed: {0}")]
    Metadata(#[source] Box<sigstore_tuf::Error>),
    /// Older than what was published before.
    #[error("the repository offers {role} version {offered} after version {seen}")]
    Rollback {
        /// Whose metadata.
        role: String,
        /// The version seen before.
        seen: u64,
        /// The version offered now.
        offered: u64,
    },
    /// Signed by too few.
    #[error("{role} is signed by {found} of its keys, and {threshold} are needed")]
    Signatures {
        /// Whose metadata.
        role: String,
        /// Valid signatures.
        found: usize,
        /// How many are needed.
        threshold: usize,
    },
    /// The workflow waited for something.
    #[error("the update did not come to an end")]
    Stuck,
    /// No such document.
    #[error("the repository has no {name}")]
    Target {
        /// Its name.
        name: String,
    },
    /// More than any real repository has.
    #[error("the repository's {what} are more, or larger, than any real one's")]
    TooMuch {
        /// Of what.
        what: &'static str,
    },
}

impl TufError {
    fn of(error: sigstore_tuf::Error) -> Self {
        use sigstore_tuf::Error;
        match error {
            Error::Expired { role, expires } => Self::Expired { role, expires },
            Error::Rollback { role, trusted, new } => Self::Rollback {
                role,
                seen: trusted,
                offered: new,
            },
            Error::ThresholdNotMet {
                role,
                found,
                threshold,
            } => Self::Signatures {
                role,
                found,
                threshold,
            },
            Error::TargetNotFound(name) => Self::Target { name },
            other => Self::Metadata(Box::new(other)),
        }
    }
}

impl Diagnose for TufError {
    fn code(&self) -> Code {
        match self {
            Self::Expired { .. } => Code("TRUST-0251"),
            Self::Fingerprint { .. } => Code("TRUST-0252"),
            Self::Metadata(_) => Code("TRUST-0253"),
            Self::Rollback { .. } => Code("TRUST-0254"),
            Self::Signatures { .. } => Code("TRUST-0255"),
            Self::Stuck => Code("TRUST-0256"),
            Self::Target { .. } => Code("TRUST-0257"),
            Self::TooMuch { .. } => Code("TRUST-0258"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Expired { .. } => {
                "ask who runs the instance to publish again, then run `bulla trust update`".into()
            }
            Self::Fingerprint { .. } => {
                "get the fingerprint from who runs the instance: `bulla trust show` prints it there"
                    .into()
            }
            _ => "do not use this repository until who runs it has explained it".into(),
        })
    }
}

#[cfg(test)]
mod tests;
