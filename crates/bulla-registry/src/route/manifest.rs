//! Manifests: kept verbatim, checked before, given back only if unchanged.

use axum::{body::Body, response::Response};
use bulla_core::{Descriptor, Digest};
use bulla_store::state::{Expect, NewManifest, PutManifest, TagChange};
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};

use super::{Answer, DIGEST, Service, empty, set, text};
use crate::{
    config::Deletion,
    error::RegistryError,
    manifest::{self, ManifestView},
    path::ManifestName,
    tag,
    upload::read,
};

/// How often a growing tag is tried again when others write it at the same time.
const ATTEMPTS: usize = 8;
/// Tags that one push by digest may write (`?tag=`).
const TAGS: usize = 16;

pub(super) async fn get(
    service: &Service,
    parts: &Parts,
    repository: &str,
    reference: &ManifestName,
) -> Answer {
    let unknown = || RegistryError::ManifestUnknown {
        reference: reference.to_string(),
    };
    let digest = resolve(service, repository, reference).await?;
    let digest = digest.ok_or_else(unknown)?;
    let row = service
        .store
        .registry()
        .manifest(repository, &digest)
        .await?;
    let row = row.ok_or_else(unknown)?;
    if !digest.matches(&row.bytes) {
        return Err(RegistryError::StoredDamage { digest });
    }
    let length = row.bytes.len();
    let body = match parts.method {
        Method::HEAD => Body::empty(),
        _ => Body::from(row.bytes),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    set(headers, header::CONTENT_TYPE, &row.media_type);
    set(headers, DIGEST, &digest.to_string());
    set(headers, header::ETAG, &format!("\"{digest}\""));
    Ok(response)
}

pub(super) async fn put(
    service: &Service,
    parts: &Parts,
    body: Body,
    repository: &str,
    reference: &ManifestName,
) -> Answer {
    let limits = &service.config.limits;
    let bytes = read(body, limits.manifest_bytes, limits.idle).await?;
    let (digest, tags) = names(parts, reference, &bytes)?;
    let content_type = text(&parts.headers, header::CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let view = manifest::read(&bytes, content_type)
        .map_err(|reason| RegistryError::ManifestInvalid { reason })?;
    store(service, repository, &digest, &bytes, &view, &tags).await?;
    let mut response = empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    let location = format!("/v2/{repository}/manifests/{digest}");
    set(headers, header::LOCATION, &location);
    set(headers, DIGEST, &digest.to_string());
    if let Some(subject) = &view.subject {
        let name = HeaderName::from_static("oci-subject");
        set(headers, name, &subject.to_string());
    }
    for tag in &tags {
        if let (ManifestName::Digest(_), Ok(value)) = (reference, HeaderValue::from_str(tag)) {
            headers.append(HeaderName::from_static("oci-tag"), value);
        }
    }
    Ok(response)
}

pub(super) async fn delete(
    service: &Service,
    repository: &str,
    reference: &ManifestName,
) -> Answer {
    if service.config.deletion == Deletion::Refused {
        return Err(RegistryError::DeletionOff);
    }
    let registry = service.store.registry();
    let removed = match reference {
        ManifestName::Digest(digest) => registry.delete_manifest(repository, digest).await?,
        ManifestName::Tag(tag) => registry.delete_tag(repository, tag).await?,
    };
    if !removed {
        return Err(RegistryError::ManifestUnknown {
            reference: reference.to_string(),
        });
    }
    Ok(empty(StatusCode::ACCEPTED))
}

async fn resolve(
    service: &Service,
    repository: &str,
    reference: &ManifestName,
) -> Result<Option<Digest>, RegistryError> {
    Ok(match reference {
        ManifestName::Digest(digest) => Some(digest.clone()),
        ManifestName::Tag(tag) => service.store.registry().tag(repository, tag).await?,
    })
}

/// The digest of what came, and the tags that it is to have.
fn names(
    parts: &Parts,
    reference: &ManifestName,
    bytes: &[u8],
) -> Result<(Digest, Vec<String>), RegistryError> {
    let expected = match reference {
        ManifestName::Tag(tag) => return Ok((Digest::sha256(bytes), vec![tag.clone()])),
        ManifestName::Digest(expected) => expected,
    };
    let found = expected.of_same_kind(bytes);
    if found != *expected {
        return Err(RegistryError::DigestMismatch {
            expected: expected.clone(),
            found,
        });
    }
    let mut tags = Vec::new();
    let query = parts.uri.query().unwrap_or_default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if key != "tag" {
            continue;
        }
        if !bulla_core::reference::is_tag(&value) || tags.len() >= TAGS {
            return Err(RegistryError::NameInvalid {
                text: crate::path::cut(&value),
            });
        }
        tags.push(value.into_owned());
    }
    Ok((found, tags))
}

/// Stores all or nothing. A growing tag is compared with what it names now, and
/// written only if it still names that.
async fn store(
    service: &Service,
    repository: &str,
    digest: &Digest,
    bytes: &[u8],
    view: &ManifestView,
    tags: &[String],
) -> Result<(), RegistryError> {
    let mut listed = Descriptor::new(&view.media_type, digest.clone(), bytes.len() as u64);
    listed.artifact_type.clone_from(&view.artifact_type);
    listed.annotations.clone_from(&view.annotations);
    for attempt in 1.. {
        let mut changes = Vec::new();
        for tag in tags {
            changes.push(change(service, repository, tag, digest, view).await?);
        }
        let done = service
            .store
            .registry()
            .put_manifest(NewManifest {
                repository,
                digest,
                media_type: &view.media_type,
                bytes,
                blobs: &view.blobs,
                manifests: &view.manifests,
                subject: view.subject.as_ref().map(|subject| (subject, &listed)),
                tags: &changes,
                now: service.now(),
            })
            .await?;
        match done {
            PutManifest::Done => break,
            PutManifest::Missing(digest) => {
                return Err(RegistryError::ManifestReference { digest });
            }
            PutManifest::Size { digest, stored } => {
                return Err(RegistryError::ManifestSize { digest, stored });
            }
            PutManifest::Tag { name, .. } if tag::may_grow(&name) && attempt < ATTEMPTS => {}
            PutManifest::Tag { name, current } => {
                return Err(RegistryError::TagMoved {
                    tag: name,
                    current: current.unwrap_or_else(|| digest.clone()),
                    wanted: digest.clone(),
                    lacks: None,
                });
            }
        }
    }
    Ok(())
}

/// What must be true of a tag for this push to write it.
async fn change(
    service: &Service,
    repository: &str,
    name: &str,
    digest: &Digest,
    view: &ManifestView,
) -> Result<TagChange, RegistryError> {
    let registry = service.store.registry();
    let expect = match registry.tag(repository, name).await? {
        Some(current) if current != *digest && tag::may_grow(name) => {
            let old = registry.manifest(repository, &current).await?;
            let old = old.and_then(|row| manifest::read(&row.bytes, Some(&row.media_type)).ok());
            let lost = match &old {
                Some(old) => tag::lost(old, view),
                None => Some(current.clone()), // it cannot be read, so it cannot be held
            };
            if let Some(lacks) = lost {
                return Err(RegistryError::TagMoved {
                    tag: name.to_owned(),
                    current,
                    wanted: digest.clone(),
                    lacks: Some(lacks),
                });
            }
            Expect::Is(current)
        }
        _ => Expect::Absent,
    };
    Ok(TagChange {
        name: name.to_owned(),
        expect,
    })
}
