//! Taking evidence away from an image, in both layouts.
//!
//! Only what is there for that image goes: a referrer is opened, and must name
//! it. Blobs stay for the registry to collect; the image itself is never touched.

use bulla_core::{Digest, Reference};
use serde::Serialize;
use std::collections::BTreeSet;

use super::Kind;
use crate::{
    client::{ClientError, Registry},
    cosign::Slot,
};

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// What it was called: a tag, or a digest if it was a referrer.
    pub reference: Reference,
    /// What it was.
    pub kind: Kind,
}

/// Deletes the evidence of these kinds from `subject`, in the repository of
/// `at`; what was deleted. What names another subject is left alone.
///
/// # Errors
/// [`ClientError::DeletionRefused`] from a registry that keeps seals, or as for
/// every exchange. What was deleted by then is gone.
pub async fn clean(
    registry: &Registry,
    at: &Reference,
    subject: &Digest,
    kinds: &BTreeSet<Kind>,
) -> Result<Vec<Removed>, ClientError> {
    let mut removed = Vec::new();
    for slot in Slot::ALL {
        let kind = Kind::from(slot);
        if !kinds.contains(&kind) {
            continue;
        }
        let tag = registry.seal_tag(at, subject, slot)?;
        let Some(found) = registry.find(&tag).await? else {
            continue;
        };
        // By its digest, which every registry that deletes knows; some know tags, too.
        let by_digest = tag.by_digest(found.descriptor.digest);
        match registry.delete(&by_digest).await {
            Ok(_) => {}
            Err(refused) => match registry.delete(&tag).await {
                Ok(true) => {}
                _ => return Err(refused),
            },
        }
        removed.push(Removed {
            reference: tag,
            kind,
        });
    }
    let (entries, fallback) = registry.listed_somewhere(at, subject, None).await?;
    let mut gone = Vec::new();
    for entry in entries {
        let manifest = match registry.referrer(at, subject, &entry).await {
            Ok(Some((_, manifest))) => manifest,
            Ok(None) | Err(ClientError::Protocol { .. } | ClientError::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        let kind = Kind::of(&manifest);
        if !kinds.contains(&kind) {
            continue;
        }
        let reference = at.by_digest(entry.digest.clone());
        registry.delete(&reference).await?;
        gone.push(entry.digest);
        removed.push(Removed { reference, kind });
    }
    if fallback && !gone.is_empty() {
        registry.drop_from_fallback(at, subject, &gone).await?;
    }
    Ok(removed)
}
