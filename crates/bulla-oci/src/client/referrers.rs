//! What refers to an image: by the referrers API, else by the fallback tag.
//!
//! OCI distribution specification, *Listing Referrers*. Lists of a registry are
//! hints: each entry is opened, and counts only if its own manifest names the
//! subject. Some clients write the configuration's type into the fallback tag
//! where the artifact type belongs; opening the manifest settles that, too.

use bulla_core::{Descriptor, Digest, Reference, descriptor::media_type, limits};
use bulla_net::Request;
use http::{StatusCode, header};

use super::{
    ClientError, Registry,
    auth::Action,
    exchange::{address, refusal, text},
    link::next_page,
};
use crate::manifest::{ImageManifest, Manifest, parse_manifest};

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
        let mut all = match self.listed(at, subject, artifact_type).await? {
            Some(entries) => entries,
            None => self.fallback(at, subject).await?,
        };
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|entry| seen.insert(entry.digest.clone()));
        if let Some(wanted) = artifact_type {
            all.retain(|entry| {
                let kind = entry.artifact_type.as_deref().unwrap_or_default();
                kind == wanted || matches!(kind, "" | media_type::EMPTY)
            });
        }
        match all.len() {
            0..=limits::REFERRERS => Ok(all),
            _ => Err(self.too_many(at, subject)),
        }
    }

    /// Fetches every document of `artifact_type` that is attached to `subject`:
    /// manifests of that type with one layer of at most `limit` bytes.
    ///
    /// # Errors
    /// If the list cannot be had. A document that cannot be is told beside the others.
    pub async fn attachments(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: &str,
        limit: u64,
    ) -> Result<Attachments, ClientError> {
        let mut all = Attachments::default();
        for entry in self.referrers(at, subject, Some(artifact_type)).await? {
            match self.open(at, subject, artifact_type, &entry, limit).await {
                Ok(Some(attached)) => all.found.push(attached),
                Ok(None) => {}
                Err(error) => all.unreadable.push((entry, error)),
            }
        }
        Ok(all)
    }

    /// Whether the registry has the referrers API.
    pub(super) async fn has_referrers(
        &self,
        at: &Reference,
        subject: &Digest,
    ) -> Result<bool, ClientError> {
        Ok(self.listed(at, subject, None).await?.is_some())
    }

    async fn open(
        &self,
        at: &Reference,
        subject: &Digest,
        wanted: &str,
        entry: &Descriptor,
        limit: u64,
    ) -> Result<Option<Attached>, ClientError> {
        let fetched = self.manifest(&at.by_digest(entry.digest.clone())).await?;
        let Manifest::Image(manifest) = fetched.manifest else {
            return Ok(None);
        };
        if manifest.kind() != wanted {
            return Ok(None);
        }
        let broken = |what| ClientError::Protocol {
            place: format!("{}@{}", at.name(), entry.digest),
            what,
        };
        let names_subject =
            |m: &ImageManifest| m.subject.as_ref().is_some_and(|s| s.digest == *subject);
        if !names_subject(&manifest) {
            return Err(broken("its manifest does not name this subject"));
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(broken("its manifest has not exactly one layer"));
        };
        let bytes = self.blob(at, layer, limit).await?;
        Ok(Some(Attached {
            descriptor: fetched.descriptor,
            artifact_type: manifest.kind().to_owned(),
            annotations: manifest.annotations,
            bytes,
        }))
    }

    /// The list of the referrers API; `None` if there is none.
    async fn listed(
        &self,
        at: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>, ClientError> {
        let mut url = address(at, &format!("referrers/{subject}"))?;
        if let Some(wanted) = artifact_type {
            url.query_pairs_mut().append_pair("artifactType", wanted);
        }
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let answer = self
                .exchange_at(at, Action::Pull, url.clone(), |url| {
                    Request::get(url).accept(media_type::INDEX)
                })
                .await?;
            let stated = text(&answer, header::CONTENT_TYPE).unwrap_or_default();
            let is_index = stated.split(';').next().map(str::trim) == Some(media_type::INDEX);
            match answer.status() {
                StatusCode::OK if is_index => {}
                // No API: 404, or a page that some servers put under every path.
                StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                    return Ok(None);
                }
                _ => return Err(refusal(format!("{}@{subject}", at.name()), answer).await),
            }
            let link = text(&answer, header::LINK).unwrap_or_default();
            let bytes = answer
                .bytes(2 * limits::MANIFEST_BYTES, "a list of referrers")
                .await?;
            all.extend(entries(&bytes)?);
            if all.len() > limits::REFERRERS {
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
        let tag = at.by_tag(&subject.fallback_tag());
        let tag = tag.map_err(|_| ClientError::NoTag {
            reference: at.name(),
        })?;
        match self.manifest(&tag).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Index(index) => Ok(index.manifests),
                Manifest::Image(_) => Ok(Vec::new()),
            },
            Err(ClientError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn too_many(&self, at: &Reference, subject: &Digest) -> ClientError {
        ClientError::TooManyReferrers {
            place: at.name(),
            subject: subject.clone(),
        }
    }
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
