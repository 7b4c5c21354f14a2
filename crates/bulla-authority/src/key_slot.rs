//! Key slots: the instance's named private keys.
//!
//! A slot is either sealed by the instance key and kept in a file or a row
//! ([`SlotStore`]), or it names a key that a token or key service holds and that
//! never comes here. Who keeps the instance key is [`InstanceKeySource`]'s
//! business. After a ceremony the slots of offline roles are empty, and stay so.

mod external;
mod holder;
mod store;

use bulla_crypto::{
    Scheme, Signer, SigningKey,
    seal::{InstanceKey, WrappedKey},
};
use bulla_net::kms::Environment;
use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::error::AuthorityError;

pub use external::ExternalKeyError;
pub use holder::{HolderError, InstanceKeySource};
pub use store::SlotStore;

/// The slots of one instance. Cheap to clone.
#[derive(Clone)]
pub struct KeySlots {
    store: SlotStore,
    instance_key: Arc<InstanceKey>,
    external: Arc<BTreeMap<String, Arc<dyn Signer>>>,
}

impl KeySlots {
    /// Opens the slots in `directory`, creating it and the instance key at
    /// first: a file beside them, which only the local instance does.
    ///
    /// # Errors
    /// [`AuthorityError::InstanceKeyMissing`] if slots are there without it,
    /// [`AuthorityError::KeyFile`] if a file cannot be used or others can read it.
    pub async fn open(directory: &Path) -> Result<Self, AuthorityError> {
        Self::unlock(SlotStore::files(directory)?, &InstanceKeySource::File).await
    }

    /// Opens the slots in `store` with the instance key that `source` keeps.
    ///
    /// # Errors
    /// [`HolderError`] if it does not open, and as [`Self::open`].
    pub async fn unlock(
        store: SlotStore,
        source: &InstanceKeySource,
    ) -> Result<Self, AuthorityError> {
        Ok(Self {
            instance_key: Arc::new(source.open(&store).await?),
            store,
            external: Arc::default(),
        })
    }

    /// The same, with the slots of `references` held by tokens and key services:
    /// slot to `pkcs11:…` or `NAME://…`.
    ///
    /// # Errors
    /// [`ExternalKeyError`] if one cannot be opened.
    pub async fn with_external(
        mut self,
        references: &BTreeMap<String, String>,
        environment: &Environment,
    ) -> Result<Self, AuthorityError> {
        self.external = Arc::new(external::open(references, environment).await?);
        Ok(self)
    }

    /// Whether `source` and `references` could be opened, for checking a
    /// configuration: nothing is made, and no slot is looked at.
    ///
    /// # Errors
    /// As [`Self::unlock`] and [`Self::with_external`].
    pub async fn probe(
        source: &InstanceKeySource,
        references: &BTreeMap<String, String>,
        environment: &Environment,
    ) -> Result<(), AuthorityError> {
        source.probe().await?;
        external::open(references, environment).await?;
        Ok(())
    }

    /// The key in `slot`, created at the first call.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`] if it does not open, [`AuthorityError::Damaged`]
    /// if it is of another scheme, [`AuthorityError::KeyFile`].
    pub async fn get_or_create(
        &self,
        slot: &str,
        scheme: Scheme,
    ) -> Result<Arc<dyn Signer>, AuthorityError> {
        let key = match self.get(slot).await? {
            Some(key) => key,
            None => {
                let key = SigningKey::generate(scheme)?;
                let sealed = self.instance_key.seal(slot, key.to_pkcs8_der())?;
                // Another replica may have been faster: what is kept counts.
                let kept = self.store.create(&sealed_name(slot), sealed).await?;
                Arc::new(self.opened(slot, &kept)?)
            }
        };
        match key.scheme() == scheme {
            true => Ok(key),
            false if self.external.contains_key(slot) => Err(ExternalKeyError::Scheme {
                slot: slot.into(),
                found: key.scheme(),
                wanted: scheme,
            }
            .into()),
            false => Err(AuthorityError::Damaged {
                what: format!("key {slot}"),
            }),
        }
    }

    /// The key in `slot`, if there is one.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`] if it does not open, [`AuthorityError::KeyFile`].
    pub async fn get(&self, slot: &str) -> Result<Option<Arc<dyn Signer>>, AuthorityError> {
        if let Some(key) = self.external.get(slot) {
            return Ok(Some(key.clone()));
        }
        match self.store.read(&sealed_name(slot)).await? {
            Some(sealed) => Ok(Some(Arc::new(self.opened(slot, &sealed)?))),
            None => Ok(None),
        }
    }

    /// Puts `key` into `slot`, whatever was there.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`], [`AuthorityError::KeyFile`].
    pub async fn replace(&self, slot: &str, key: &SigningKey) -> Result<(), AuthorityError> {
        let sealed = self.instance_key.seal(slot, key.to_pkcs8_der())?;
        self.store.put(&sealed_name(slot), sealed).await
    }

    /// Empties `slot`: its key is gone from here.
    ///
    /// # Errors
    /// [`AuthorityError::KeyFile`], or of the database.
    pub async fn remove(&self, slot: &str) -> Result<(), AuthorityError> {
        self.store.remove(&sealed_name(slot)).await
    }

    /// The command by which an operator removes every generation of these slots, while
    /// nobody serves.
    pub fn removal(&self, slots: &[&str]) -> String {
        self.store.removal(slots)
    }

    /// Seals a secret that is no key, for its owner to keep as `name`.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`] without randomness.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        Ok(self.instance_key.seal(&secret_name(name), secret)?)
    }

    /// Opens what [`Self::seal`] made for the same name.
    ///
    /// # Errors
    /// [`AuthorityError::Seal`] if it was changed, or sealed for another name.
    pub fn unseal(
        &self,
        name: &str,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, AuthorityError> {
        let secret = self.instance_key.open(&secret_name(name), sealed)?;
        Ok(zeroize::Zeroizing::new(secret))
    }

    fn opened(&self, slot: &str, sealed: &[u8]) -> Result<SigningKey, AuthorityError> {
        let pkcs8 = zeroize::Zeroizing::new(self.instance_key.open(slot, sealed)?);
        Ok(SigningKey::from_pkcs8_der(&pkcs8)?)
    }
}

/// The wrapped instance key as it is kept.
fn read_wrapped(bytes: &[u8]) -> Result<WrappedKey, AuthorityError> {
    serde_json::from_slice(bytes).map_err(|_| AuthorityError::Damaged {
        what: "instance key".into(),
    })
}

fn sealed_name(slot: &str) -> String {
    format!("{slot}.sealed")
}

/// Apart from every slot: a secret cannot be opened as a key, nor the reverse.
fn secret_name(name: &str) -> String {
    format!("secret/{name}")
}

#[cfg(test)]
mod tests;
