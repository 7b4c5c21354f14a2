//! A folder that `cosign save` or `bulla save` made: an image layout that holds
//! an image and its evidence.
//!
//! `index.json` tells by the annotation `kind` which manifest is the image, its
//! signatures and its attestations. Referrers are found by looking through the
//! blobs for manifests with a subject, because cosign lists them nowhere; what
//! we write lists them, too, and names the tags that cosign has no `kind` for.

use bulla_core::{Descriptor, Digest, limits};
use std::{collections::BTreeMap, path::Path};

use crate::{
    client::{
        Attached, Attachments, Child, ClientError, Descent, Fetched, Opened, collect_layers,
        may_be_legacy,
    },
    cosign::{LegacySet, Slot},
    layout::{Layout, REF_NAME},
    limits::{Budget, Limits},
    manifest::{Manifest, ManifestError, parse_manifest},
};

mod scan;

/// The annotation that says what a manifest of the folder is.
pub(crate) const KIND: &str = "kind";
/// An image.
pub(crate) const IMAGE: &str = "dev.cosignproject.cosign/image";
/// An index of images.
pub(crate) const IMAGE_INDEX: &str = "dev.cosignproject.cosign/imageIndex";

/// What `kind` says of evidence of the image itself.
pub(crate) fn kind_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Signatures => "dev.cosignproject.cosign/sigs",
        Slot::Attestations => "dev.cosignproject.cosign/atts",
        Slot::Sboms => "dev.cosignproject.cosign/sboms",
    }
}

/// Whether an entry of `index.json` is evidence, not an image.
pub(crate) fn is_evidence(entry: &Descriptor) -> bool {
    let kind = entry.annotations.get(KIND);
    let name = entry.annotations.get(REF_NAME);
    Slot::ALL
        .iter()
        .any(|slot| kind.is_some_and(|kind| kind == kind_of(*slot)))
        || name.is_some_and(|name| is_seal_tag(name))
}

/// Whether a tag is one that seals are kept under.
fn is_seal_tag(tag: &str) -> bool {
    Slot::of_tag(tag).is_some_and(|(_, subject)| subject.starts_with("sha"))
}

/// An image and its evidence in a folder.
#[derive(Clone, Debug)]
pub struct Saved {
    layout: Layout,
    image: Descriptor,
    listed: Vec<Descriptor>,
    referrers: BTreeMap<Digest, Vec<Descriptor>>,
    limits: Limits,
}

impl Saved {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`ClientError::NotSaved`] if it does not hold exactly one image, or of
    /// the layout.
    pub fn open(folder: &Path) -> Result<Self, ClientError> {
        Self::within(folder, Limits::default())
    }

    /// The same within other bounds.
    ///
    /// # Errors
    /// As [`Saved::open`].
    pub fn within(folder: &Path, limits: Limits) -> Result<Self, ClientError> {
        let layout = Layout::open(folder)?;
        let listed = layout.index()?.manifests;
        let referrers = scan::referrers(&layout)?;
        let is_image = |entry: &&Descriptor| {
            let kind = entry.annotations.get(KIND).map(String::as_str);
            matches!(kind, Some(IMAGE | IMAGE_INDEX))
        };
        let mut images: Vec<&Descriptor> = listed.iter().filter(is_image).collect();
        if images.is_empty() {
            // A layout that another tool made: the one thing that is no evidence.
            let refers = |entry: &Descriptor| {
                let mut all = referrers.values().flatten();
                all.any(|referrer| referrer.digest == entry.digest)
            };
            let mut rest = listed.iter().filter(|entry| !is_evidence(entry));
            images = rest.by_ref().filter(|entry| !refers(entry)).collect();
        }
        images.dedup_by(|a, b| a.digest == b.digest);
        let [image] = images.as_slice() else {
            let path = folder.into();
            return Err(ClientError::NotSaved { path });
        };
        let image = Descriptor::new(&image.media_type, image.digest.clone(), image.size);
        Ok(Self {
            layout,
            image,
            listed,
            referrers,
            limits,
        })
    }

    /// The image or index.
    pub fn image(&self) -> &Descriptor {
        &self.image
    }

    /// The tag that it had, if the folder tells.
    pub fn tag(&self) -> Option<&str> {
        let mut entries = self.listed.iter();
        let image = entries.find(|entry| entry.digest == self.image.digest)?;
        image.annotations.get(REF_NAME).map(String::as_str)
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A manifest, checked.
    pub(crate) fn manifest(&self, descriptor: &Descriptor) -> Result<Fetched, ClientError> {
        let bytes = self.layout.read_blob(descriptor, limits::MANIFEST_BYTES)?;
        let manifest = parse_manifest(&bytes, Some(&descriptor.media_type))?;
        let (media, digest) = (&descriptor.media_type, descriptor.digest.clone());
        Ok(Fetched {
            descriptor: Descriptor::new(media, digest, descriptor.size),
            bytes,
            manifest,
        })
    }

    /// As [`crate::Registry::children`].
    pub(crate) fn children(&self) -> Result<Vec<Child>, ClientError> {
        let top = self.manifest(&self.image)?;
        let place = self.layout.path().display().to_string();
        let mut descent = Descent::from(top.descriptor, &top.manifest, place, &self.limits)?;
        while let Some(child) = descent.next() {
            if let Manifest::Index(index) = self.manifest(&child.descriptor)?.manifest {
                descent.add(&index, child.depth + 1)?;
            }
        }
        Ok(descent.found)
    }

    /// As [`crate::Registry::referrers`].
    pub(crate) fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, ClientError> {
        let mut all = self.referrers.get(subject).cloned().unwrap_or_default();
        if let Some(wanted) = artifact_type {
            all.retain(|entry| entry.artifact_type.as_deref() == Some(wanted));
        }
        if all.len() > self.limits.referrers {
            return Err(ClientError::TooManyReferrers {
                place: self.layout.path().display().to_string(),
                subject: subject.clone(),
                limit: self.limits.referrers,
            });
        }
        Ok(all)
    }

    /// As [`crate::Registry::attachments`].
    pub(crate) fn attachments(
        &self,
        subject: &Digest,
        artifact_type: &str,
        limit: u64,
    ) -> Result<Attachments, ClientError> {
        let budget = Budget::of(&self.limits, subject);
        let mut all = Attachments::default();
        for entry in self.referrers(subject, Some(artifact_type))? {
            match self.attached(&entry, &budget, limit) {
                Ok(attached) => all.found.push(attached),
                Err(error) => all.unreadable.push((entry, error)),
            }
        }
        Ok(all)
    }

    fn attached(
        &self,
        entry: &Descriptor,
        budget: &Budget,
        limit: u64,
    ) -> Result<Attached, ClientError> {
        let fetched = self.manifest(entry)?;
        let Manifest::Image(manifest) = fetched.manifest else {
            return Err(ManifestError::Ambiguous.into());
        };
        let [layer] = manifest.layers.as_slice() else {
            return Err(ClientError::Protocol {
                place: entry.digest.to_string(),
                what: "its manifest has not exactly one layer",
            });
        };
        budget.take(layer.size)?;
        Ok(Attached {
            artifact_type: manifest.kind().to_owned(),
            bytes: self.layout.read_blob(layer, limit)?,
            descriptor: fetched.descriptor,
            annotations: manifest.annotations,
        })
    }

    /// As [`crate::EvidenceSource::legacy`].
    pub(crate) async fn legacy(
        &self,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Vec<LegacySet>, ClientError> {
        let mut manifests: Vec<_> = self.tagged(subject, slot)?.into_iter().collect();
        for entry in self.referrers(subject, None)? {
            if may_be_legacy(&entry, slot) {
                manifests.push((entry.digest.to_string(), self.manifest(&entry)?));
            }
        }
        let budget = Budget::of(&self.limits, subject);
        let mut sets = Vec::new();
        for (place, fetched) in manifests {
            let Manifest::Image(manifest) = fetched.manifest.clone() else {
                return Err(ManifestError::Ambiguous.into());
            };
            let opened = Opened {
                place,
                fetched,
                manifest,
            };
            let read = |layer: Descriptor| {
                let bytes = self.layout.read_blob(&layer, limits::BUNDLE_BYTES);
                std::future::ready(bytes.map_err(ClientError::from))
            };
            let set = collect_layers(opened, slot, &self.limits, &budget, 1, read);
            sets.push(set.await?);
        }
        Ok(sets)
    }

    /// The manifest of the old layout's tag, and what it is called.
    pub(crate) fn tagged(
        &self,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Option<(String, Fetched)>, ClientError> {
        let (tag, kind) = (slot.tag(subject), kind_of(slot));
        let of_image = *subject == self.image.digest;
        let fits = |entry: &&Descriptor| match entry.annotations.get(REF_NAME) {
            Some(name) if is_seal_tag(name) => *name == tag,
            _ => of_image && entry.annotations.get(KIND).is_some_and(|k| k == kind),
        };
        let Some(entry) = self.listed.iter().find(fits) else {
            return Ok(None);
        };
        Ok(Some((tag, self.manifest(entry)?)))
    }

    /// Writes the list of what a folder holds.
    pub(crate) fn write_list(
        layout: &Layout,
        image: &Fetched,
        tag: Option<&str>,
        evidence: Vec<Descriptor>,
    ) -> Result<(), ClientError> {
        let kind = match image.manifest {
            Manifest::Image(_) => IMAGE,
            Manifest::Index(_) => IMAGE_INDEX,
        };
        let mut top = image.descriptor.clone();
        top.annotations.insert(KIND.into(), kind.into());
        if let Some(tag) = tag {
            top.annotations.insert(REF_NAME.into(), tag.into());
        }
        let mut list = vec![top];
        list.extend(evidence);
        layout.set_manifests(list)?;
        Ok(())
    }

    /// What a referrer is in the list.
    pub(crate) fn entry_of(fetched: &Fetched) -> Descriptor {
        let mut entry = fetched.descriptor.clone();
        if let Manifest::Image(manifest) = &fetched.manifest {
            entry.artifact_type = Some(manifest.kind().to_owned());
            entry.annotations.clone_from(&manifest.annotations);
            entry.annotations.remove(KIND);
            entry.annotations.remove(REF_NAME);
        }
        entry
    }

    /// What a manifest of the old layout is in the list.
    pub(crate) fn tag_entry(
        fetched: &Fetched,
        subject: &Digest,
        slot: Slot,
        of_image: bool,
    ) -> Descriptor {
        let mut entry = fetched.descriptor.clone();
        if of_image {
            let kind = kind_of(slot).to_owned();
            entry.annotations.insert(KIND.into(), kind);
        }
        let name = slot.tag(subject);
        entry.annotations.insert(REF_NAME.into(), name);
        entry
    }
}

#[cfg(test)]
mod tests;
