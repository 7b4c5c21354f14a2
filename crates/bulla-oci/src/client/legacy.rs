//! Reading cosign's old layout: the tag of a subject, or referrers of its types.
//!
//! A layer comes with what stands beside it, and its bytes are those of its
//! descriptor. That it is about the subject is not known yet: the tag is a name
//! that anybody who may push can give, so the payload has to say it.

use bulla_core::{Descriptor, Digest, Reference, limits};
use futures_util::{StreamExt as _, stream};
use std::collections::BTreeMap;

use super::{ClientError, Fetched, Registry};
use crate::{
    cosign::{LegacyLayer, LegacySet, Slot},
    limits::{Budget, Limits},
    manifest::{ImageManifest, Manifest, ManifestError},
};

impl Registry {
    /// The tag of `slot` for `subject` in the repository of `at`.
    pub(crate) fn seal_tag(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Reference, ClientError> {
        let tag = format!("{}{}", self.prefix, slot.tag(subject));
        at.by_tag(&tag).map_err(|_| ClientError::NoTag {
            reference: at.name(),
        })
    }

    /// The signatures, attestations or SBOMs of `subject` under its tag in the
    /// repository of `at`, which need not be the image's own; `None` if there
    /// is no such tag.
    ///
    /// # Errors
    /// [`ClientError::TooManyLayers`], [`ClientError::Budget`] or
    /// [`ClientError::Late`] beyond the client's bounds, or as for every
    /// exchange. A layer that cannot be had is told beside the others.
    pub async fn legacy(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Option<LegacySet>, ClientError> {
        let budget = Budget::of(&self.limits, subject);
        let gather = self.legacy_within(at, subject, slot, &budget);
        self.limits.in_time("fetching the old layout", gather).await
    }

    /// The same within a budget that others take from, too.
    pub(crate) async fn legacy_within(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
        budget: &Budget,
    ) -> Result<Option<LegacySet>, ClientError> {
        let tag = self.seal_tag(at, subject, slot)?;
        let Some(fetched) = self.find(&tag).await? else {
            return Ok(None);
        };
        let Manifest::Image(manifest) = fetched.manifest.clone() else {
            return Err(ManifestError::Ambiguous.into());
        };
        let set = self.layers(&tag, fetched, manifest, slot, budget);
        set.await.map(Some)
    }

    /// The same from manifests of the old layout that are referrers of
    /// `subject` (cosign's `oci-1-1` mode). A referrer that cannot be read, or
    /// names another subject, is a set of its own without layers.
    ///
    /// # Errors
    /// As [`Registry::legacy`].
    pub async fn legacy_referrers(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Vec<LegacySet>, ClientError> {
        let budget = Budget::of(&self.limits, subject);
        let gather = async {
            let listed = self.referrers(at, subject, None).await?;
            self.legacy_listed(at, subject, slot, &listed, &budget)
                .await
        };
        self.limits.in_time("fetching old referrers", gather).await
    }

    /// The same of what is listed, within a budget that others take from, too.
    pub(crate) async fn legacy_listed(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
        listed: &[Descriptor],
        budget: &Budget,
    ) -> Result<Vec<LegacySet>, ClientError> {
        let (mut sets, mut count) = (Vec::new(), 0);
        for entry in listed.iter().filter(|entry| may_be(entry, slot)) {
            let at = at.by_digest(entry.digest.clone());
            let (fetched, manifest) = match self.referrer(&at, subject, entry).await {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    sets.push(LegacySet {
                        place: at.to_string(),
                        descriptor: entry.clone(),
                        layers: Vec::new(),
                        unreadable: vec![(entry.clone(), error)],
                    });
                    continue;
                }
            };
            if !slot.artifact_types().contains(&manifest.kind()) {
                continue;
            }
            count += manifest.layers.len();
            check_count(count, &self.limits, &at.to_string())?;
            let set = self.layers(&at, fetched, manifest, slot, budget);
            sets.push(set.await?);
        }
        Ok(sets)
    }

    async fn layers(
        &self,
        at: &Reference,
        fetched: Fetched,
        manifest: ImageManifest,
        slot: Slot,
        budget: &Budget,
    ) -> Result<LegacySet, ClientError> {
        let place = at.to_string();
        let read =
            |layer: Descriptor| async move { self.blob(at, &layer, limits::BUNDLE_BYTES).await };
        let at_once = self.limits.at_once;
        let open = Opened {
            place,
            fetched,
            manifest,
        };
        collect(open, slot, &self.limits, budget, at_once, read).await
    }
}

/// A manifest of the old layout, and where it is.
pub(crate) struct Opened {
    pub(crate) place: String,
    pub(crate) fetched: Fetched,
    pub(crate) manifest: ImageManifest,
}

/// Reads the layers of a manifest, each payload once.
pub(crate) async fn collect<F>(
    opened: Opened,
    slot: Slot,
    limits: &Limits,
    budget: &Budget,
    at_once: usize,
    read: impl Fn(Descriptor) -> F,
) -> Result<LegacySet, ClientError>
where
    F: Future<Output = Result<Vec<u8>, ClientError>>,
{
    let place = opened.place;
    check_count(opened.manifest.layers.len(), limits, &place)?;
    let (mut wanted, mut unreadable) = (Vec::new(), Vec::new());
    for layer in opened.manifest.layers {
        if wanted.contains(&layer) {
            continue;
        }
        if slot.holds(&layer.media_type) {
            wanted.push(layer);
            continue;
        }
        let what = "its layer has another media type than belongs there";
        let place = place.clone();
        unreadable.push((layer, ClientError::Protocol { place, what }));
    }
    let mut payloads: BTreeMap<(Digest, u64), Descriptor> = BTreeMap::new();
    for layer in &wanted {
        let key = (layer.digest.clone(), layer.size);
        if payloads.insert(key, layer.clone()).is_none() {
            budget.take(layer.size)?;
        }
    }
    let read: BTreeMap<(Digest, u64), Result<Vec<u8>, ClientError>> =
        stream::iter(payloads.into_iter().map(|(key, layer)| {
            let bytes = read(layer);
            async { (key, bytes.await) }
        }))
        .buffered(at_once.max(1))
        .collect()
        .await;
    let (mut layers, mut failed) = (Vec::new(), BTreeMap::new());
    let mut good = BTreeMap::new();
    for (key, result) in read {
        match result {
            Ok(bytes) => drop(good.insert(key, bytes)),
            Err(error) => drop(failed.insert(key, error)),
        }
    }
    for descriptor in wanted {
        let key = (descriptor.digest.clone(), descriptor.size);
        if let Some(bytes) = good.get(&key) {
            layers.push(LegacyLayer {
                annotations: descriptor.annotations.clone(),
                descriptor,
                bytes: bytes.clone(),
            });
        } else if let Some(error) = failed.remove(&key) {
            unreadable.push((descriptor, error)); // once, however often it is listed
        }
    }
    Ok(LegacySet {
        place,
        descriptor: opened.fetched.descriptor,
        layers,
        unreadable,
    })
}

/// Whether an entry of a list may be of this slot: some lists have no types, or
/// those of configurations.
pub(crate) fn may_be(entry: &Descriptor, slot: Slot) -> bool {
    let kind = entry.artifact_type.as_deref().unwrap_or_default();
    matches!(kind, "" | bulla_core::descriptor::media_type::EMPTY)
        || slot.artifact_types().contains(&kind)
}

fn check_count(count: usize, limits: &Limits, place: &str) -> Result<(), ClientError> {
    if count > limits.layers {
        return Err(ClientError::TooManyLayers {
            place: place.to_owned(),
            count,
            limit: limits.layers,
        });
    }
    Ok(())
}
