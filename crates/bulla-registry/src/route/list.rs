//! Lists of names, in pages: tags of a repository, repositories.

use bulla_store::state::Page;
use http::{StatusCode, header, request::Parts};
use serde_json::json;

use super::{Answer, Service, json, query, set};
use crate::error::RegistryError;

pub(super) async fn tags(service: &Service, parts: &Parts, repository: &str) -> Answer {
    let registry = service.store.registry();
    if !registry.has_repository(repository).await? {
        return Err(RegistryError::NameUnknown {
            name: repository.to_owned(),
        });
    }
    let (last, count) = asked(service, parts)?;
    let page = registry.tags(repository, &last, count).await?;
    let path = format!("/v2/{repository}/tags/list");
    let names = &page.items;
    Ok(listed(
        json!({ "name": repository, "tags": names }),
        &path,
        count,
        &page,
    ))
}

pub(super) async fn repositories(service: &Service, parts: &Parts) -> Answer {
    let (last, count) = asked(service, parts)?;
    let page = service.store.registry().repositories(&last, count).await?;
    let names = &page.items;
    Ok(listed(
        json!({ "repositories": names }),
        "/v2/_catalog",
        count,
        &page,
    ))
}

/// `last` and `n` of the query; `n` is cut to what a page may hold.
fn asked(service: &Service, parts: &Parts) -> Result<(String, u32), RegistryError> {
    let most = service.config.limits.page;
    let count = match query(parts, "n") {
        None => most,
        Some(text) => match text.parse::<u64>() {
            Ok(count) => u32::try_from(count).unwrap_or(most).min(most),
            Err(_) => {
                return Err(RegistryError::NameInvalid {
                    text: crate::path::cut(&text),
                });
            }
        },
    };
    Ok((query(parts, "last").unwrap_or_default(), count))
}

fn listed(
    body: serde_json::Value,
    path: &str,
    count: u32,
    page: &Page<String>,
) -> axum::response::Response {
    let mut response = json(StatusCode::OK, body.to_string());
    if let (true, Some(last)) = (page.more, page.items.last()) {
        let last: String = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
        let link = format!("<{path}?n={count}&last={last}>; rel=\"next\"");
        set(response.headers_mut(), header::LINK, &link);
    }
    response
}
