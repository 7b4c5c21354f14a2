//! Everything that may speak for an image, in both layouts, under one budget and
//! one deadline: what is read by whoever decides about the images of others.
//!
//! Bundles come first and have the budget first, so that nobody starves them with
//! a tag of the old layout. What cannot be had is told beside the rest: whoever
//! needs it is undecided, and who does not need it may go on.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type, limits};
use futures_util::future::join;

use super::{Attachments, ClientError, Registry, referrers::Wanted};
use crate::{
    cosign::{LegacyLayer, LegacySet, Slot},
    limits::Budget,
};

/// What hangs on an image and may prove something about it.
#[derive(Debug, Default)]
pub struct Seals {
    /// Sigstore bundles.
    pub bundles: Vec<Vec<u8>>,
    /// Layers of the old layout: signatures.
    pub signatures: Vec<LegacyLayer>,
    /// Layers of the old layout: attestations.
    pub attestations: Vec<LegacyLayer>,
    /// What is there, or may be, and could not be had: what it is called, and why.
    pub unreadable: Vec<(String, ClientError)>,
}

impl Registry {
    /// Everything that may speak for `subject` in the repository of `at`.
    ///
    /// # Errors
    /// If the bundles cannot be listed, or [`ClientError::Late`]. What else cannot
    /// be had is told beside the rest.
    pub async fn seals(&self, at: &Reference, subject: &Digest) -> Result<Seals, ClientError> {
        let budget = Budget::of(&self.limits, subject);
        let gather = async {
            let bundles = Wanted {
                subject,
                artifact_type: media_type::BUNDLE,
                limit: limits::BUNDLE_BYTES,
                budget: &budget,
            };
            let mut seals = Seals::default();
            seals.attached(self.attachments_within(at, &bundles).await?);
            self.old(at, subject, &budget, &mut seals).await;
            Ok(seals)
        };
        self.limits.in_time("fetching the evidence", gather).await
    }

    /// Adds what the old layout holds.
    async fn old(&self, at: &Reference, subject: &Digest, budget: &Budget, seals: &mut Seals) {
        let listed = match self.referrers(at, subject, None).await {
            Ok(listed) => listed,
            Err(error) => {
                seals.missing("the list of referrers", error);
                Vec::new()
            }
        };
        let layers = |slot| self.layers_of(at, subject, slot, &listed, budget);
        let (signatures, attestations) = (Slot::Signatures, Slot::Attestations);
        let (signed, attested) = join(layers(signatures), layers(attestations)).await;
        seals.add(signed, signatures);
        seals.add(attested, attestations);
    }

    async fn layers_of(
        &self,
        at: &Reference,
        subject: &Digest,
        slot: Slot,
        listed: &[Descriptor],
        budget: &Budget,
    ) -> Layers {
        let tagged = self.legacy_within(at, subject, slot, budget);
        let referred = self.legacy_listed(at, subject, slot, listed, budget);
        join(tagged, referred).await
    }
}

/// Those of a tag, and those of referrers.
type Layers = (
    Result<Option<LegacySet>, ClientError>,
    Result<Vec<LegacySet>, ClientError>,
);

impl Seals {
    fn attached(&mut self, attached: Attachments) {
        let documents = attached.found.into_iter().map(|one| one.bytes);
        self.bundles.extend(documents);
        self.unread(attached.unreadable);
    }

    fn add(&mut self, (tagged, referred): Layers, slot: Slot) {
        match tagged {
            Ok(set) => set.into_iter().for_each(|set| self.take(set, slot)),
            Err(error) => self.missing(format!("the .{} tag", slot.suffix()), error),
        }
        match referred {
            Ok(sets) => sets.into_iter().for_each(|set| self.take(set, slot)),
            Err(error) => self.missing("a referrer of the old layout", error),
        }
    }

    fn take(&mut self, set: LegacySet, slot: Slot) {
        match slot {
            Slot::Attestations => self.attestations.extend(set.layers),
            Slot::Signatures => self.signatures.extend(set.layers),
            Slot::Sboms => {} // nobody signed them
        }
        self.unread(set.unreadable);
    }

    fn unread(&mut self, unreadable: Vec<(Descriptor, ClientError)>) {
        for (entry, error) in unreadable {
            self.missing(entry.digest.short(), error);
        }
    }

    fn missing(&mut self, what: impl Into<String>, why: ClientError) {
        self.unreadable.push((what.into(), why));
    }
}
