//! Tags that many write: read, add, write, and look again until it is in.
//!
//! Registries have no compare-and-swap for tags, so a writer that read before
//! another one wrote overwrites it. Reading again after writing, and adding
//! again, loses an entry only if the other one is still between its reading and
//! writing by then; bulla's own registry refuses that, and the loop goes on.
//! Writers of the same process wait for each other.

use bulla_core::{Descriptor, Reference};
use bytes::Bytes;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{ClientError, Fetched, Registry, push::Content};

/// How often a tag is written before giving up.
const ATTEMPTS: u32 = 20;

/// Whose turn it is to write a tag.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

/// What a tag is to name.
pub(super) struct Next {
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
    /// Blobs that it needs beside those that are there.
    pub(super) blobs: Vec<(Descriptor, Bytes)>,
}

impl Registry {
    /// What `reference` names, if anything.
    pub(crate) async fn find(&self, reference: &Reference) -> Result<Option<Fetched>, ClientError> {
        match self.manifest(reference).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes `tag` name what `merge` makes of what it names now, until `merge`
    /// has nothing to add; the manifest that it then names.
    pub(super) async fn grow(
        &self,
        tag: &Reference,
        mut merge: impl FnMut(Option<&Fetched>) -> Result<Option<Next>, ClientError>,
    ) -> Result<Option<Descriptor>, ClientError> {
        let turn = {
            let mut growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
            growing.entry(tag.clone()).or_default().clone()
        };
        let _turn = turn.lock().await;
        for attempt in 0..ATTEMPTS {
            let now = self.find(tag).await?;
            let Some(next) = merge(now.as_ref())? else {
                return Ok(now.map(|fetched| fetched.descriptor));
            };
            if attempt > 1 {
                tokio::time::sleep(Duration::from_millis(u64::from(pause(&next, attempt)))).await;
            }
            for (blob, bytes) in &next.blobs {
                self.push_blob(tag, blob, Content::Bytes(bytes)).await?;
            }
            let name = tag.tag().unwrap_or_default();
            let written = self.put_manifest(tag, name, &next.media_type, next.bytes.into());
            match written.await {
                Ok(_) => {}
                Err(refused @ ClientError::Refused { .. }) => {
                    // Refused because another one came first, or for good?
                    let then = self.find(tag).await?;
                    let digest = |fetched: Option<Fetched>| fetched.map(|f| f.descriptor.digest);
                    if digest(then) == digest(now) {
                        return Err(refused);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::Contended {
            place: tag.to_string(),
        })
    }
}

/// Milliseconds to wait so that writers that met once do not meet again: what
/// each is about to write differs.
fn pause(next: &Next, attempt: u32) -> u32 {
    let digest = bulla_core::Digest::sha256(&next.bytes).bytes();
    let own = digest.first().copied().unwrap_or_default();
    (2 + u32::from(own) / 16) * attempt.min(8)
}
