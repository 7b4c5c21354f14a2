//! What is there to be verified: bundles that refer to an image, layers of the
//! old tags, bundles in a saved image layout.

use bulla_core::{Descriptor, Diagnose as _, Digest, Reason, limits};
use bulla_oci::{
    EvidenceSource,
    client::ClientError,
    cosign::{LegacySet, Slot},
};
use bulla_trust::report::Layout;

use super::{Candidate, Seal, Wanted};
use crate::{
    failure::{Failure, OrFail},
    journey::publish::Layouts,
};

/// The candidates, and what could not be read.
#[derive(Default)]
pub struct Collected {
    /// Everything that may be a seal of the wanted kind.
    pub candidates: Vec<Candidate>,
    /// What is there and could not be had.
    pub gaps: Vec<Reason>,
}

/// Collects the seals of one manifest.
///
/// # Errors
/// If nothing can be said about what there is.
pub async fn collect(
    source: &EvidenceSource<'_>,
    digest: &Digest,
    layouts: Layouts,
    wanted: &Wanted,
) -> Result<Collected, Failure> {
    gather(source, digest, layouts, wanted)
        .await
        .or_undecidable()
}

/// The same, with the failure as it is.
pub(super) async fn gather(
    source: &EvidenceSource<'_>,
    digest: &Digest,
    layouts: Layouts,
    wanted: &Wanted,
) -> Result<Collected, ClientError> {
    let mut collected = Collected::default();
    if layouts.referrers {
        let attached = source.bundles(digest).await?;
        for one in attached.found {
            let name = one.descriptor.digest.to_string();
            let seal = Seal::bundle(one.bytes);
            let candidate = Candidate::new(Layout::Referrer, name, seal);
            collected.candidates.push(candidate);
        }
        collected.missing(attached.unreadable);
    }
    if layouts.tags {
        let slot = match wanted {
            Wanted::Signature => Slot::Signatures,
            Wanted::Statement(_) => Slot::Attestations,
        };
        for set in source.legacy(digest, slot).await? {
            collected.take(set, slot);
        }
    }
    debug_assert!(collected.candidates.len() <= 4 * limits::REFERRERS);
    Ok(collected)
}

impl Collected {
    /// Nothing can be said about what there is.
    pub fn unknown(why: &ClientError) -> Self {
        Self {
            candidates: Vec::new(),
            gaps: vec![Reason {
                code: why.code(),
                text: why.to_string(),
                hint: why.hint(),
            }],
        }
    }

    fn take(&mut self, set: LegacySet, slot: Slot) {
        for layer in set.layers {
            let seal = match slot {
                Slot::Attestations => Seal::OldAttestation(layer.bytes, layer.annotations),
                _ => Seal::OldSignature(layer.bytes, layer.annotations),
            };
            let candidate = Candidate::new(Layout::Tag, set.place.to_string(), seal);
            self.candidates.push(candidate);
        }
        self.missing(set.unreadable);
    }

    fn missing(&mut self, unreadable: Vec<(Descriptor, ClientError)>) {
        let gaps = unreadable.into_iter().map(|(entry, error)| Reason {
            code: error.code(),
            text: format!("{} could not be read: {error}", entry.digest.short()),
            hint: error.hint(),
        });
        self.gaps.extend(gaps);
    }
}
