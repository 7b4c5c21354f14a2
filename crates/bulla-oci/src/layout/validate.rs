//! Walking a whole layout: everything that is named must be there and true.

use bulla_core::{Descriptor, Digest};
use std::collections::BTreeSet;

use super::{DEPTH, Layout, LayoutError};
use crate::manifest::Manifest;

/// Manifests that are looked at.
const MANIFESTS: usize = 10_000;

/// What a sound layout holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Manifests and indexes.
    pub manifests: usize,
    /// Configurations and layers.
    pub blobs: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Layout {
    /// Reads everything that the index leads to, and checks size and digest of each.
    ///
    /// # Errors
    /// [`LayoutError`] for the first thing that is not as it should be.
    pub fn validate(&self) -> Result<Summary, LayoutError> {
        let mut seen = BTreeSet::new();
        let mut summary = Summary::default();
        for descriptor in self.index()?.manifests {
            self.walk(&descriptor, DEPTH, &mut seen, &mut summary)?;
        }
        Ok(summary)
    }

    fn walk(
        &self,
        descriptor: &Descriptor,
        depth: usize,
        seen: &mut BTreeSet<(Digest, u64)>,
        summary: &mut Summary,
    ) -> Result<(), LayoutError> {
        if depth == 0 || summary.manifests >= MANIFESTS {
            return Err(LayoutError::Nested);
        }
        if !seen.insert((descriptor.digest.clone(), descriptor.size)) {
            return Ok(());
        }
        let manifest = self.manifest(descriptor)?;
        summary.manifests += 1;
        summary.bytes = summary.bytes.saturating_add(descriptor.size);
        match manifest {
            Manifest::Image(image) => {
                for blob in std::iter::once(&image.config).chain(&image.layers) {
                    if !seen.insert((blob.digest.clone(), blob.size)) {
                        continue;
                    }
                    let checked = self.open_blob(blob)?.finish();
                    checked.map_err(|source| self.broken(blob, source))?;
                    summary.blobs += 1;
                    summary.bytes = summary.bytes.saturating_add(blob.size);
                }
            }
            Manifest::Index(index) => {
                for child in &index.manifests {
                    self.walk(child, depth - 1, seen, summary)?;
                }
            }
        }
        Ok(())
    }
}
