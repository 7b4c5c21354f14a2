//! The instance that a ceremony is for: the local one, or that of a configuration.

use bulla_authority::{authority::Mailbox, key_slot::KeySlots, tuf::TufSettings};
use bulla_store::{Storage, Store};
use std::path::Path;

use crate::{
    compose::serve::{self, ServeConfig},
    context::Context,
    failure::{Exit, Failure, OrFail},
    instance::Home,
};

/// Its store, beside whoever serves it.
pub struct Place {
    home: Home,
    storage: Storage,
    config: Option<ServeConfig>,
}

impl Place {
    /// Opens it; it must have been started once.
    ///
    /// # Errors
    /// If there is none, or its store cannot be opened.
    pub async fn open(config: Option<&Path>, context: &Context) -> Result<Self, Failure> {
        if let Some(path) = config {
            let (config, _) = ServeConfig::load(path, std::env::vars_os())?;
            return Ok(Self {
                home: Home::find(Some(&config.data))?,
                storage: serve::open_storage(&config).await?,
                config: Some(config),
            });
        }
        let home = context.home()?;
        if !home.exists() {
            return Err(Failure::new(
                Exit::CouldNotRun,
                "CLI-0341",
                format!("{} holds no instance", home.path().display()),
            )
            .hint("bulla up --data DIR creates one; name its directory with --data DIR"));
        }
        let store = Store::open(home.path()).await.or_could_not_run()?;
        Ok(Self {
            home,
            storage: store.into(),
            config: None,
        })
    }

    /// Its directory, which whoever serves holds locked.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where it finds what a ceremony left.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.storage.values())
    }

    /// The store.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Its keys.
    ///
    /// # Errors
    /// If what seals them cannot be had.
    pub async fn slots(&self) -> Result<KeySlots, Failure> {
        match &self.config {
            Some(config) => serve::open_slots(config, &self.storage).await,
            None => KeySlots::open(&self.storage.directory().join("keys"))
                .await
                .or_could_not_run(),
        }
    }

    /// Its settings of the repository.
    pub fn settings(&self) -> TufSettings {
        let settings = self.config.as_ref().map(|config| config.tuf.clone());
        settings.unwrap_or_default()
    }

    /// Closes the store.
    pub async fn close(self) {
        self.storage.close().await;
    }
}
