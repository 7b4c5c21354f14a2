//! What refers to an image: by the referrers API, else by the fallback tag.
//!
//! OCI distribution specification, *Listing Referrers*. Lists of a registry are
//! hints: each entry is opened, and counts only if its own manifest names the
//! subject. Some clients write the configuration's type into the fallback tag
//! where the artifact type belongs; opening the manifest settles that, too.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type, limits};
use bulla_net::{Request, Response};
use futures_util::{StreamExt as _, stream};
use http::{StatusCode, header};
use url::Url;

use super::{
    ClientError, Fetched, Registry,
    auth::Action,
    exchange::{refusal, text},
    link::next_page,
};
use crate::{
    limits::Budget,
    manifest::{ImageManifest, Manifest, parse_manifest},
};

/// Pages of one list.
const PAGES: usize = 100;

/// A document that is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The manifest that attaches it.
    pub descriptor: Descriptor,
    /// The artifact type of that manifest.
    pub artifact_type: String,
    /// The annotations of that manifest.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// The document.
    pub bytes: Vec<u8>,
}

/// What is attached to an image, and what could not be read of it.
#[derive(Debug, Default)]
pub struct Attachments {
    /// The documents.
    pub found: Vec<Attached>,
    /// Referrers that could not be opened, and why. They are not evidence of
    /// anything, but whoever decides should say that they are there.
    pub unreadable: Vec<(Descriptor, ClientError)>,
}

impl Registry {
    /// Lists what claims to refer to `subject`, of one artifact type if one is
    /// given. An entry of the fallback tag without a usable type is kept.
    ///
    /// # Errors
    /// [`ClientError::TooManyReferrers`], or as for every exchange.
    pub async fn referrers(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, ClientError> {
        let (all, _) = self.listed_somewhere(at, subject, artifact_type).await?;
        Ok(all)
    }

    /// The same, and whether the list is that of the fallback tag.
    pub(crate) async fn listed_somewhere(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<(Vec<Descriptor>, bool), ClientError> {
        let (mut all, fallback) = match self.listed(at, subject, artifact_type).await? {
            Some(entries) => (entries, false),
            None => (self.fallback(at, subject).await?, true),
        };
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|entry| seen.insert(entry.digest.clone()));
        if let Some(wanted) = artifact_type {
            all.retain(|entry| {
                let kind = entry.artifact_type.as_deref().unwrap_or_default();
                kind == wanted || matches!(kind, "" | media_type::EMPTY)
            });
        }
        if all.len() > self.limits.referrers {
            return Err(self.too_many(at, subject));
        }
        Ok((all, fallback))
    }

    /// Fetches every document of `artifact_type` that is attached to `subject`:
    /// manifests of that type with one layer of at most `limit` bytes. Several
    /// at a time, in the order of the list, within the client's bounds on bytes
    /// and time.
    ///
    /// # Errors
    /// If the list cannot be had, or [`ClientError::Late`]. A document that
    /// cannot be had is told beside the others.
    pub async fn attachments(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: &str,
        limit: u64,
    ) -> Result<Attachments, ClientError> {
        let budget = Budget::of(&self.limits, subject);
        let wanted = Wanted {
            subject,
            artifact_type,
            limit,
            budget: &budget,
        };
        let gather = self.attachments_within(at, &wanted);
        self.limits.in_time("fetching the referrers", gather).await
    }

    /// The same within a budget that others take from, too.
    pub(crate) async fn attachments_within(
        &self,
        at: &Reference,
        wanted: &Wanted<'_>,
    ) -> Result<Attachments, ClientError> {
        let listed = self.referrers(at, wanted.subject, Some(wanted.artifact_type));
        let opened: Vec<_> = stream::iter(listed.await?)
            .map(|entry| async move {
                let attached = self.open(at, wanted, &entry).await;
                (entry, attached)
            })
            .buffered(self.limits.at_once.max(1))
            .collect()
            .await;
        let mut all = Attachments::default();
        for (entry, attached) in opened {
            match attached {
                Ok(Some(attached)) => all.found.push(attached),
                Ok(None) => {}
                Err(error) => all.unreadable.push((entry, error)),
            }
        }
        Ok(all)
    }

    /// Whether the registry has the referrers API.
    pub(crate) async fn has_referrers(
        &self,
        at: &Reference,
        subject: &Digest,
    ) -> Result<bool, ClientError> {
        let url = self.address(at, &format!("referrers/{subject}"))?;
        Ok(self.page(at, subject, url).await?.is_some())
    }

    /// The manifest of a referrer, if it is an image manifest that names `subject`.
    pub(crate) async fn referrer(
        &self,
        at: &Reference,
        subject: &Digest,
        entry: &Descriptor,
    ) -> Result<Option<(Fetched, ImageManifest)>, ClientError> {
        let fetched = self.manifest(&at.by_digest(entry.digest.clone())).await?;
        let Manifest::Image(manifest) = fetched.manifest.clone() else {
            return Ok(None);
        };
        let named = manifest.subject.as_ref();
        if named.is_none_or(|named| named.digest != *subject) {
            return Err(ClientError::Protocol {
                place: format!("{}@{}", at.name(), entry.digest),
                what: "its manifest does not name this subject",
            });
        }
        Ok(Some((fetched, manifest)))
    }

    async fn open(
        &self,
        at: &Reference,
        wanted: &Wanted<'_>,
        entry: &Descriptor,
    ) -> Result<Option<Attached>, ClientError> {
        let fetched = self.manifest(&at.by_digest(entry.digest.clone())).await?;
        attached(fetched, wanted, at, |layer| async move {
            wanted.budget.take(layer.size)?;
            self.blob(at, &layer, wanted.limit).await
        })
        .await
    }

    /// One page of the referrers API; `None` if there is no such API.
    async fn page(
        &self,
        at: &Reference,
        subject: &Digest,
        url: Url,
    ) -> Result<Option<Response>, ClientError> {
        let patience = self.limits.answer;
        let answer = self
            .exchange_at(at, Action::Pull, url, patience, |url| {
                Request::get(url).accept(media_type::INDEX)
            })
            .await?;
        let stated = text(&answer, header::CONTENT_TYPE).unwrap_or_default();
        let is_index = stated.split(';').next().map(str::trim) == Some(media_type::INDEX);
        match answer.status() {
            StatusCode::OK if is_index => Ok(Some(answer)),
            // No API: 404, or a page that some servers put under every path.
            StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            _ => Err(refusal(format!("{}@{subject}", at.name()), answer).await),
        }
    }

    /// The list of the referrers API; `None` if there is none.
    async fn listed(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>, ClientError> {
        let mut url = self.address(at, &format!("referrers/{subject}"))?;
        if let Some(wanted) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", wanted);
        }
        let (mut all, mut visited) = (Vec::new(), std::collections::BTreeSet::new());
        for _ in 0..PAGES {
            if !visited.insert(url.clone()) {
                return Err(ClientError::Protocol {
                    place: at.name(),
                    what: "its list of referrers leads back to an earlier page",
                });
            }
            let Some(answer) = self.page(at, subject, url.clone()).await? else {
                return Ok(None);
            };
            let link = text(&answer, header::LINK).unwrap_or_default();
            let bytes = answer
                .bytes(2 * limits::MANIFEST_BYTES, "a list of referrers")
                .await?;
            all.extend(entries(&bytes)?);
            if all.len() > self.limits.referrers {
                return Err(self.too_many(at, subject));
            }
            match next_page(&url, &link) {
                Some(next) => url = next,
                None => return Ok(Some(all)),
            }
        }
        Err(self.too_many(at, subject))
    }

    /// The entries of the fallback tag; none if it is not there.
    async fn fallback(
        &self,
        at: &Reference,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, ClientError> {
        let tag = self.fallback_tag(at, subject)?;
        match self.find(&tag).await? {
            // Some clients put the image itself under this tag when they copy it.
            Some(fetched) if fetched.descriptor.digest == *subject => Ok(Vec::new()),
            Some(fetched) => match fetched.manifest {
                Manifest::Index(index) => Ok(index.manifests),
                Manifest::Image(_) => Ok(Vec::new()),
            },
            None => Ok(Vec::new()),
        }
    }

    fn too_many(&self, at: &Reference, subject: &Digest) -> ClientError {
        ClientError::TooManyReferrers {
            place: at.name(),
            subject: subject.clone(),
            limit: self.limits.referrers,
        }
    }
}

/// Which documents are wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) subject: &'a Digest,
    pub(crate) artifact_type: &'a str,
    pub(crate) limit: u64,
    pub(crate) budget: &'a Budget,
}

/// The document that a manifest attaches; `None` if it is of another type.
pub(crate) async fn attached<F: Future<Output = Result<Vec<u8>, ClientError>>>(
    fetched: Fetched,
    wanted: &Wanted<'_>,
    at: &Reference,
    read: impl FnOnce(Descriptor) -> F,
) -> Result<Option<Attached>, ClientError> {
    let Manifest::Image(manifest) = fetched.manifest else {
        return Ok(None);
    };
    if manifest.kind() != wanted.artifact_type {
        return Ok(None);
    }
    let broken = |what| ClientError::Protocol {
        place: format!("{}@{}", at.name(), fetched.descriptor.digest),
        what,
    };
    let named = manifest.subject.as_ref();
    if named.is_none_or(|named| named.digest != *wanted.subject) {
        return Err(broken("its manifest does not name this subject"));
    }
    let [layer] = manifest.layers.as_slice() else {
        return Err(broken("its manifest has not exactly one layer"));
    };
    let bytes = read(layer.clone()).await?;
    Ok(Some(Attached {
        artifact_type: manifest.kind().to_owned(),
        descriptor: fetched.descriptor,
        annotations: manifest.annotations,
        bytes,
    }))
}

/// The entries of a list of referrers, which may be larger than a manifest.
fn entries(bytes: &[u8]) -> Result<Vec<Descriptor>, ClientError> {
    if bytes.len() as u64 <= limits::MANIFEST_BYTES {
        return match parse_manifest(bytes, Some(media_type::INDEX))? {
            Manifest::Index(index) => Ok(index.manifests),
            Manifest::Image(_) => Ok(Vec::new()),
        };
    }
    let what = "the list of referrers";
    let index: crate::manifest::ImageIndex =
        limits::parse_json(bytes, 2 * limits::MANIFEST_BYTES, what)?;
    Ok(index.manifests)
}
