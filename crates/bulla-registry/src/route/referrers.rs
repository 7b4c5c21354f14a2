//! What refers to a manifest: an image index made on the spot.
//!
//! OCI distribution specification, *Listing Referrers*: never 404, filtered by
//! artifact type on request, in pages.

use axum::body::Body;
use bulla_core::{Descriptor, Digest, descriptor::media_type};
use http::{HeaderName, HeaderValue, header, request::Parts};
use serde_json::json;

use super::{Answer, Service, query, set};

/// Bytes of descriptors in one page; annotations come from whoever pushed.
const PAGE_BYTES: usize = 3 << 20;

pub(super) async fn get(
    service: &Service,
    parts: &Parts,
    repository: &str,
    subject: &Digest,
) -> Answer {
    let wanted = query(parts, "artifactType").filter(|text| !text.is_empty());
    let last = query(parts, "last").unwrap_or_default();
    let page = service
        .store
        .registry()
        .referrers(
            repository,
            subject,
            wanted.as_deref(),
            &last,
            service.config.limits.page,
        )
        .await?;
    let (mut more, mut bytes) = (page.more, 0);
    let mut entries: Vec<Descriptor> = Vec::new();
    for referrer in page.items {
        bytes += serde_json::to_vec(&referrer.descriptor).map_or(0, |text| text.len());
        if bytes > PAGE_BYTES && !entries.is_empty() {
            more = true;
            break;
        }
        entries.push(referrer.descriptor);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": entries,
    });
    let mut response = axum::response::Response::new(Body::from(index.to_string()));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type::INDEX),
    );
    if wanted.is_some() {
        headers.insert(
            HeaderName::from_static("oci-filters-applied"),
            HeaderValue::from_static("artifactType"),
        );
    }
    if let (true, Some(last)) = (more, entries.last()) {
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        if let Some(wanted) = &wanted {
            next.append_pair("artifactType", wanted);
        }
        next.append_pair("last", &last.digest.to_string());
        let link = format!(
            "</v2/{repository}/referrers/{subject}?{}>; rel=\"next\"",
            next.finish()
        );
        set(headers, header::LINK, &link);
    }
    Ok(response)
}
