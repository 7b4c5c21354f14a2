//! Reading from a registry: manifests and blobs, each checked.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type, limits};
use bulla_net::{Request, Response};
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use std::io::Write as _;

use super::{
    ClientError, Registry,
    auth::Action,
    exchange::{refusal, text},
};
use crate::{
    layout::{Layout, REF_NAME},
    manifest::{Manifest, parse_manifest},
    verified::Hasher,
};

pub(super) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// How deep indexes may hold indexes.
const DEPTH: usize = 4;
/// Redirects of one blob.
const REDIRECTS: usize = 3;

/// A manifest that was fetched and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What it is: its digest was computed here.
    pub descriptor: Descriptor,
    /// Its bytes, verbatim.
    pub bytes: Vec<u8>,
    /// Its content.
    pub manifest: Manifest,
}

impl Registry {
    /// What `reference` names now. A tag is read once; use the digest after.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], or as for every exchange.
    pub async fn resolve(&self, reference: &Reference) -> Result<Descriptor, ClientError> {
        Ok(self.manifest(reference).await?.descriptor)
    }

    /// Fetches the manifest that `reference` names.
    ///
    /// # Errors
    /// [`ClientError::Digest`] if it is not the one of the reference's digest,
    /// [`ClientError::NotFound`], or as for every exchange.
    pub async fn manifest(&self, reference: &Reference) -> Result<Fetched, ClientError> {
        let key = reference.manifest_key().ok_or_else(|| ClientError::NoTag {
            reference: reference.to_string(),
        })?;
        let answer = self
            .exchange(
                reference,
                Action::Pull,
                &format!("manifests/{key}"),
                |url| Request::get(url).accept(ACCEPT),
            )
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(refusal(reference.to_string(), answer).await);
        }
        let stated = text(&answer, header::CONTENT_TYPE);
        let bytes = answer.bytes(limits::MANIFEST_BYTES, "a manifest").await?;
        let digest = match reference.digest() {
            Some(digest) if !digest.matches(&bytes) => {
                return Err(ClientError::Digest {
                    place: reference.name(),
                    digest: digest.clone(),
                });
            }
            Some(digest) => digest.clone(),
            None => Digest::sha256(&bytes),
        };
        let stated = stated
            .as_deref()
            .and_then(|stated| stated.split(';').next())
            .map(str::trim)
            .filter(|stated| stated.starts_with("application/vnd."));
        let manifest = parse_manifest(&bytes, stated)?;
        let (own, usual) = match &manifest {
            Manifest::Image(image) => (&image.media_type, media_type::MANIFEST),
            Manifest::Index(index) => (&index.media_type, media_type::INDEX),
        };
        let media = stated.or(own.as_deref()).unwrap_or(usual).to_owned();
        Ok(Fetched {
            descriptor: Descriptor::new(media, digest, bytes.len() as u64),
            bytes,
            manifest,
        })
    }

    /// Reads a blob of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ClientError::Digest`] and [`ClientError::Size`] if it is not the one
    /// of the descriptor, or as for every exchange.
    pub async fn blob(
        &self,
        at: &Reference,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Vec<u8>, ClientError> {
        if descriptor.size > limit {
            let what = "the blob";
            return Err(limits::LimitError::Size { what, limit }.into());
        }
        let mut bytes = Vec::new();
        self.read_blob(at, descriptor, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .await?;
        Ok(bytes)
    }

    /// Pulls what `reference` names into `layout`, with everything that it leads
    /// to; of an index only the image for linux/`architecture`, if one is given.
    /// The layout lists it under the reference's tag, if it has one.
    ///
    /// # Errors
    /// As for every exchange; the layout then lists nothing new.
    pub async fn pull(
        &self,
        reference: &Reference,
        layout: &Layout,
        architecture: Option<&str>,
    ) -> Result<Descriptor, ClientError> {
        let mut fetched = self.manifest(reference).await?;
        for _ in 0..DEPTH {
            let (Manifest::Index(index), Some(architecture)) = (&fetched.manifest, architecture)
            else {
                break;
            };
            let fits = |child: &&Descriptor| {
                let platform = child.platform.as_ref();
                platform.is_some_and(|p| p.os == "linux" && p.architecture == architecture)
            };
            let missing = || ClientError::Platform {
                reference: reference.to_string(),
                architecture: architecture.to_owned(),
            };
            let child = index.manifests.iter().find(fits).ok_or_else(missing)?;
            fetched = self
                .manifest(&reference.by_digest(child.digest.clone()))
                .await?;
        }
        let mut listed = fetched.descriptor.clone();
        self.take(reference, layout, fetched, DEPTH).await?;
        let descriptor = listed.clone();
        if let Some(tag) = reference.tag() {
            listed.annotations.insert(REF_NAME.into(), tag.to_owned());
        }
        let mut manifests = layout.index()?.manifests;
        manifests.retain(|known| known.digest != listed.digest);
        manifests.push(listed);
        layout.set_manifests(manifests)?;
        Ok(descriptor)
    }

    fn take<'a>(
        &'a self,
        at: &'a Reference,
        layout: &'a Layout,
        fetched: Fetched,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), ClientError>> {
        Box::pin(async move {
            match &fetched.manifest {
                Manifest::Image(image) => {
                    for blob in std::iter::once(&image.config).chain(&image.layers) {
                        self.take_blob(at, layout, blob).await?;
                    }
                }
                Manifest::Index(_) if depth == 0 => {
                    return Err(ClientError::Nested {
                        place: at.to_string(),
                    });
                }
                Manifest::Index(index) => {
                    for child in &index.manifests {
                        let reference = at.by_digest(child.digest.clone());
                        let child = self.manifest(&reference).await?;
                        self.take(at, layout, child, depth - 1).await?;
                    }
                }
            }
            let mut draft = layout.draft()?;
            let digest = &fetched.descriptor.digest;
            let written = draft.write_all(&fetched.bytes);
            written.map_err(|source| layout.broken(&fetched.descriptor, source))?;
            Ok(layout.keep(draft, digest)?)
        })
    }

    /// Takes a blob into `layout`, unless it is there.
    pub(crate) async fn take_blob(
        &self,
        at: &Reference,
        layout: &Layout,
        blob: &Descriptor,
    ) -> Result<(), ClientError> {
        if layout.blob_path(&blob.digest).exists() {
            return Ok(());
        }
        let mut draft = layout.draft()?;
        self.read_blob(at, blob, |piece| {
            let written = draft.write_all(piece);
            written.map_err(|source| layout.broken(blob, source).into())
        })
        .await?;
        Ok(layout.keep(draft, &blob.digest)?)
    }

    /// Hands a blob's pieces to `write`. They are checked only when this returns.
    async fn read_blob(
        &self,
        at: &Reference,
        blob: &Descriptor,
        mut write: impl FnMut(&[u8]) -> Result<(), ClientError> + Send,
    ) -> Result<(), ClientError> {
        let wrong_size = || ClientError::Size {
            place: at.name(),
            digest: blob.digest.clone(),
            stated: blob.size,
        };
        let mut answer = self.open_blob(at, blob).await?;
        if answer
            .content_length()
            .is_some_and(|length| length != blob.size)
        {
            return Err(wrong_size());
        }
        let (mut hasher, mut length) = (Hasher::like(&blob.digest), 0u64);
        while let Some(piece) = answer.chunk().await? {
            length = length.saturating_add(piece.len() as u64);
            if length > blob.size {
                return Err(wrong_size());
            }
            hasher.update(&piece);
            write(&piece)?;
        }
        if length != blob.size {
            return Err(wrong_size());
        }
        if !hasher.is(&blob.digest) {
            return Err(ClientError::Digest {
                place: at.name(),
                digest: blob.digest.clone(),
            });
        }
        Ok(())
    }

    /// Asks for a blob, and follows where it is kept, without credentials.
    async fn open_blob(&self, at: &Reference, blob: &Descriptor) -> Result<Response, ClientError> {
        let place = format!("{}@{}", at.name(), blob.digest);
        let path = format!("blobs/{}", blob.digest);
        let patience = self.limits.patience(blob.size);
        let mut url = self.address(at, &path)?;
        let mut answer = self
            .exchange_at(at, Action::Pull, url.clone(), patience, Request::get)
            .await?;
        for _ in 0..REDIRECTS {
            if !answer.status().is_redirection() {
                break;
            }
            let location = text(&answer, header::LOCATION).unwrap_or_default();
            let next = url.join(&location).map_err(|_| ClientError::Protocol {
                place: place.clone(),
                what: "it redirects to what is no address",
            })?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(ClientError::Protocol {
                    place,
                    what: "it redirects from https to http",
                });
            }
            url = next.clone();
            answer = self
                .http
                .send(Request::get(next).deadline(patience))
                .await?;
        }
        if answer.status() != StatusCode::OK {
            return Err(refusal(place, answer).await);
        }
        Ok(answer)
    }
}
