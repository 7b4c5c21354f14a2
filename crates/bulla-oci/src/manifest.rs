//! Manifests, indexes and image configurations, read from untrusted bytes.
//!
//! OCI image specification 1.1, *manifest*, *index*, *config*; Docker's schema 2
//! is read as the same thing. A document that could be both kinds is refused
//! (GHSA-77vh-xpmg-72qh).

use bulla_core::{
    Code, Descriptor, Diagnose, Digest,
    descriptor::media_type,
    limits::{self, LimitError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Entries of one manifest or index.
const ENTRIES: usize = 16_384;

/// A manifest of either kind.
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image or artifact.
    Image(ImageManifest),
    /// A list of manifests.
    Index(ImageIndex),
}

/// The manifest of an image or artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// 2.
    pub schema_version: u32,
    /// The media type of this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Its artifact type, or the media type of its configuration.
    pub fn kind(&self) -> &str {
        match self.artifact_type.as_deref() {
            None | Some("") => &self.config.media_type,
            Some(kind) => kind,
        }
    }
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// 2.
    pub schema_version: u32,
    /// The media type of this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl ImageIndex {
    /// An index of these manifests.
    pub fn of(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::INDEX.into()),
            manifests,
            annotations: BTreeMap::new(),
        }
    }
}

/// The configuration of an image. Fields that are not named here are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The processor architecture in Go's names.
    pub architecture: String,
    /// The operating system.
    pub os: String,
    /// How to run it.
    #[serde(default)]
    pub config: RuntimeConfig,
    /// Its layers.
    pub rootfs: RootFs,
    /// How it came about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// How to run an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuntimeConfig {
    /// `UID:GID` or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `NAME=VALUE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The layers of an image before compression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digest of each layer's tar archive, lowest first.
    pub diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// Reads a manifest; `stated` is the media type that its sender or descriptor gave.
///
/// # Errors
/// [`ManifestError`].
pub fn parse_manifest(bytes: &[u8], stated: Option<&str>) -> Result<Manifest, ManifestError> {
    let shape: Shape = limits::parse_json(bytes, limits::MANIFEST_BYTES, "the manifest")?;
    if shape.schema_version != 2 {
        return Err(ManifestError::Schema {
            version: shape.schema_version,
        });
    }
    let image = shape.config.is_some() || shape.layers.is_some();
    let index = shape.manifests.is_some();
    if image == index {
        return Err(ManifestError::Ambiguous);
    }
    for claimed in [stated, shape.media_type.as_deref()].into_iter().flatten() {
        let fits = match claimed {
            media_type::MANIFEST | media_type::DOCKER_MANIFEST => image,
            media_type::INDEX | media_type::DOCKER_LIST => index,
            _ => false,
        };
        if !fits {
            return Err(ManifestError::MediaType {
                claimed: claimed.chars().take(120).collect(),
            });
        }
    }
    let count = |entries: usize| match entries {
        0..=ENTRIES => Ok(()),
        _ => Err(ManifestError::Entries),
    };
    if image {
        let manifest: ImageManifest =
            limits::parse_json(bytes, limits::MANIFEST_BYTES, "the manifest")?;
        count(manifest.layers.len())?;
        Ok(Manifest::Image(manifest))
    } else {
        let index: ImageIndex = limits::parse_json(bytes, limits::MANIFEST_BYTES, "the index")?;
        count(index.manifests.len())?;
        Ok(Manifest::Index(index))
    }
}

/// Reads an image configuration.
///
/// # Errors
/// [`ManifestError::Limit`].
pub fn parse_config(bytes: &[u8]) -> Result<ImageConfig, ManifestError> {
    let what = "the image configuration";
    Ok(limits::parse_json(bytes, limits::MANIFEST_BYTES, what)?)
}

/// Why a document is not a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Both an image and an index, or neither.
    #[error("the manifest has the parts of an image and of an index, or of neither")]
    Ambiguous,
    /// Too many entries.
    #[error("the manifest has more than {ENTRIES} entries")]
    Entries,
    /// Too large, too deep or not the JSON expected.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Its media type says something else.
    #[error("the manifest is said to be {claimed:?}, which does not fit its content")]
    MediaType {
        /// The media type.
        claimed: String,
    },
    /// Another schema version.
    #[error("the manifest has schema version {version}; only 2 is read")]
    Schema {
        /// The version.
        version: u32,
    },
}

impl Diagnose for ManifestError {
    fn code(&self) -> Code {
        match self {
            Self::Ambiguous => Code("OCI-0001"),
            Self::Entries => Code("OCI-0002"),
            Self::Limit(error) => error.code(),
            Self::MediaType { .. } => Code("OCI-0003"),
            Self::Schema { .. } => Code("OCI-0004"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some("push the image again with a current tool, then run the same command".into())
    }
}

#[cfg(test)]
mod tests;
