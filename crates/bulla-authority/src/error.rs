//! Why an authority could not be opened, or a request not be served.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{
    KeyError, merkle::MerkleError, note::NoteError, sct::SctError, seal::SealError,
    timestamp::TimestampError, x509::X509Error,
};
use bulla_store::StateError;
use std::{io, path::PathBuf};

use crate::{
    ca::issuer::IssuersError,
    certified::GenerationError,
    key_slot::{ExternalKeyError, HolderError},
    monitor::MonitorError,
    oidc::{LoginError, OidcError},
    store::StoreError,
    transport::TransportError,
    tuf::TufError,
    witness::WitnessError,
};

/// What can go wrong in the authority as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The base URL cannot be used.
    #[error("{url:?} cannot be the address of an authority: {why}")]
    Address {
        /// As configured.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A certificate for the next generation of a key.
    #[error(transparent)]
    Generation(#[from] GenerationError),
    /// A ceremony's result.
    #[error(transparent)]
    Ceremony(Box<crate::ceremony::CeremonyError>),
    /// A stored document is not what was stored.
    #[error("the stored {what} is damaged")]
    Damaged {
        /// Which one.
        what: String,
    },
    /// The issuers whose tokens are taken.
    #[error(transparent)]
    Issuers(#[from] IssuersError),
    /// A key file cannot be read or written.
    #[error("the key file {} cannot be used: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Sealed keys without the key that seals them.
    #[error("{} is missing, but there are keys that it sealed", path.display())]
    InstanceKeyMissing {
        /// Where it ought to be.
        path: PathBuf,
    },
    /// A key that a token or key service holds.
    #[error(transparent)]
    ExternalKey(#[from] ExternalKeyError),
    /// Whoever keeps the instance key.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Encoding a document failed.
    #[error("a document could not be encoded: {0}")]
    Json(#[from] serde_json::Error),
    /// The entry was not committed, or not in time.
    #[error("the {log} log cannot be written now: {why}")]
    LogUnavailable {
        /// Its name.
        log: String,
        /// Why.
        why: String,
    },
    /// The login issuer's state.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// A Merkle tree.
    #[error(transparent)]
    Merkle(#[from] MerkleError),
    /// The monitor of the logs.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
    /// A checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Another process appends to the log.
    #[error("this process does not lead the {log} log")]
    NotLeading {
        /// Its name.
        log: String,
    },
    /// The issuer.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The address differs from the one that certificates and checkpoints carry.
    #[error("this instance was created as {created}, and cannot become {wanted}")]
    Renamed {
        /// The address at creation.
        created: String,
        /// The address now.
        wanted: String,
    },
    /// No list of revocations was made or published.
    #[error("the list of revocations is not renewed: {why}")]
    Revocations {
        /// What failed.
        why: String,
    },
    /// An SCT.
    #[error(transparent)]
    Sct(#[from] SctError),
    /// A sealed key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data directory, or whatever stands for it.
    #[error(transparent)]
    Storage(#[from] bulla_store::StoreError),
    /// A timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// Identities between processes.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The TUF repository.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// The witnesses of the logs.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A certificate.
    #[error(transparent)]
    X509(#[from] X509Error),
}

impl From<StateError> for AuthorityError {
    fn from(error: StateError) -> Self {
        Self::Store(error.into())
    }
}

impl Diagnose for AuthorityError {
    fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code("AUTH-0001"),
            Self::Damaged { .. } => Code("AUTH-0002"),
            Self::KeyFile { .. } => Code("AUTH-0003"),
            Self::InstanceKeyMissing { .. } => Code("AUTH-0004"),
            Self::Json(_) => Code("AUTH-0005"),
            Self::LogUnavailable { .. } => Code("AUTH-0006"),
            Self::Renamed { .. } => Code("AUTH-0007"),
            Self::Generation(error) => error.code(),
            Self::Issuers(error) => error.code(),
            Self::Revocations { .. } => Code("AUTH-0900"),
            Self::NotLeading { .. } => Code("AUTH-0300"),
            Self::ExternalKey(error) => error.code(),
            Self::Holder(error) => error.code(),
            Self::Ceremony(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Login(error) => error.code(),
            Self::Merkle(error) => error.code(),
            Self::Monitor(error) => error.code(),
            Self::Note(error) => error.code(),
            Self::Oidc(error) => error.code(),
            Self::Sct(error) => error.code(),
            Self::Seal(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Storage(error) => error.code(),
            Self::Timestamp(error) => error.code(),
            Self::Transport(error) => error.code(),
            Self::Tuf(error) => error.code(),
            Self::Witness(error) => error.code(),
            Self::X509(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Renamed { .. } => Some(
                "free the port that it had, or create another instance with `bulla up --data DIR`"
                    .into(),
            ),
            Self::InstanceKeyMissing { .. } | Self::KeyFile { .. } => {
                Some("restore the instance's keys/ folder from its backup as a whole".into())
            }
            Self::Damaged { .. } | Self::Merkle(_) => Some(
                "restore the data directory from its backup, or create another with `bulla up --data DIR`"
                    .into(),
            ),
            Self::ExternalKey(error) => error.hint(),
            Self::Holder(error) => error.hint(),
            Self::LogUnavailable { .. } => Some(
                "see that the disk of the data directory has room; the log goes on by itself, so send the request again"
                    .into(),
            ),
            Self::NotLeading { .. } => {
                Some("send the request again: it is forwarded to the replica that leads".into())
            }
            Self::Seal(error) => error.hint(),
            Self::Transport(error) => error.hint(),
            Self::Storage(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Monitor(error) => error.hint(),
            Self::Witness(error) => error.hint(),
            Self::Ceremony(error) => error.hint(),
            Self::Tuf(error) => error.hint(),
            Self::Oidc(error) => error.hint(),
            Self::Generation(error) => error.hint(),
            Self::Issuers(error) => error.hint(),
            Self::Login(error) => error.hint(),
            _ => None,
        }
    }
}
