//! Carries manifests and blobs from a source to a registry or folder, children
//! and layers first. Each manifest and blob goes once, however often it is named;
//! the walk as a whole is bounded, so is what is in flight.

use bulla_core::{Descriptor, Digest, Reference};
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use std::{
    collections::BTreeSet,
    fs, io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Copied, CopyOptions, Kind};
use crate::{
    client::{ClientError, Content, Fetched, Registry},
    cosign::Slot,
    layout::{Layout, LayoutError},
    manifest::{ImageManifest, Manifest},
    saved::Saved,
    source::EvidenceSource,
};

/// Where it goes.
pub(super) enum Sink<'a> {
    Registry(&'a Registry, &'a Reference),
    Folder { layout: &'a Layout, image: Digest },
}

impl<'a> Sink<'a> {
    pub(super) fn folder(layout: &'a Layout, top: &Fetched) -> Self {
        Self::Folder {
            layout,
            image: top.descriptor.digest.clone(),
        }
    }
}

/// What was carried so far.
#[derive(Default)]
struct Tally {
    copied: Copied,
    seen: BTreeSet<Digest>,
    listed: Vec<Descriptor>,
    manifests: usize,
}

pub(super) struct Carrier<'a> {
    from: &'a EvidenceSource<'a>,
    to: Sink<'a>,
    options: &'a CopyOptions,
    /// Blobs on their way: checked here before they are sent on.
    staging: &'a Layout,
    tally: Mutex<Tally>,
}

/// The manifest that is moved: the one named, or the one for the platform.
pub(super) async fn chosen(
    from: &EvidenceSource<'_>,
    options: &CopyOptions,
) -> Result<Fetched, ClientError> {
    let named = from.subject().await?;
    let Some(platform) = &options.platform else {
        return Ok(named);
    };
    if matches!(named.manifest, Manifest::Image(_)) {
        return Ok(named); // the only one there is, as every other tool takes it
    }
    let found = from.for_platform(platform).await?;
    from.manifest(&found).await
}

/// The failure to make a place for blobs on their way.
pub(super) fn scratch(source: io::Error) -> LayoutError {
    LayoutError::io(&std::env::temp_dir(), source)
}

impl<'a> Carrier<'a> {
    pub(super) fn new(
        from: &'a EvidenceSource<'a>,
        to: Sink<'a>,
        options: &'a CopyOptions,
        staging: &'a Layout,
    ) -> Self {
        Self {
            from,
            to,
            options,
            staging,
            tally: Mutex::default(),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a manifest before it is asked for.
    fn one_more(&self) -> Result<(), ClientError> {
        let limit = self.from.limits().manifests();
        let mut tally = self.tally();
        tally.manifests += 1;
        if tally.manifests > limit {
            let place = self.from.name();
            return Err(ClientError::TooManyChildren { place, limit });
        }
        Ok(())
    }

    /// What the folder is to list beside the image.
    pub(super) fn listed(&self) -> Vec<Descriptor> {
        self.tally().listed.clone()
    }

    pub(super) fn done(self, top: &Fetched) -> Copied {
        let tally = self.tally.into_inner();
        let mut copied = tally.unwrap_or_else(PoisonError::into_inner).copied;
        copied.image = Some(top.descriptor.clone());
        copied
    }

    /// Carries a manifest, what is below it, and the evidence of each.
    pub(super) async fn tree(&self, top: &Fetched) -> Result<(), ClientError> {
        self.below(top, self.from.limits().depth).await
    }

    /// Makes a tag of the destination name a manifest that was carried.
    pub(super) async fn name(&self, top: &Fetched, tag: &str) -> Result<(), ClientError> {
        let Sink::Registry(registry, to) = &self.to else {
            return Ok(());
        };
        let (kind, bytes) = (&top.descriptor.media_type, top.bytes.clone());
        let put = registry.put_manifest(to, tag, kind, bytes.into());
        put.await.map(drop)
    }

    fn below<'b>(
        &'b self,
        fetched: &'b Fetched,
        depth: usize,
    ) -> BoxFuture<'b, Result<(), ClientError>> {
        Box::pin(async move {
            let digest = &fetched.descriptor.digest;
            if !self.tally().seen.insert(digest.clone()) {
                return Ok(());
            }
            match &fetched.manifest {
                Manifest::Image(image) if self.options.only.is_none() => {
                    self.blobs(image).await?;
                }
                Manifest::Image(_) => {}
                Manifest::Index(_) if depth == 0 => {
                    return Err(ClientError::Nested {
                        place: self.from.name(),
                    });
                }
                Manifest::Index(index) => {
                    for child in &index.manifests {
                        self.one_more()?;
                        let child = self.from.manifest(child).await?;
                        self.below(&child, depth - 1).await?;
                    }
                }
            }
            if self.options.only.is_none() {
                self.put(fetched).await?;
            }
            self.evidence(digest, self.from.limits().depth).await
        })
    }

    /// Carries what hangs on `subject`, and what hangs on that.
    fn evidence<'b>(
        &'b self,
        subject: &'b Digest,
        depth: usize,
    ) -> BoxFuture<'b, Result<(), ClientError>> {
        Box::pin(async move {
            for slot in Slot::ALL {
                if !self.options.wants(slot.into()) {
                    continue;
                }
                let Some((_, fetched)) = self.from.tagged(subject, slot).await? else {
                    continue;
                };
                self.legacy(subject, slot, &fetched).await?;
                if slot == Slot::Sboms && depth > 0 {
                    self.evidence(&fetched.descriptor.digest, depth - 1).await?;
                }
            }
            for entry in self.from.referrers(subject, None).await? {
                self.one_more()?;
                let (fetched, manifest) = match self.from.referrer(subject, &entry).await {
                    Ok(Some(found)) => found,
                    Ok(None) => continue,
                    Err(error @ (ClientError::Protocol { .. } | ClientError::NotFound { .. })) => {
                        self.tally().copied.problems.push((entry, error));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let kind = Kind::of(&manifest);
                if !self.options.wants(kind) {
                    continue;
                }
                if depth == 0 {
                    let place = self.from.name();
                    let error = ClientError::Nested { place };
                    self.tally().copied.problems.push((entry, error));
                    continue;
                }
                if !self.tally().seen.insert(entry.digest.clone()) {
                    continue;
                }
                self.blobs(&manifest).await?;
                self.referrer(subject, &fetched, kind).await?;
                self.evidence(&entry.digest, depth - 1).await?;
            }
            Ok(())
        })
    }

    async fn legacy(
        &self,
        subject: &Digest,
        slot: Slot,
        fetched: &Fetched,
    ) -> Result<(), ClientError> {
        let Manifest::Image(manifest) = &fetched.manifest else {
            return Err(crate::manifest::ManifestError::Ambiguous.into());
        };
        self.blobs(manifest).await?;
        let moved = match &self.to {
            Sink::Folder { image, layout } => {
                let entry = Saved::tag_entry(fetched, subject, slot, subject == image);
                layout.put_blob(&fetched.descriptor.media_type, &fetched.bytes)?;
                self.tally().listed.push(entry);
                true
            }
            Sink::Registry(registry, to) => {
                let tag = registry.seal_tag(to, subject, slot)?;
                match registry.find(&tag).await? {
                    Some(there) if there.descriptor.digest == fetched.descriptor.digest => false,
                    Some(_) => registry.merge_legacy(&tag, manifest).await?,
                    None => {
                        let kind = &fetched.descriptor.media_type;
                        let (name, bytes) = (tag.tag().unwrap_or_default(), &fetched.bytes);
                        let put = registry.put_manifest(to, name, kind, bytes.clone().into());
                        put.await?;
                        true
                    }
                }
            }
        };
        self.count(moved, slot.tag(subject), slot.into());
        Ok(())
    }

    async fn referrer(
        &self,
        subject: &Digest,
        fetched: &Fetched,
        kind: Kind,
    ) -> Result<(), ClientError> {
        let entry = Saved::entry_of(fetched);
        let moved = match &self.to {
            Sink::Folder { layout, .. } => {
                layout.put_blob(&entry.media_type, &fetched.bytes)?;
                self.tally().listed.push(entry.clone());
                true
            }
            Sink::Registry(registry, to) => {
                let at = to.by_digest(entry.digest.clone());
                let there = registry.has_manifest(&at).await?;
                // Once more even so: it may be there, and not be listed.
                registry.refer(to, subject, &entry, &fetched.bytes).await?;
                !there
            }
        };
        self.count(moved, entry.digest.to_string(), kind);
        Ok(())
    }

    fn count(&self, moved: bool, place: String, kind: Kind) {
        let mut tally = self.tally();
        match moved {
            true => {
                tally.copied.manifests += 1;
                tally.copied.evidence.push((place, kind));
            }
            false => tally.copied.present += 1,
        }
    }

    async fn put(&self, fetched: &Fetched) -> Result<(), ClientError> {
        let (kind, digest) = (&fetched.descriptor.media_type, &fetched.descriptor.digest);
        let moved = match &self.to {
            Sink::Folder { layout, .. } => {
                // Under the digest it was asked by, which may be a SHA-512.
                layout.put_named(digest, &fetched.bytes)?;
                true
            }
            Sink::Registry(registry, to) => {
                let at = to.by_digest(digest.clone());
                let there = registry.has_manifest(&at).await?;
                if !there {
                    let bytes = fetched.bytes.clone().into();
                    let name = digest.to_string();
                    registry.put_manifest(to, &name, kind, bytes).await?;
                }
                !there
            }
        };
        let mut tally = self.tally();
        match moved {
            true => tally.copied.manifests += 1,
            false => tally.copied.present += 1,
        }
        Ok(())
    }

    /// Carries the configuration and the layers, several at a time.
    async fn blobs(&self, manifest: &ImageManifest) -> Result<(), ClientError> {
        let mut wanted = Vec::new();
        for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
            if is_distributed(blob) && self.tally().seen.insert(blob.digest.clone()) {
                wanted.push(blob.clone());
            }
        }
        stream::iter(wanted)
            .map(|blob| async move { self.blob(&blob).await })
            .buffer_unordered(self.from.limits().at_once.max(1))
            .try_collect::<()>()
            .await
    }

    async fn blob(&self, blob: &Descriptor) -> Result<(), ClientError> {
        match (&self.to, self.from) {
            (Sink::Folder { layout, .. }, EvidenceSource::Saved(saved)) => {
                layout.copy_blob(saved.layout(), blob)?;
            }
            (
                Sink::Folder { layout, .. },
                EvidenceSource::Registry {
                    registry,
                    image,
                    evidence,
                },
            ) => {
                let taken = registry.take_blob(image, layout, blob).await;
                elsewhere(taken, image, evidence, |at| {
                    registry.take_blob(at, layout, blob)
                })
                .await?;
            }
            (Sink::Registry(registry, to), EvidenceSource::Saved(saved)) => {
                if registry.has_blob(to, blob).await? {
                    self.tally().copied.present += 1;
                    return Ok(());
                }
                let content = Content::Layout(saved.layout());
                registry.upload(to, blob, content).await?;
            }
            (
                Sink::Registry(registry, to),
                EvidenceSource::Registry {
                    registry: source,
                    image,
                    evidence,
                },
            ) => {
                if registry.has_blob(to, blob).await? {
                    self.tally().copied.present += 1;
                    return Ok(());
                }
                if image.registry() == to.registry() && registry.mount_blob(to, blob, image).await?
                {
                    self.tally().copied.mounted += 1;
                    return Ok(());
                }
                let staging = self.staging;
                let taken = source.take_blob(image, staging, blob).await;
                elsewhere(taken, image, evidence, |at| {
                    source.take_blob(at, staging, blob)
                })
                .await?;
                let sent = registry.upload(to, blob, Content::Layout(staging)).await;
                let _ = fs::remove_file(staging.blob_path(&blob.digest));
                sent?;
            }
        }
        let mut tally = self.tally();
        tally.copied.blobs += 1;
        tally.copied.bytes = tally.copied.bytes.saturating_add(blob.size);
        Ok(())
    }
}

/// Tries the repository of the evidence for what the image's one has not.
async fn elsewhere<'a, F: Future<Output = Result<(), ClientError>>>(
    first: Result<(), ClientError>,
    image: &Reference,
    evidence: &'a Reference,
    again: impl FnOnce(&'a Reference) -> F,
) -> Result<(), ClientError> {
    match first {
        Err(ClientError::NotFound { .. }) if image.name() != evidence.name() => {
            again(evidence).await
        }
        other => other,
    }
}

/// Whether a blob is in registries at all: foreign layers are elsewhere.
fn is_distributed(blob: &Descriptor) -> bool {
    let kind = blob.media_type.as_str();
    !kind.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
        && !kind.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
}
