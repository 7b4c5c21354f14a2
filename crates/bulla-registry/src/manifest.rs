//! What the registry must know of a manifest before it keeps its bytes.
//!
//! OCI image specification, *manifest* and *index*, and Docker's schema 2. A
//! document that could be read as both kinds is refused: two readers would see
//! two images under one digest (GHSA-mc8v-mgrf-8f4m, GHSA-77vh-xpmg-72qh).

use bulla_core::{Descriptor, Digest, descriptor::media_type, limits};
use serde::Deserialize;
use std::collections::BTreeMap;

/// References of one manifest.
const REFERENCES: usize = 16_384;

/// A manifest or index, as far as the registry looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestView {
    /// The media type: that of the request, confirmed by the document.
    pub media_type: String,
    /// Blobs that must be there: configuration and layers.
    pub blobs: Vec<Descriptor>,
    /// Layers only, those that need not be there included.
    pub layers: Vec<Descriptor>,
    /// Manifests that must be there.
    pub manifests: Vec<Descriptor>,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// Its artifact type, or that of its configuration.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// Reads a manifest that was pushed with the media type `content_type`.
///
/// # Errors
/// Why it cannot be kept, in words for the client.
pub fn read(bytes: &[u8], content_type: Option<&str>) -> Result<ManifestView, String> {
    let document: Document = limits::parse_json(bytes, limits::MANIFEST_BYTES, "the manifest")
        .map_err(|error| error.to_string())?;
    if document.schema_version != 2 {
        return Err("its schemaVersion is not 2".into());
    }
    let media_type = match (content_type, document.media_type.as_deref()) {
        (Some(header), Some(field)) if header != field => {
            return Err(format!(
                "its mediaType is {field:?}, but it was sent as {header:?}"
            ));
        }
        (Some(text), _) | (None, Some(text)) => text.to_owned(),
        (None, None) => return Err("it has no media type".into()),
    };
    let artifact = document.artifact_type.filter(|text| !text.is_empty());
    let image_parts = document.config.is_some() || document.layers.is_some();
    let mut view = ManifestView {
        media_type,
        blobs: Vec::new(),
        layers: Vec::new(),
        manifests: Vec::new(),
        subject: document.subject.map(|subject| subject.digest),
        artifact_type: artifact,
        annotations: document.annotations.unwrap_or_default(),
    };
    match view.media_type.as_str() {
        media_type::MANIFEST | media_type::DOCKER_MANIFEST => {
            if document.manifests.is_some() {
                return Err("it has the parts of an image and of an index".into());
            }
            let config = document.config.ok_or("it has no config")?;
            if config.media_type == media_type::EMPTY && view.artifact_type.is_none() {
                return Err("its config is empty, so it needs an artifactType".into());
            }
            view.artifact_type = view
                .artifact_type
                .or_else(|| Some(config.media_type.clone()));
            view.layers = document.layers.ok_or("it has no layers")?;
            view.blobs.push(config);
            let needed = view.layers.iter().filter(|layer| is_distributed(layer));
            view.blobs.extend(needed.cloned());
        }
        media_type::INDEX | media_type::DOCKER_LIST => {
            if image_parts {
                return Err("it has the parts of an index and of an image".into());
            }
            view.manifests = document.manifests.ok_or("it has no manifests")?;
        }
        other => {
            return Err(format!(
                "{other:?} is not a manifest type that is kept here"
            ));
        }
    }
    if view.blobs.len() + view.manifests.len() > REFERENCES {
        return Err(format!("it refers to more than {REFERENCES} things"));
    }
    Ok(view)
}

/// Whether a layer must be in the registry: foreign ones live elsewhere.
fn is_distributed(layer: &Descriptor) -> bool {
    let kind = layer.media_type.as_str();
    !kind.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
        && !kind.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
}

#[cfg(test)]
mod tests;
