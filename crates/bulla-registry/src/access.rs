//! Who may ask: the host a request is addressed to, the site it comes from, the
//! credential it carries. All three are checked before anything else.
//!
//! HTTP Basic, RFC 7617. An empty name with an empty secret counts as no
//! credential: some clients send that when they have none.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Uri, header};

use crate::{
    config::{PullAccess, RegistryConfig},
    error::RegistryError,
    path::cut,
};

/// The challenge of a refused request.
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"bulla\"");

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ask whether the API is there.
    Ping,
    /// Read.
    Pull,
    /// Write or delete.
    Push,
}

/// Refuses a request that may not be made.
pub(crate) fn check(
    config: &RegistryConfig,
    uri: &Uri,
    headers: &HeaderMap,
    action: Action,
) -> Result<(), RegistryError> {
    check_host(config, uri, headers)?;
    check_site(headers)?;
    let presented = presented(headers)?;
    let known = match &presented {
        Some(pair) if config.credential.is(pair) => true,
        Some(_) => return Err(RegistryError::Unauthorized),
        None => false,
    };
    let open = match action {
        Action::Ping | Action::Pull => config.pull == PullAccess::Open,
        Action::Push => false,
    };
    if known || open {
        return Ok(());
    }
    Err(RegistryError::Unauthorized)
}

fn check_host(
    config: &RegistryConfig,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), RegistryError> {
    let in_header = single(headers, header::HOST);
    let in_line = uri.authority().map(|authority| authority.as_str());
    let refused = |host: &str| RegistryError::Host { host: cut(host) };
    let ((None, Some(first)) | (Some(first), _)) = (in_line, in_header) else {
        return Err(refused(""));
    };
    for host in [Some(first), in_header].into_iter().flatten() {
        let name = host_name(host);
        if !config
            .hosts
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        {
            return Err(refused(host));
        }
    }
    Ok(())
}

/// Browsers say where a request comes from; other clients say nothing.
fn check_site(headers: &HeaderMap) -> Result<(), RegistryError> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(site, None | Some(b"none" | b"same-origin")) {
        return Err(RegistryError::CrossSite);
    }
    if headers.contains_key(header::ORIGIN) {
        let host = single(headers, header::HOST);
        let origin = single(headers, header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        if origin.is_none() || origin != host {
            return Err(RegistryError::CrossSite);
        }
    }
    Ok(())
}

/// `NAME:SECRET` as presented.
fn presented(headers: &HeaderMap) -> Result<Option<Vec<u8>>, RegistryError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let text = single(headers, header::AUTHORIZATION).ok_or(RegistryError::Unauthorized)?;
    let (scheme, value) = text.split_once(' ').ok_or(RegistryError::Unauthorized)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(RegistryError::Unauthorized);
    }
    let pair = STANDARD
        .decode(value.trim())
        .map_err(|_| RegistryError::Unauthorized)?;
    Ok((pair != b":").then_some(pair))
}

/// The one value of a header; `None` if there are none or several.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests;
