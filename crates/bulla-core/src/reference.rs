//! Where an image is: `REGISTRY/REPOSITORY[:TAG][@DIGEST]`.
//!
//! The grammar is that of the OCI distribution specification. A reference
//! without a registry is refused rather than guessed: bulla has no default
//! registry. A reference with a tag *and* a digest means the digest.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

use crate::{
    diagnose::{Code, Diagnose},
    digest::Digest,
};

/// An image reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// A reference by digest.
    pub fn by_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// The same repository, another tag.
    ///
    /// # Errors
    /// If `tag` is not a tag.
    pub fn by_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        if !is_tag(tag) {
            return Err(malformed(tag, "the tag"));
        }
        Ok(Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        })
    }

    /// Host and, if given, port.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository's path in the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one is given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// `REGISTRY/REPOSITORY`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What stands in a manifest URL: the digest, else the tag.
    pub fn manifest_key(&self) -> Option<String> {
        self.digest
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| self.tag.clone())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > 512 {
            return Err(malformed(text, "the length"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (
                rest,
                Some(digest.parse().map_err(|_| malformed(text, "the digest"))?),
            ),
            None => (text, None),
        };
        let (registry, path) = rest
            .split_once('/')
            .ok_or_else(|| malformed(text, "the registry"))?;
        if !is_registry(registry) {
            return Err(malformed(text, "the registry"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) if !is_tag(tag) || repository.is_empty() => {
                return Err(malformed(text, "the tag"));
            }
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if !is_repository(repository) {
            return Err(malformed(text, "the repository"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Whether `text` is a repository name: lower-case path components.
pub fn is_repository(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.split('/').all(is_component)
}

/// Whether `text` is a tag.
pub fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first
        && text.len() <= 128
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let mut index = 0;
    loop {
        let start = index;
        while bytes.get(index).is_some_and(|b| alnum(*b)) {
            index += 1;
        }
        if index == start {
            return false;
        }
        match bytes.get(index..) {
            None | Some([]) => return true,
            Some([b'_', b'_', ..]) => index += 2,
            Some([b'.' | b'_', ..]) => index += 1,
            Some([b'-', ..]) => {
                while bytes.get(index) == Some(&b'-') {
                    index += 1;
                }
            }
            Some(_) => return false,
        }
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let bracketed = text.starts_with('[');
    let host_ok = !host.is_empty()
        && host.bytes().all(|b| {
            b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || (bracketed && b == b':')
        });
    let looks_like_host = bracketed || host == "localhost" || host.contains('.') || port.is_some();
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok());
    host_ok && looks_like_host && port_ok
}

fn malformed(text: &str, part: &'static str) -> ReferenceError {
    ReferenceError {
        text: text.chars().take(200).collect(),
        part,
    }
}

/// Why a text is not a reference.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not an image reference: {part} is missing or malformed")]
pub struct ReferenceError {
    text: String,
    part: &'static str,
}

impl Diagnose for ReferenceError {
    fn code(&self) -> Code {
        Code("CORE-0003")
    }

    fn hint(&self) -> Option<String> {
        Some("write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:HEX, for example 127.0.0.1:5610/hello:git-4be1d2a90c11".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let hex = "a".repeat(64);
        for text in [
            "127.0.0.1:5610/hello:git-4be1d2a90c11".to_owned(),
            "localhost/a/b__c/d-e".to_owned(),
            "[::1]:5000/x".to_owned(),
            format!("registry.example.com/team/app:1.0@sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_a_reference() {
        for text in [
            "",
            "hello",
            "hello/world",
            "host.example/",
            "host.example/Upper",
            "host.example/a//b",
            "host.example/a:",
            "host.example/a:bad tag",
            "host.example/a@sha256:12",
            "host.example:99999/a",
            "host.example/../etc",
            "https://host.example/a",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
