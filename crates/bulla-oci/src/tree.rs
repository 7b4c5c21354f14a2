//! What hangs on an image: both layouts, its children, and what hangs on that.
//!
//! A list, not a judgement: nothing here is verified beyond digests. What is
//! listed but cannot be read has its place in the tree, too.

use bulla_core::{Descriptor, Digest};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    client::ClientError, cosign::Slot, manifest::Manifest, source::EvidenceSource, transfer::Kind,
};

/// An image or index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeNode {
    /// What it is; its platform, if an index tells.
    pub descriptor: Descriptor,
    /// Whether it is an index.
    pub is_index: bool,
    /// Evidence in the old layout.
    pub tags: Vec<TagNode>,
    /// What refers to it.
    pub referrers: Vec<ReferrerNode>,
    /// What is listed, but could not be read: what, and why.
    pub problems: Vec<(Digest, String)>,
    /// Images and indexes below it.
    pub children: Vec<Self>,
}

/// A tag of the old layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagNode {
    /// What it holds.
    pub slot: Slot,
    /// What it is called.
    pub place: String,
    /// Its manifest.
    pub descriptor: Descriptor,
    /// Its layers: one for each signature, attestation or SBOM.
    pub layers: Vec<Descriptor>,
}

/// A manifest that names a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerNode {
    /// The manifest.
    pub descriptor: Descriptor,
    /// What it says that it is.
    pub artifact_type: String,
    /// What that comes down to.
    pub kind: Kind,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its layers.
    pub layers: Vec<Descriptor>,
    /// What refers to it in turn.
    pub referrers: Vec<Self>,
}

impl TreeNode {
    /// Whether nothing at all hangs on it or on what is below it.
    pub fn is_bare(&self) -> bool {
        self.tags.is_empty()
            && self.referrers.is_empty()
            && self.problems.is_empty()
            && self.children.iter().all(Self::is_bare)
    }
}

/// Collects what hangs on the image of `source`.
///
/// # Errors
/// As for every exchange, and beyond the source's bounds. What is listed but
/// cannot be read is told in its place.
pub async fn tree(source: &EvidenceSource<'_>) -> Result<TreeNode, ClientError> {
    let limits = source.limits();
    let walk = async {
        let top = source.subject().await?;
        let mut walker = Walker {
            source,
            seen: BTreeSet::new(),
            nodes: 0,
        };
        walker
            .image(top.descriptor, top.manifest, limits.depth)
            .await
    };
    limits
        .in_time("listing what hangs on the image", walk)
        .await
}

struct Walker<'a> {
    source: &'a EvidenceSource<'a>,
    seen: BTreeSet<Digest>,
    nodes: usize,
}

impl Walker<'_> {
    fn image(
        &mut self,
        descriptor: Descriptor,
        manifest: Manifest,
        depth: usize,
    ) -> BoxFuture<'_, Result<TreeNode, ClientError>> {
        Box::pin(async move {
            let limits = self.source.limits();
            self.one_more()?;
            let (digest, mut problems) = (descriptor.digest.clone(), Vec::new());
            let tags = self.tags(&digest).await?;
            let referrers = self.referrers(&digest, limits.depth, &mut problems).await?;
            let mut children = Vec::new();
            if let Manifest::Index(index) = &manifest {
                for entry in &index.manifests {
                    if !self.seen.insert(entry.digest.clone()) {
                        continue;
                    }
                    if depth == 0 {
                        return Err(ClientError::Nested {
                            place: self.source.name(),
                        });
                    }
                    let child = match self.source.manifest(entry).await {
                        Ok(fetched) => fetched.manifest,
                        Err(error @ ClientError::NotFound { .. }) => {
                            problems.push((entry.digest.clone(), error.to_string()));
                            continue;
                        }
                        Err(error) => return Err(error),
                    };
                    children.push(self.image(entry.clone(), child, depth - 1).await?);
                }
            }
            Ok(TreeNode {
                is_index: matches!(manifest, Manifest::Index(_)),
                descriptor,
                tags,
                referrers,
                problems,
                children,
            })
        })
    }

    /// Counts a manifest.
    fn one_more(&mut self) -> Result<(), ClientError> {
        let limit = self.source.limits().manifests();
        self.nodes += 1;
        if self.nodes > limit {
            let place = self.source.name();
            return Err(ClientError::TooManyChildren { place, limit });
        }
        Ok(())
    }

    async fn tags(&self, subject: &Digest) -> Result<Vec<TagNode>, ClientError> {
        let mut tags = Vec::new();
        for slot in Slot::ALL {
            let Some((place, fetched)) = self.source.tagged(subject, slot).await? else {
                continue;
            };
            let Manifest::Image(manifest) = fetched.manifest else {
                continue; // a list is no evidence
            };
            let (count, limit) = (manifest.layers.len(), self.source.limits().layers);
            if count > limit {
                return Err(ClientError::TooManyLayers {
                    place,
                    count,
                    limit,
                });
            }
            tags.push(TagNode {
                slot,
                place,
                descriptor: fetched.descriptor,
                layers: manifest.layers,
            });
        }
        Ok(tags)
    }

    fn referrers<'a>(
        &'a mut self,
        subject: &'a Digest,
        depth: usize,
        problems: &'a mut Vec<(Digest, String)>,
    ) -> BoxFuture<'a, Result<Vec<ReferrerNode>, ClientError>> {
        Box::pin(async move {
            let mut nodes = Vec::new();
            for entry in self.source.referrers(subject, None).await? {
                self.one_more()?;
                let (fetched, manifest) = match self.source.referrer(subject, &entry).await {
                    Ok(Some(found)) => found,
                    Ok(None) => continue,
                    Err(error @ (ClientError::Late { .. } | ClientError::Http(_))) => {
                        return Err(error);
                    }
                    Err(error) => {
                        problems.push((entry.digest, error.to_string()));
                        continue;
                    }
                };
                let referrers = if depth == 0 || !self.seen.insert(entry.digest.clone()) {
                    Vec::new()
                } else {
                    self.referrers(&entry.digest, depth - 1, problems).await?
                };
                nodes.push(ReferrerNode {
                    descriptor: fetched.descriptor,
                    artifact_type: manifest.kind().to_owned(),
                    kind: Kind::of(&manifest),
                    annotations: manifest.annotations,
                    layers: manifest.layers,
                    referrers,
                });
            }
            Ok(nodes)
        })
    }
}
