//! One Sigstore instance: whom to believe, and where to sign.
//!
//! A trust root and a signing config that belong together, from what is
//! embedded, from files, or from the cache that `trust init` filled. Reading one
//! makes no connection. A root that no TUF `root.json` vouches for is named by
//! the digest of its own document.

use bulla_core::{Digest, RootId};
use bulla_trust::{
    TrustRoot,
    root::{ClientTrustConfig, LogChoice, RootError, SigningConfig, SigningServices},
};
use jiff::Timestamp;
use std::sync::Arc;

/// A trust root and the services that belong to it.
#[derive(Clone, Debug)]
pub struct Sigstore {
    root: Arc<TrustRoot>,
    config: Option<SigningConfig>,
    /// The config that also names the log of API version 2, where the instance
    /// publishes it apart.
    config_v2: Option<SigningConfig>,
}

impl Sigstore {
    /// The public-good instance, as it is embedded.
    ///
    /// # Errors
    /// [`RootError`] if the embedded copies cannot be used.
    pub fn public_good() -> Result<Self, RootError> {
        let documents = ClientTrustConfig::public_good();
        let id = TrustRoot::public_good_id();
        Ok(Self {
            config_v2: Some(SigningConfig::public_good_v2()?),
            ..Self::read(
                &documents.trusted_root,
                Some(&documents.signing_config),
                Some(id),
            )?
        })
    }

    /// An instance from its `trusted_root.json` and, to sign with it, its
    /// `signing_config.v0.2.json`.
    ///
    /// # Errors
    /// [`RootError`] if a document cannot be used.
    pub fn read(
        trusted_root: &[u8],
        signing_config: Option<&[u8]>,
        id: Option<RootId>,
    ) -> Result<Self, RootError> {
        let id = id.unwrap_or_else(|| RootId(Digest::sha256(trusted_root)));
        Self::under(TrustRoot::parse(trusted_root, id)?, signing_config)
    }

    /// An instance whose root was read, with its signing config if it has one.
    ///
    /// # Errors
    /// [`RootError`] if that is not one.
    pub fn under(root: TrustRoot, signing_config: Option<&[u8]>) -> Result<Self, RootError> {
        Ok(Self {
            root: Arc::new(root),
            config: signing_config.map(SigningConfig::parse).transpose()?,
            config_v2: None,
        })
    }

    /// An instance from one document: a `ClientTrustConfig`, or a trust root
    /// alone, with which nothing can be signed.
    ///
    /// # Errors
    /// [`RootError`] if it is neither.
    pub fn read_document(bytes: &[u8], id: Option<RootId>) -> Result<Self, RootError> {
        if !ClientTrustConfig::is_one(bytes) {
            return Self::read(bytes, None, id);
        }
        let documents = ClientTrustConfig::parse(bytes)?;
        Self::read(&documents.trusted_root, Some(&documents.signing_config), id)
    }

    /// Takes these services in place of those that came with the root.
    ///
    /// # Errors
    /// [`RootError`] if it is no signing config.
    pub fn with_signing_config(mut self, signing_config: &[u8]) -> Result<Self, RootError> {
        self.config = Some(SigningConfig::parse(signing_config)?);
        self.config_v2 = None;
        Ok(self)
    }

    /// Whom to believe.
    pub fn root(&self) -> &TrustRoot {
        &self.root
    }

    /// Whom to believe, for whoever keeps it.
    pub fn shared_root(&self) -> Arc<TrustRoot> {
        self.root.clone()
    }

    /// Where to sign at `now`.
    ///
    /// # Errors
    /// [`RootError::NoService`] if the instance names no services, or none of
    /// some kind that can be used now.
    pub fn services(&self, now: Timestamp, logs: LogChoice) -> Result<SigningServices, RootError> {
        let config = match (&self.config_v2, logs) {
            (Some(config), LogChoice::V2) => Some(config),
            _ => self.config.as_ref(),
        };
        config
            .ok_or(RootError::NoService { what: "service" })?
            .services(now, logs)
    }
}

#[cfg(test)]
mod tests;
