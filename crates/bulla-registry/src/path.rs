//! Paths below `/v2/`. Repository names hold slashes, so a path is read from
//! its end: OCI distribution specification, *Endpoints*.
//!
//! The only escape that is understood is `%3A` in a digest; every other one is
//! refused, and so is every name outside the grammar, `..` included.

use bulla_core::{
    Digest,
    reference::{is_repository, is_tag},
};

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A blob.
    Blob(String, Digest),
    /// The list of repositories.
    Catalog,
    /// A manifest.
    Manifest(String, ManifestName),
    /// The API itself.
    Ping,
    /// What refers to a manifest.
    Referrers(String, Digest),
    /// The tags of a repository.
    Tags(String),
    /// An upload session.
    Upload(String, String),
    /// Where sessions begin.
    Uploads(String),
}

/// How a manifest is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestName {
    /// By digest.
    Digest(Digest),
    /// By tag.
    Tag(String),
}

/// Why a path names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// The digest is malformed or not accepted.
    Digest(String),
    /// A repository name or tag is malformed.
    Name(String),
    /// No such endpoint.
    Unknown,
}

/// Reads the path of a request, as it stood in the request line.
///
/// # Errors
/// [`PathError`]: nothing of it was taken.
pub fn parse(path: &str) -> Result<Resource, PathError> {
    let rest = match path.strip_prefix("/v2") {
        Some("" | "/") => return Ok(Resource::Ping),
        Some(rest) => rest.strip_prefix('/').ok_or(PathError::Unknown)?,
        None => return Err(PathError::Unknown),
    };
    if rest == "_catalog" {
        return Ok(Resource::Catalog);
    }
    let (head, last) = rest.rsplit_once('/').ok_or(PathError::Unknown)?;
    let (name, kind) = head.rsplit_once('/').unwrap_or(("", head));
    match kind {
        "tags" if last == "list" => Ok(Resource::Tags(repository(name)?)),
        "manifests" => Ok(Resource::Manifest(repository(name)?, manifest_name(last)?)),
        "referrers" => Ok(Resource::Referrers(repository(name)?, digest(last)?)),
        "blobs" if last == "uploads" => Ok(Resource::Uploads(repository(name)?)),
        "blobs" => Ok(Resource::Blob(repository(name)?, digest(last)?)),
        "uploads" => {
            let name = name.strip_suffix("/blobs").ok_or(PathError::Unknown)?;
            let name = repository(name)?;
            let sound = last.len() <= 64 && last.bytes().all(|b| b.is_ascii_alphanumeric());
            match last {
                "" => Ok(Resource::Uploads(name)),
                _ if sound => Ok(Resource::Upload(name, last.to_owned())),
                _ => Err(PathError::Name(cut(last))),
            }
        }
        _ => Err(PathError::Unknown),
    }
}

fn repository(name: &str) -> Result<String, PathError> {
    if !is_repository(name) {
        return Err(PathError::Name(cut(name)));
    }
    Ok(name.to_owned())
}

fn digest(text: &str) -> Result<Digest, PathError> {
    let text = text.replacen("%3A", ":", 1).replacen("%3a", ":", 1);
    text.parse().map_err(|_| PathError::Digest(cut(&text)))
}

fn manifest_name(text: &str) -> Result<ManifestName, PathError> {
    if text.contains(':') || text.contains('%') {
        return digest(text).map(ManifestName::Digest);
    }
    if !is_tag(text) {
        return Err(PathError::Name(cut(text)));
    }
    Ok(ManifestName::Tag(text.to_owned()))
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(150).collect()
}

#[cfg(test)]
mod tests;
