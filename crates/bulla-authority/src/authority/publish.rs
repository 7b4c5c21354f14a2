//! The instance's TUF repository: opened with the documents of this instance, and
//! signed again before anything expires.

use bulla_core::Clock;
use bulla_store::Values;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

use crate::{
    error::AuthorityError,
    key_slot::KeySlots,
    store::LogStore,
    tuf::{Publisher, Seed, TopTarget, TufSettings},
};

/// Where instances kept these before the repository had rows of its own.
const FIRST_ROOT: &str = "tuf-root.json";
const LAST_VERSION: &str = "tuf-version";
/// How often it is looked whether something has to be signed again.
const LOOK: Duration = Duration::from_secs(60);

/// Opens the repository, and gives the first root beside it.
pub(super) async fn publish(
    slots: &KeySlots,
    store: &dyn LogStore,
    values: Values,
    settings: TufSettings,
    since: Timestamp,
    top: Vec<TopTarget>,
    clock: &Arc<dyn Clock>,
) -> Result<(Vec<u8>, Publisher), AuthorityError> {
    let seed = Seed {
        root: store.document(FIRST_ROOT).await?,
        floor: last_version(store).await?,
        since,
    };
    let (slots, clock) = (slots.clone(), clock.clone());
    let publisher = Publisher::open(values, slots, settings, clock.clone(), seed, top).await?;
    tokio::spawn(keep_fresh(publisher.downgrade(), clock));
    Ok((publisher.first_root().await?, publisher))
}

/// Signs again what is due, until the publisher is gone.
async fn keep_fresh(publisher: impl Fn() -> Option<Publisher>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(publisher) = publisher() else { return };
        if let Err(error) = publisher.renew(clock.now()).await {
            tracing::error!(%error, "the TUF repository was not signed again");
        }
    }
}

/// The last version that clients may have seen of what was published without rows.
async fn last_version(store: &dyn LogStore) -> Result<u64, AuthorityError> {
    match store.document(LAST_VERSION).await? {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| AuthorityError::Damaged {
            what: LAST_VERSION.into(),
        }),
        None => Ok(0),
    }
}
