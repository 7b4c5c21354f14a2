//! Writing to a registry: children first, what is there is not sent again.

use bulla_core::{Descriptor, Reference, limits};
use bulla_net::{Body, Request, Response};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream};
use http::{HeaderName, StatusCode, header};
use std::{fs, io::Read as _};
use url::Url;

use super::{
    ClientError, Registry,
    auth::{Action, Scope},
    exchange::{refusal, text},
};
use crate::{
    layout::Layout,
    manifest::{Manifest, parse_manifest},
};

const DEPTH: usize = 4;
const PIECE: usize = 256 << 10;

/// The content of a blob to push.
pub(crate) enum Content<'a> {
    Bytes(&'a Bytes),
    Layout(&'a Layout),
}

impl Registry {
    /// Pushes a manifest of `layout` and everything that it leads to, under the
    /// tag of `to`, or else under its digest.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the registry's own words,
    /// [`ClientError::Digest`] if `to` names another digest, or as for every exchange.
    pub async fn push(
        &self,
        layout: &Layout,
        descriptor: &Descriptor,
        to: &Reference,
    ) -> Result<(), ClientError> {
        if let Some(digest) = to.digest().filter(|digest| **digest != descriptor.digest) {
            return Err(ClientError::Digest {
                place: layout.path().display().to_string(),
                digest: digest.clone(),
            });
        }
        let name = to.tag().map(str::to_owned);
        self.push_manifest(layout, descriptor, to, name, DEPTH)
            .await
    }

    fn push_manifest<'a>(
        &'a self,
        layout: &'a Layout,
        descriptor: &'a Descriptor,
        to: &'a Reference,
        name: Option<String>,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), ClientError>> {
        Box::pin(async move {
            let bytes = layout.read_blob(descriptor, limits::MANIFEST_BYTES)?;
            match parse_manifest(&bytes, Some(&descriptor.media_type))? {
                Manifest::Image(image) => {
                    for blob in std::iter::once(&image.config).chain(&image.layers) {
                        self.push_blob(to, blob, Content::Layout(layout)).await?;
                    }
                }
                Manifest::Index(_) if depth == 0 => {
                    return Err(ClientError::Nested {
                        place: to.to_string(),
                    });
                }
                Manifest::Index(index) => {
                    for child in &index.manifests {
                        let pushed = self.push_manifest(layout, child, to, None, depth - 1);
                        pushed.await?;
                    }
                }
            }
            let name = name.unwrap_or_else(|| descriptor.digest.to_string());
            self.put_manifest(to, &name, &descriptor.media_type, bytes.into())
                .await?;
            Ok(())
        })
    }

    /// Puts a manifest under a tag or digest; the subject that the registry says
    /// it has filed it under.
    pub(crate) async fn put_manifest(
        &self,
        to: &Reference,
        name: &str,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<Option<String>, ClientError> {
        let path = format!("manifests/{name}");
        let answer = self
            .exchange(to, Action::Push, &path, |url| {
                Request::put(url, Body::bytes(bytes.clone())).content_type(media_type)
            })
            .await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => {
                Ok(text(&answer, HeaderName::from_static("oci-subject")))
            }
            _ => Err(refusal(format!("{}:{name}", to.name()), answer).await),
        }
    }

    /// Pushes a blob, unless it is there.
    pub(super) async fn push_blob(
        &self,
        to: &Reference,
        blob: &Descriptor,
        content: Content<'_>,
    ) -> Result<(), ClientError> {
        match self.has_blob(to, blob).await? {
            true => Ok(()),
            false => self.upload(to, blob, content).await,
        }
    }

    /// Whether the repository says that it has this manifest.
    pub(crate) async fn has_manifest(&self, at: &Reference) -> Result<bool, ClientError> {
        let key = at.manifest_key().unwrap_or_default();
        let path = format!("manifests/{key}");
        let there = self
            .exchange(at, Action::Push, &path, |url| {
                Request::head(url).accept(super::pull::ACCEPT)
            })
            .await?;
        Ok(there.status() == StatusCode::OK)
    }

    /// Whether the repository says that it has this blob.
    pub(crate) async fn has_blob(
        &self,
        to: &Reference,
        blob: &Descriptor,
    ) -> Result<bool, ClientError> {
        let path = format!("blobs/{}", blob.digest);
        let there = self
            .exchange(to, Action::Push, &path, Request::head)
            .await?;
        let length = text(&there, header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        Ok(there.status() == StatusCode::OK && length == Some(blob.size))
    }

    /// Has the registry take over a blob of another repository of its own;
    /// whether it did.
    pub(crate) async fn mount_blob(
        &self,
        to: &Reference,
        blob: &Descriptor,
        from: &Reference,
    ) -> Result<bool, ClientError> {
        let mut url = self.address(to, "blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", &blob.digest.to_string())
            .append_pair("from", from.repository());
        let patience = self.limits.answer;
        let scope = Scope::new(to, Action::Push).reading(from);
        let answer = self
            .exchange_in(to, scope, url, patience, |url| {
                Request::post(url, Body::bytes(Bytes::new()))
            })
            .await?;
        Ok(answer.status() == StatusCode::CREATED)
    }

    /// Sends a blob that is not there.
    pub(crate) async fn upload(
        &self,
        to: &Reference,
        blob: &Descriptor,
        content: Content<'_>,
    ) -> Result<(), ClientError> {
        let place = format!("{}@{}", to.name(), blob.digest);
        let begun = self
            .exchange(to, Action::Push, "blobs/uploads/", |url| {
                Request::post(url, Body::bytes(Bytes::new()))
            })
            .await?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(refusal(place, begun).await);
        }
        let start = self.address(to, "blobs/uploads/")?;
        let target = session(to, &start, &begun, &blob.digest.to_string())?;
        // Checked before it is sent: a layout that lies is our error, not the registry's.
        if let Content::Layout(layout) = content {
            let checked = layout.open_blob(blob)?.finish();
            checked.map_err(|source| layout.broken(blob, source))?;
        }
        let make = |url: Url| {
            let body = match content {
                Content::Bytes(bytes) => Body::bytes(bytes.clone()),
                Content::Layout(layout) => {
                    let path = layout.blob_path(&blob.digest);
                    Body::stream(pieces(path, blob.size), blob.size)
                }
            };
            Request::put(url, body).content_type("application/octet-stream")
        };
        let patience = self.limits.patience(blob.size);
        let done = self
            .exchange_at(to, Action::Push, target, patience, make)
            .await?;
        match done.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(()),
            _ => Err(refusal(place, done).await),
        }
    }
}

/// Where to send the bytes: what the registry says, if it is the registry's own.
fn session(
    to: &Reference,
    start: &Url,
    begun: &Response,
    digest: &str,
) -> Result<Url, ClientError> {
    let broken = |what| ClientError::Protocol {
        place: to.registry().to_owned(),
        what,
    };
    let location = text(begun, header::LOCATION).unwrap_or_default();
    let mut target = start
        .join(&location)
        .map_err(|_| broken("its upload has no address"))?;
    if location.is_empty() || target.origin() != start.origin() {
        return Err(broken("its upload is at another host"));
    }
    target.query_pairs_mut().append_pair("digest", digest);
    Ok(target)
}

/// The bytes of a file, read piece by piece beside the runtime.
fn pieces(
    path: std::path::PathBuf,
    size: u64,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(
        (None::<fs::File>, path, size),
        |(file, path, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || {
                let mut file = match file {
                    Some(file) => file,
                    None => fs::File::open(&path)?,
                };
                let count = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                let mut piece = vec![0; count];
                file.read_exact(&mut piece)?;
                Ok::<_, std::io::Error>((Bytes::from(piece), file, path))
            });
            let (piece, file, path) = read.await.map_err(std::io::Error::other)??;
            let left = left - piece.len() as u64;
            Ok(Some((piece, (Some(file), path, left))))
        },
    )
}
