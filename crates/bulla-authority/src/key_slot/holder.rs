//! Who keeps the key that seals all others.
//!
//! A local instance keeps it in a file beside the sealed keys; a server must
//! not: there a passphrase from a file outside the data, or a key on a token or
//! in a key service, opens it. What lies beside the sealed keys then is useless
//! without that.

use bulla_core::{Code, Diagnose};
use bulla_crypto::{
    Scheme, Signer,
    seal::{InstanceKey, SealError, WrappedKey},
};
use bulla_net::kms::Environment;
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

use super::{external, read_wrapped, store::SlotStore};
use crate::error::AuthorityError;

/// The unsealed key, where a file may hold it.
const KEY_FILE: &str = "instance.key";
/// The wrapped one, where it may not.
const WRAPPED: &str = "instance.wrapped";
/// Longest passphrase file, in bytes.
const PASSPHRASE_BYTES: u64 = 4096;
/// Shortest passphrase, in bytes: below that, trying all of them is no work.
const PASSPHRASE_SHORTEST: usize = 16;

/// Where the instance key comes from.
#[derive(Clone, Debug)]
pub enum InstanceKeySource {
    /// A file of mode 0600 beside the sealed keys: the local instance's way.
    File,
    /// A passphrase in a file. One that was changed is given together with the
    /// one before it, once.
    Passphrase {
        /// The file.
        file: PathBuf,
        /// The file with the former passphrase.
        former: Option<PathBuf>,
    },
    /// A key of a token or key service: `pkcs11:…` or `NAME://…`.
    Signer {
        /// The reference.
        reference: String,
        /// Modules, PINs and plugins are found by it.
        environment: Environment,
    },
}

impl InstanceKeySource {
    /// Opens the instance key, or makes it if there are no slots yet.
    pub(super) async fn open(&self, store: &SlotStore) -> Result<InstanceKey, AuthorityError> {
        match self {
            Self::File => plain(store).await,
            Self::Passphrase { file, former } => {
                let passphrase = read_passphrase(file)?;
                self.kept_by_passphrase(store, passphrase, former.as_deref())
                    .await
            }
            Self::Signer {
                reference,
                environment,
            } => {
                let signer = external::signer(reference, Scheme::Ed25519, environment).await?;
                kept_by_signer(store, signer).await
            }
        }
    }

    /// Whether it is there, without opening anything with it.
    pub(super) async fn probe(&self) -> Result<(), AuthorityError> {
        match self {
            Self::File => {}
            Self::Passphrase { file, former } => {
                read_passphrase(file)?;
                former.as_deref().map(read_passphrase).transpose()?;
            }
            Self::Signer {
                reference,
                environment,
            } => {
                let signer = external::signer(reference, Scheme::Ed25519, environment).await?;
                let throwaway = InstanceKey::generate()?;
                aside(move || WrappedKey::by_signer(&throwaway, &*signer)).await?;
            }
        }
        Ok(())
    }

    async fn kept_by_passphrase(
        &self,
        store: &SlotStore,
        passphrase: Zeroizing<Vec<u8>>,
        former: Option<&Path>,
    ) -> Result<InstanceKey, AuthorityError> {
        let wrapped = match store.read(WRAPPED).await? {
            Some(bytes) => read_wrapped(&bytes)?,
            None => {
                let new = new_key(store).await?;
                let (wrapped, passphrase) = aside(move || {
                    WrappedKey::by_passphrase(&new, &passphrase).map(|key| (key, passphrase))
                })
                .await?;
                let kept = store.create(WRAPPED, serde_json::to_vec(&wrapped)?).await?;
                let kept = read_wrapped(&kept)?;
                return Ok(aside(move || kept.open_by_passphrase(&passphrase)).await?);
            }
        };
        let former = former.map(read_passphrase).transpose()?;
        let (key, renewed) =
            aside(
                move || match (wrapped.open_by_passphrase(&passphrase), former) {
                    (Err(SealError::Passphrase), Some(former)) => {
                        let key = wrapped.open_by_passphrase(&former)?;
                        let renewed = WrappedKey::by_passphrase(&key, &passphrase)?;
                        Ok((key, Some(renewed)))
                    }
                    (opened, _) => Ok((opened?, None)),
                },
            )
            .await?;
        if let Some(renewed) = renewed {
            store.put(WRAPPED, serde_json::to_vec(&renewed)?).await?;
            tracing::info!(target: "audit", event = "passphrase-changed", "the instance key is kept by the new passphrase");
        }
        Ok(key)
    }
}

async fn kept_by_signer(
    store: &SlotStore,
    signer: std::sync::Arc<dyn Signer>,
) -> Result<InstanceKey, AuthorityError> {
    let wrapped = match store.read(WRAPPED).await? {
        Some(bytes) => bytes,
        None => {
            let new = new_key(store).await?;
            let with = signer.clone();
            let wrapped = aside(move || WrappedKey::by_signer(&new, &*with)).await?;
            store.create(WRAPPED, serde_json::to_vec(&wrapped)?).await?
        }
    };
    let wrapped = read_wrapped(&wrapped)?;
    Ok(aside(move || wrapped.open_by_signer(&*signer)).await?)
}

/// The key in its file: for whoever may keep it there.
async fn plain(store: &SlotStore) -> Result<InstanceKey, AuthorityError> {
    if let Some(bytes) = store.read(KEY_FILE).await? {
        let bytes = Zeroizing::new(bytes);
        return Ok(InstanceKey::parse(&String::from_utf8_lossy(&bytes))?);
    }
    if let Some(wrapped) = store.read(WRAPPED).await? {
        return Err(SealError::OtherHolder(read_wrapped(&wrapped)?.holder()).into());
    }
    if store.holds_slots().await? {
        let path = store.place(KEY_FILE);
        return Err(AuthorityError::InstanceKeyMissing { path });
    }
    let key = InstanceKey::generate()?;
    store.create(KEY_FILE, key.to_text().into_bytes()).await?;
    Ok(key)
}

/// A new instance key, if nothing was sealed by another.
async fn new_key(store: &SlotStore) -> Result<InstanceKey, AuthorityError> {
    if store.read(KEY_FILE).await?.is_some() {
        let path = store.place(KEY_FILE);
        return Err(HolderError::Unsealed(path).into());
    }
    if store.holds_slots().await? {
        let path = store.place(WRAPPED);
        return Err(AuthorityError::InstanceKeyMissing { path });
    }
    Ok(InstanceKey::generate()?)
}

/// Stretching a passphrase, or asking a device, takes long: not among the tasks.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, SealError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(SealError::Open))
}

/// The passphrase in a file that the world cannot read, its last line end removed.
fn read_passphrase(path: &Path) -> Result<Zeroizing<Vec<u8>>, HolderError> {
    let failed = |source| HolderError::File {
        path: path.into(),
        source,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > PASSPHRASE_BYTES {
        let why = "it must be a regular file of at most 4 kB";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    // The group may: that is how an orchestrator hands secrets to a process.
    if metadata.permissions().mode() & 0o007 != 0 {
        return Err(HolderError::Open(path.into()));
    }
    let mut bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
    let length = bytes.trim_ascii_end().len();
    bytes.truncate(length);
    match bytes.len() < PASSPHRASE_SHORTEST {
        true => Err(HolderError::Short(path.into())),
        false => Ok(bytes),
    }
}

/// Why nobody gives the instance key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// The file cannot be read.
    #[error("the passphrase file {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Everybody can read it.
    #[error("every user of this machine can use the passphrase file {}", .0.display())]
    Open(PathBuf),
    /// Too short to withstand trying.
    #[error("the passphrase in {} is shorter than {PASSPHRASE_SHORTEST} bytes", .0.display())]
    Short(PathBuf),
    /// The data are those of a local instance.
    #[error("{} holds the instance key unsealed: this is a local instance", .0.display())]
    Unsealed(PathBuf),
}

impl Diagnose for HolderError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code("AUTH-0810"),
            Self::Open(_) => Code("AUTH-0811"),
            Self::Short(_) => Code("AUTH-0812"),
            Self::Unsealed(_) => Code("AUTH-0813"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File { path, .. } => format!(
                "write one: (umask 077; head -c 32 /dev/urandom | base64 > {})",
                path.display()
            ),
            Self::Open(path) => format!(
                "chmod 0400 {} (in Kubernetes: defaultMode: 0440 on the secret's volume)",
                path.display()
            ),
            Self::Short(path) => format!(
                "before the first start, write a longer one: (umask 077; head -c 32 /dev/urandom | base64 > {})",
                path.display()
            ),
            Self::Unsealed(_) => {
                "serve it with `bulla up`, or give `bulla serve` a data directory of its own".into()
            }
        })
    }
}
