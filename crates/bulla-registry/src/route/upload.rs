//! Uploads: at once, in pieces, or taken over from another repository.

use axum::body::Body;
use bulla_core::Digest;
use bulla_store::BlobUpload;
use http::{HeaderName, StatusCode, header, request::Parts};

use super::{Answer, DIGEST, Service, empty, query, query_digest, set, text, upload_headers};
use crate::{error::RegistryError, range::chunk, upload::receive};

pub(super) async fn begin(
    service: &Service,
    parts: &Parts,
    body: Body,
    repository: &str,
) -> Answer {
    if let Some(digest) = query_digest(parts, "mount")? {
        let from = query(parts, "from");
        if let Some(size) = mountable(service, from.as_deref(), &digest).await? {
            let registry = service.store.registry();
            let now = service.now();
            registry
                .link_blob(repository, &digest, size, None, now)
                .await?;
            return Ok(created(repository, &digest));
        }
    } else if let Some(digest) = query_digest(parts, "digest")? {
        announced(service, parts)?;
        let limits = &service.config.limits;
        let mut upload = service.store.blobs().begin(limits.blob_bytes).await?;
        receive(&mut upload, body, limits.idle).await?;
        let size = upload.commit(digest.clone()).await?;
        let registry = service.store.registry();
        let now = service.now();
        registry
            .link_blob(repository, &digest, size, None, now)
            .await?;
        return Ok(created(repository, &digest));
    }
    let limits = &service.config.limits;
    let begun = service
        .uploads
        .begin(&service.store, limits, repository, service.now());
    let upload = begun.await?;
    let id = upload.id().to_owned();
    service.uploads.put_back(upload).await?;
    Ok(progress(StatusCode::ACCEPTED, repository, &id, 0))
}

pub(super) async fn status(service: &Service, repository: &str, id: &str) -> Answer {
    let upload = take(service, repository, id).await?;
    let length = upload.length();
    service.uploads.put_back(upload).await?;
    Ok(progress(StatusCode::NO_CONTENT, repository, id, length))
}

pub(super) async fn patch(
    service: &Service,
    parts: &Parts,
    body: Body,
    repository: &str,
    id: &str,
) -> Answer {
    announced(service, parts)?;
    let upload = take(service, repository, id).await?;
    let mut upload = in_order(service, parts, repository, upload).await?;
    match receive(&mut upload, body, service.config.limits.idle).await {
        Ok(()) => {}
        Err(error @ (RegistryError::BodyIdle | RegistryError::BodyCut)) => {
            service.uploads.put_back(upload).await?;
            return Err(error);
        }
        Err(error) => {
            drop(upload);
            service.uploads.cancel(&service.store, id).await?;
            return Err(error);
        }
    }
    let length = upload.length();
    service.uploads.put_back(upload).await?;
    Ok(progress(StatusCode::ACCEPTED, repository, id, length))
}

pub(super) async fn finish(
    service: &Service,
    parts: &Parts,
    body: Body,
    repository: &str,
    id: &str,
) -> Answer {
    let digest = query_digest(parts, "digest")?.ok_or(RegistryError::UploadInvalid {
        reason: "the digest is missing",
    })?;
    announced(service, parts)?;
    let upload = take(service, repository, id).await?;
    let mut upload = in_order(service, parts, repository, upload).await?;
    receive(&mut upload, body, service.config.limits.idle).await?;
    let registry = service.store.registry();
    let size = match upload.commit(digest.clone()).await {
        Ok(size) => size,
        Err(error) => {
            registry.end_upload(id).await?; // its bytes are gone
            return Err(error.into());
        }
    };
    let now = service.now();
    registry
        .link_blob(repository, &digest, size, Some(id), now)
        .await?;
    Ok(created(repository, &digest))
}

pub(super) async fn cancel(service: &Service, repository: &str, id: &str) -> Answer {
    drop(take(service, repository, id).await?);
    service.uploads.cancel(&service.store, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn take(
    service: &Service,
    repository: &str,
    id: &str,
) -> Result<Box<dyn BlobUpload>, RegistryError> {
    let limits = &service.config.limits;
    service
        .uploads
        .take(&service.store, limits, repository, id)
        .await
}

/// Refuses a body that says itself that it is too long.
fn announced(service: &Service, parts: &Parts) -> Result<(), RegistryError> {
    let limit = service.config.limits.blob_bytes;
    let length = text(&parts.headers, header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    match length {
        Some::<u64>(length) if length > limit => Err(RegistryError::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// Refuses a chunk that does not begin where the upload stands.
async fn in_order(
    service: &Service,
    parts: &Parts,
    repository: &str,
    upload: Box<dyn BlobUpload>,
) -> Result<Box<dyn BlobUpload>, RegistryError> {
    let Some(range) = parts.headers.get(header::CONTENT_RANGE) else {
        return Ok(upload);
    };
    let length = upload.length();
    let announced = text(&parts.headers, header::CONTENT_LENGTH);
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    let error = match range.to_str().ok().and_then(chunk) {
        None => RegistryError::UploadInvalid {
            reason: "Content-Range is not FIRST-LAST",
        },
        Some((first, _)) if first != length => RegistryError::UploadRange {
            length,
            location: location(repository, upload.id()),
        },
        Some((_, size)) if announced.is_some_and(|announced| announced != size) => {
            RegistryError::UploadInvalid {
                reason: "Content-Range and Content-Length differ",
            }
        }
        Some(_) => return Ok(upload),
    };
    service.uploads.put_back(upload).await?;
    Err(error)
}

/// The size of a blob that may be linked without its bytes being sent: one of
/// `from`, or of any repository if `from` is not given. Whoever may push here
/// may pull everywhere, so this tells nothing new.
async fn mountable(
    service: &Service,
    from: Option<&str>,
    digest: &Digest,
) -> Result<Option<u64>, RegistryError> {
    let registry = service.store.registry();
    let linked = match from {
        Some(from) => registry.blob(from, digest).await?,
        None => registry.blob_anywhere(digest).await?,
    };
    let Some(linked) = linked else {
        return Ok(None);
    };
    let reader = service.store.blobs().open(digest).await?;
    Ok(reader
        .map(|reader| reader.size())
        .filter(|size| *size == linked))
}

fn location(repository: &str, id: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/{id}")
}

fn progress(
    status: StatusCode,
    repository: &str,
    id: &str,
    length: u64,
) -> axum::response::Response {
    let mut response = empty(status);
    let headers = response.headers_mut();
    upload_headers(headers, &location(repository, id), length);
    set(headers, HeaderName::from_static("docker-upload-uuid"), id);
    response
}

fn created(repository: &str, digest: &Digest) -> axum::response::Response {
    let mut response = empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    let location = format!("/v2/{repository}/blobs/{digest}");
    set(headers, header::LOCATION, &location);
    set(headers, DIGEST, &digest.to_string());
    response
}
