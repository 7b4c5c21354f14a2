//! Where an image and its evidence are read from: a registry, or a saved folder.
//!
//! Both answer the same questions with the same types, so that what verifies,
//! lists or copies need not know which one it is.

use bulla_core::{
    Descriptor, Digest, Reference,
    descriptor::{Platform, media_type},
    limits,
};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join, stream};

use crate::{
    client::{Attachments, Child, ClientError, Fetched, Registry},
    cosign::{LegacySet, Slot},
    limits::Limits,
    manifest::{ImageManifest, Manifest},
    platform::PlatformName,
    saved::Saved,
};

/// An image with its evidence.
#[derive(Clone, Copy, Debug)]
pub enum EvidenceSource<'a> {
    /// In a registry.
    Registry {
        /// Its client.
        registry: &'a Registry,
        /// The image.
        image: &'a Reference,
        /// The repository of the evidence, usually the image's own.
        evidence: &'a Reference,
    },
    /// In a folder that `save` made.
    Saved(&'a Saved),
}

impl EvidenceSource<'_> {
    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Self::Registry { image, .. } => image.to_string(),
            Self::Saved(saved) => saved.layout().path().display().to_string(),
        }
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        match self {
            Self::Registry { registry, .. } => registry.limits(),
            Self::Saved(saved) => saved.limits(),
        }
    }

    /// The manifest of the image. A tag is read once; use the digest after.
    ///
    /// # Errors
    /// As [`Registry::manifest`], or of the folder.
    pub async fn subject(&self) -> Result<Fetched, ClientError> {
        match self {
            Self::Registry {
                registry, image, ..
            } => registry.manifest(image).await,
            Self::Saved(saved) => saved.manifest(saved.image()),
        }
    }

    /// A manifest of the image's repository.
    ///
    /// # Errors
    /// As [`Registry::manifest`], or of the folder.
    pub async fn manifest(&self, descriptor: &Descriptor) -> Result<Fetched, ClientError> {
        match self {
            Self::Registry {
                registry, image, ..
            } => {
                let at = image.by_digest(descriptor.digest.clone());
                registry.manifest(&at).await
            }
            Self::Saved(saved) => saved.manifest(descriptor),
        }
    }

    /// The image and everything below it: [`Registry::children`].
    ///
    /// # Errors
    /// As there.
    pub async fn children(&self) -> Result<Vec<Child>, ClientError> {
        match self {
            Self::Registry {
                registry, image, ..
            } => registry.children(image).await,
            Self::Saved(saved) => saved.children(),
        }
    }

    /// The same, and each is opened: it is there, and it is what its index says.
    /// Whoever judges an index as a whole begins here, so that no index passes
    /// for an image, and nothing below it goes unseen.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] for an index that is listed as an image or the
    /// other way round, or as [`EvidenceSource::children`] and
    /// [`EvidenceSource::manifest`].
    pub async fn family(&self) -> Result<Vec<Child>, ClientError> {
        let children = self.children().await?;
        let below = children.iter().filter(|child| child.depth > 0);
        let opened = stream::iter(below)
            .map(|child| self.open(child))
            .buffered(self.limits().at_once.max(1))
            .try_collect::<Vec<()>>();
        let what = "opening what an index lists";
        self.limits().in_time(what, opened).await?;
        Ok(children)
    }

    async fn open(&self, child: &Child) -> Result<(), ClientError> {
        let opened = self.manifest(&child.descriptor).await?.manifest;
        if matches!(opened, Manifest::Index(_)) == child.is_index {
            return Ok(());
        }
        Err(ClientError::Protocol {
            place: format!("{}, below {}", child.descriptor.digest, self.name()),
            what: "it is listed as another kind of manifest than it is",
        })
    }

    /// The one image for `platform` that the index leads to; or the image itself,
    /// if its own configuration says that it is for that one.
    ///
    /// # Errors
    /// [`ClientError::NoPlatform`] or [`ClientError::SeveralForPlatform`], which
    /// say what there is, or as [`EvidenceSource::children`].
    pub async fn for_platform(&self, platform: &PlatformName) -> Result<Descriptor, ClientError> {
        let mut children = self.children().await?;
        if let [only] = children.as_mut_slice()
            && !only.is_index
        {
            only.descriptor.platform = self.own_platform(&only.descriptor).await?;
        }
        platform.choose(&children, &self.name())
    }

    /// What the configuration of an image says that it runs on; `None` if the
    /// manifest is not of an image, or its configuration does not say.
    async fn own_platform(&self, image: &Descriptor) -> Result<Option<Platform>, ClientError> {
        let Manifest::Image(manifest) = self.manifest(image).await?.manifest else {
            return Ok(None);
        };
        let config = &manifest.config;
        if !matches!(
            config.media_type.as_str(),
            media_type::CONFIG | media_type::DOCKER_CONFIG
        ) {
            return Ok(None);
        }
        let limit = limits::MANIFEST_BYTES;
        let bytes = match self {
            Self::Registry {
                registry, image, ..
            } => registry.blob(image, config, limit).await?,
            Self::Saved(saved) => saved.layout().read_blob(config, limit)?,
        };
        let told: Platform = limits::parse_json(&bytes, limit, "the image configuration")?;
        let says = !told.os.is_empty() && !told.architecture.is_empty();
        Ok(says.then_some(told))
    }

    /// What claims to refer to `subject`: [`Registry::referrers`].
    ///
    /// # Errors
    /// As there.
    pub async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, ClientError> {
        match self {
            Self::Registry {
                registry, evidence, ..
            } => registry.referrers(evidence, subject, artifact_type).await,
            Self::Saved(saved) => saved.referrers(subject, artifact_type),
        }
    }

    /// The bundles of `subject`: [`Registry::attachments`].
    ///
    /// # Errors
    /// As there.
    pub async fn bundles(&self, subject: &Digest) -> Result<Attachments, ClientError> {
        let (kind, limit) = (media_type::BUNDLE, limits::BUNDLE_BYTES);
        match self {
            Self::Registry {
                registry, evidence, ..
            } => registry.attachments(evidence, subject, kind, limit).await,
            Self::Saved(saved) => saved.attachments(subject, kind, limit),
        }
    }

    /// The evidence of `subject` in the old layout: that of its tag, then those
    /// of referrers of the old types.
    ///
    /// # Errors
    /// As [`Registry::legacy`].
    pub async fn legacy(
        &self,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Vec<LegacySet>, ClientError> {
        match self {
            Self::Registry {
                registry, evidence, ..
            } => {
                let tagged = registry.legacy(evidence, subject, slot);
                let referred = registry.legacy_referrers(evidence, subject, slot);
                let (tagged, referred) = try_join(tagged, referred).await?;
                Ok(tagged.into_iter().chain(referred).collect())
            }
            Self::Saved(saved) => saved.legacy(subject, slot).await,
        }
    }

    /// The manifest of the old layout's tag, and what that is called.
    pub(crate) async fn tagged(
        &self,
        subject: &Digest,
        slot: Slot,
    ) -> Result<Option<(String, Fetched)>, ClientError> {
        match self {
            Self::Registry {
                registry, evidence, ..
            } => {
                let tag = registry.seal_tag(evidence, subject, slot)?;
                let found = registry.find(&tag).await?;
                Ok(found.map(|fetched| (tag.to_string(), fetched)))
            }
            Self::Saved(saved) => saved.tagged(subject, slot),
        }
    }

    /// The manifest of a referrer, if it is an image manifest.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] if it does not name `subject`.
    pub(crate) async fn referrer(
        &self,
        subject: &Digest,
        entry: &Descriptor,
    ) -> Result<Option<(Fetched, ImageManifest)>, ClientError> {
        match self {
            Self::Registry {
                registry, evidence, ..
            } => registry.referrer(evidence, subject, entry).await,
            Self::Saved(saved) => {
                let fetched = saved.manifest(entry)?;
                Ok(match fetched.manifest.clone() {
                    Manifest::Image(manifest) => Some((fetched, manifest)),
                    Manifest::Index(_) => None,
                })
            }
        }
    }
}
