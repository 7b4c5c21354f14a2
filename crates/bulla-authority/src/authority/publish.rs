//! The instance's TUF repository: its first root once, the rest at each start
//! and each day, under versions that only grow.

use bulla_core::Clock;
use bulla_crypto::Scheme;
use jiff::Timestamp;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

use crate::{
    error::AuthorityError,
    key_slot::KeySlots,
    store::LogStore,
    tuf::{self, Publisher, Target, TufKeys},
};

const TUF_VERSION: &str = "tuf-version";
/// How often snapshot and timestamp are signed again.
const TUF_REFRESH: Duration = Duration::from_secs(86_400);

/// Publishes `documents` and gives the first root beside the publisher.
pub(super) async fn publish(
    slots: &KeySlots,
    store: &Arc<dyn LogStore>,
    since: Timestamp,
    documents: [(&str, &Value); 2],
    clock: &Arc<dyn Clock>,
) -> Result<(Vec<u8>, Arc<Publisher>), AuthorityError> {
    let key = async |role: &str| {
        let slot = format!("tuf-{role}");
        slots.get_or_create(&slot, Scheme::Ed25519).await
    };
    let keys = TufKeys {
        root: key("root").await?,
        targets: key("targets").await?,
        snapshot: key("snapshot").await?,
        timestamp: key("timestamp").await?,
    };
    let root = tuf::first_root(&keys, since)?;
    let root = store.create_document("tuf-root.json", &root).await?;
    let target = |(name, document): (&str, &Value)| {
        let bytes = serde_json::to_vec(document)?;
        Ok::<_, AuthorityError>(Target {
            name: name.into(),
            bytes,
        })
    };
    let targets = documents
        .into_iter()
        .map(target)
        .collect::<Result<_, _>>()?;
    let version = next_version(&**store).await?;
    let publisher = Arc::new(Publisher::new(
        keys,
        root.clone(),
        targets,
        version,
        clock.now(),
    )?);
    tokio::spawn(keep_fresh(
        Arc::downgrade(&publisher),
        store.clone(),
        clock.clone(),
    ));
    Ok((root, publisher))
}

/// Signs again each day, until the publisher is gone.
async fn keep_fresh(
    publisher: std::sync::Weak<Publisher>,
    store: Arc<dyn LogStore>,
    clock: Arc<dyn Clock>,
) {
    loop {
        tokio::time::sleep(TUF_REFRESH).await;
        let Some(publisher) = publisher.upgrade() else {
            return;
        };
        let refreshed = match next_version(&*store).await {
            Ok(version) => publisher
                .refresh(version, clock.now())
                .map_err(AuthorityError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = refreshed {
            tracing::error!(%error, "the TUF repository was not signed again");
        }
    }
}

/// A version of the TUF metadata that no client has seen: kept before it is used.
async fn next_version(store: &dyn LogStore) -> Result<u64, AuthorityError> {
    let damaged = || AuthorityError::Damaged {
        what: TUF_VERSION.into(),
    };
    let last: u64 = match store.document(TUF_VERSION).await? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| damaged())?,
        None => 0,
    };
    let next = last.checked_add(1).ok_or_else(damaged)?;
    store
        .put_document(TUF_VERSION, &serde_json::to_vec(&next)?)
        .await?;
    Ok(next)
}
