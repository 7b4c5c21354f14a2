//! New online keys at once, because the present ones may be in other hands.
//!
//! The keys of root and targets must be here to name them; where people hold one
//! of these, a ceremony does it. A process that ends in between leaves new keys
//! that the next renewal names.

use bulla_trust::tuf::metadata::Role;

use super::{
    super::{
        Installed, TufError,
        keys::{self, Keys},
        repository::Repository,
    },
    Inner, Publisher,
};

impl Publisher {
    /// Replaces the keys of snapshot, timestamp and the online role. New root and
    /// targets name the new ones at once, and the former are removed.
    ///
    /// # Errors
    /// [`TufError::KeyOffline`] if people hold the key of root or targets, and
    /// nothing has changed; [`TufError`].
    pub async fn rotate(&self) -> Result<Installed, TufError> {
        let Inner {
            values,
            slots,
            settings,
            clock,
            ..
        } = &*self.inner;
        let repository = Repository::load(values).await?.ok_or(TufError::NoRoot)?;
        let keys = Keys::load(slots, values, settings).await?;
        for role in [Role::Root, Role::Targets] {
            if !keys.speaks_for(role, &repository.root) {
                let role = role.name();
                tracing::info!(target: "audit", event = "tuf.rotation-refused", offline = role);
                let online = keys::ONLINE.map(|role| keys::slot(role, 1));
                let remove = slots.removal(&online.each_ref().map(String::as_str));
                return Err(TufError::KeyOffline { role, remove });
            }
        }
        keys::next_generation(slots, values).await?;
        let versions = self.commit(clock.now(), |_| Ok(())).await?;
        keys::retire(values, slots).await?;
        tracing::info!(target: "audit", event = "tuf.rotated", root = versions.root);
        Ok(versions.installed())
    }
}
