//! What is below an index: images, and indexes in indexes.
//!
//! Descriptors come out of bytes that were checked against their digest, so
//! whoever signs an index recursively needs the indexes only, not the images.

use bulla_core::{Descriptor, Reference, descriptor::media_type};
use std::collections::{BTreeSet, VecDeque};

use super::{ClientError, Registry};
use crate::manifest::{ImageIndex, Manifest};

/// A manifest, and where it is below the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// What the index says of it; its platform is in there.
    pub descriptor: Descriptor,
    /// Whether it is an index.
    pub is_index: bool,
    /// 0 for the manifest itself, 1 for those it lists.
    pub depth: usize,
}

/// What is left to walk, and what was seen.
pub(crate) struct Descent {
    pub(crate) found: Vec<Child>,
    seen: BTreeSet<bulla_core::Digest>,
    open: VecDeque<Child>,
    place: String,
    children: usize,
    depth: usize,
}

impl Descent {
    /// Begins at `top`.
    pub(crate) fn from(
        top: Descriptor,
        manifest: &Manifest,
        place: String,
        limits: &crate::limits::Limits,
    ) -> Result<Self, ClientError> {
        let mut descent = Self {
            seen: [top.digest.clone()].into(),
            found: vec![Child {
                descriptor: top,
                is_index: matches!(manifest, Manifest::Index(_)),
                depth: 0,
            }],
            open: VecDeque::new(),
            place,
            children: limits.children,
            depth: limits.depth,
        };
        if let Manifest::Index(index) = manifest {
            descent.add(index, 1)?;
        }
        Ok(descent)
    }

    /// The next index to open.
    pub(crate) fn next(&mut self) -> Option<Child> {
        self.open.pop_front()
    }

    /// Adds what an index lists.
    pub(crate) fn add(&mut self, index: &ImageIndex, depth: usize) -> Result<(), ClientError> {
        if depth > self.depth {
            return Err(ClientError::Nested {
                place: self.place.clone(),
            });
        }
        for entry in &index.manifests {
            if !self.seen.insert(entry.digest.clone()) {
                continue;
            }
            let is_index = match entry.media_type.as_str() {
                media_type::INDEX | media_type::DOCKER_LIST => true,
                media_type::MANIFEST | media_type::DOCKER_MANIFEST => false,
                _ => {
                    return Err(ClientError::Protocol {
                        place: self.place.clone(),
                        what: "its index lists what is neither an image nor an index",
                    });
                }
            };
            let child = Child {
                descriptor: entry.clone(),
                is_index,
                depth,
            };
            if self.found.len() > self.children {
                return Err(ClientError::TooManyChildren {
                    place: self.place.clone(),
                    limit: self.children,
                });
            }
            if is_index {
                self.open.push_back(child.clone());
            }
            self.found.push(child);
        }
        Ok(())
    }
}

impl Registry {
    /// The manifest that `reference` names, and everything below it, each once,
    /// nearer ones first.
    ///
    /// # Errors
    /// [`ClientError::Nested`] or [`ClientError::TooManyChildren`] beyond the
    /// bounds, [`ClientError::Protocol`] for an entry that is no image or
    /// index, or as for every exchange.
    pub async fn children(&self, reference: &Reference) -> Result<Vec<Child>, ClientError> {
        let walk = async {
            let top = self.manifest(reference).await?;
            let place = reference.to_string();
            let mut descent = Descent::from(top.descriptor, &top.manifest, place, &self.limits)?;
            while let Some(child) = descent.next() {
                let at = reference.by_digest(child.descriptor.digest.clone());
                if let Manifest::Index(index) = self.manifest(&at).await?.manifest {
                    descent.add(&index, child.depth + 1)?;
                }
            }
            Ok(descent.found)
        };
        self.limits.in_time("reading an index", walk).await
    }
}
