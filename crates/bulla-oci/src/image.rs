//! An image from files: one layer over a base, deterministic to the last byte.
//!
//! The same specification, base and files give the same manifest digest on
//! every machine: time comes from the specification, JSON is written with
//! sorted keys, and the layer as [`crate::layer`] says.

use bulla_core::{Code, Descriptor, Diagnose, Digest, descriptor::media_type};
use jiff::Timestamp;
use serde_json::json;
use std::{collections::BTreeMap, io::Write as _, path::Path};

use crate::{
    layer::{Compression, LayerEntry, LayerError, write_layer},
    layers::{ImageLayers, LayersError},
    layout::{Layout, LayoutError, REF_NAME},
    manifest::{ImageConfig, ImageManifest, RootFs, RuntimeConfig},
};

/// What an image is to be.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// What it stands on.
    pub base: Base,
    /// What is put into its own layer; may be empty.
    pub files: Vec<LayerEntry>,
    /// The program and its first arguments; empty: as in the base.
    pub entrypoint: Vec<String>,
    /// `UID:GID`; `None`: as in the base.
    pub user: Option<String>,
    /// Environment, over that of the base.
    pub env: BTreeMap<String, String>,
    /// Labels, over those of the base.
    pub labels: BTreeMap<String, String>,
    /// The time of everything in it.
    pub created: Timestamp,
    /// The processor architecture in Go's names, `amd64`.
    pub architecture: String,
    /// How its own layer is compressed.
    pub compression: Compression,
    /// The name of the manifest in the layout's index.
    pub name: Option<String>,
}

/// What an image stands on.
#[derive(Clone, Debug)]
pub enum Base {
    /// An image in a layout: the one that is listed under this digest, or else
    /// the only one for the architecture. After [`crate::Registry::pull`] of one
    /// architecture, the latter: the layout lists the image, not its index.
    Layout(Layout, Option<Digest>),
    /// Nothing.
    Scratch,
}

/// An image that was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub layout: Layout,
    /// Its manifest's descriptor; the digest is the image's.
    pub descriptor: Descriptor,
    /// Its manifest.
    pub manifest: ImageManifest,
    /// Its configuration.
    pub config: ImageConfig,
}

/// The architecture of this machine in Go's names.
pub fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Puts an image together in a new layout at `target`.
///
/// # Errors
/// [`ImageError`]; what is in `target` then is of no use.
pub fn assemble(spec: &ImageSpec, target: &Path) -> Result<Image, ImageError> {
    let layout = Layout::create(target)?;
    let (mut config, mut layers) = start(spec, &layout)?;
    let created = spec.created.to_string();
    if !spec.files.is_empty() {
        let mtime = u64::try_from(spec.created.as_second()).map_err(|_| ImageError::Time)?;
        let mut draft = layout.draft()?;
        let written = write_layer(&spec.files, mtime, spec.compression, &mut draft)?;
        draft
            .flush()
            .map_err(|source| ImageError::Layer(LayerError::Write(source)))?;
        layout.keep(draft, &written.descriptor.digest)?;
        layers.push(written.descriptor);
        config.rootfs.diff_ids.push(written.diff_id);
        config
            .history
            .push(json!({ "created": created, "created_by": "bulla" }));
    }
    config.created = Some(created);
    apply(spec, &mut config.config);
    let config_descriptor = layout.put_json(media_type::CONFIG, &config)?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.into()),
        artifact_type: None,
        config: config_descriptor,
        layers,
        subject: None,
        annotations: BTreeMap::new(),
    };
    let descriptor = layout.put_json(media_type::MANIFEST, &manifest)?;
    let mut listed = descriptor.clone();
    if let Some(name) = &spec.name {
        listed.annotations.insert(REF_NAME.into(), name.clone());
    }
    layout.set_manifests(vec![listed])?;
    Ok(Image {
        layout,
        descriptor,
        manifest,
        config,
    })
}

/// The base's configuration and layers, the latter copied and checked.
fn start(spec: &ImageSpec, layout: &Layout) -> Result<(ImageConfig, Vec<Descriptor>), ImageError> {
    let (from, digest) = match &spec.base {
        Base::Scratch => return Ok((empty(&spec.architecture), Vec::new())),
        Base::Layout(from, digest) => (from, digest),
    };
    let manifest = match digest {
        Some(digest) => from.image_by_digest(digest, &spec.architecture)?.1,
        None => from.image(&spec.architecture)?.1,
    };
    let base = ImageLayers::of(from, &manifest)?;
    if base.config.os != "linux" || base.config.architecture != spec.architecture {
        return Err(ImageError::Platform {
            base: format!("{}/{}", base.config.os, base.config.architecture),
            wanted: format!("linux/{}", spec.architecture),
        });
    }
    let mut layers = Vec::new();
    for layer in &manifest.layers {
        let media = match layer.media_type.as_str() {
            media_type::LAYER | media_type::LAYER_GZIP | media_type::LAYER_ZSTD => {
                layer.media_type.clone()
            }
            "application/vnd.docker.image.rootfs.diff.tar.gzip" => media_type::LAYER_GZIP.into(),
            "application/vnd.docker.image.rootfs.diff.tar" => media_type::LAYER.into(),
            other => {
                return Err(ImageError::LayerType {
                    media_type: other.chars().take(120).collect(),
                });
            }
        };
        layout.copy_blob(from, layer)?;
        layers.push(Descriptor::new(media, layer.digest.clone(), layer.size));
    }
    Ok((base.config, layers))
}

fn empty(architecture: &str) -> ImageConfig {
    ImageConfig {
        created: None,
        architecture: architecture.to_owned(),
        os: "linux".into(),
        config: RuntimeConfig::default(),
        rootfs: RootFs {
            kind: "layers".into(),
            diff_ids: Vec::new(),
        },
        history: Vec::new(),
        other: BTreeMap::new(),
    }
}

fn apply(spec: &ImageSpec, config: &mut RuntimeConfig) {
    if !spec.entrypoint.is_empty() {
        config.entrypoint = Some(spec.entrypoint.clone());
        config.cmd = None; // arguments for the base's program, not for this one
    }
    if spec.user.is_some() {
        config.user.clone_from(&spec.user);
    }
    if !spec.labels.is_empty() {
        let labels = config.labels.get_or_insert_default();
        labels.extend(spec.labels.clone());
    }
    if !spec.env.is_empty() {
        let env = config.env.get_or_insert_default();
        env.retain(|entry| {
            let name = entry
                .split_once('=')
                .map_or(entry.as_str(), |(name, _)| name);
            !spec.env.contains_key(name)
        });
        env.extend(
            spec.env
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
    }
}

/// Why an image could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Its own layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The base has a layer of a kind that cannot be built on.
    #[error("the base image has a layer of the type {media_type:?}, which cannot be built on")]
    LayerType {
        /// The media type, cut.
        media_type: String,
    },
    /// The base's layers.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// A layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The base is for another machine.
    #[error("the base image is for {base}, not for {wanted}")]
    Platform {
        /// What the base says.
        base: String,
        /// What is wanted.
        wanted: String,
    },
    /// Before 1970.
    #[error("the image's time lies before 1970")]
    Time,
}

impl Diagnose for ImageError {
    fn code(&self) -> Code {
        match self {
            Self::Layer(error) => error.code(),
            Self::LayerType { .. } => Code("OCI-0050"),
            Self::Layers(error) => error.code(),
            Self::Layout(error) => error.code(),
            Self::Platform { .. } => Code("OCI-0051"),
            Self::Time => Code("OCI-0052"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Layer(error) => error.hint(),
            Self::Layers(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::LayerType { .. } | Self::Platform { .. } => {
                Some("name another `base` in the [image] table of bulla.toml".into())
            }
            Self::Time => Some("set SOURCE_DATE_EPOCH to a time after 1970".into()),
        }
    }
}

#[cfg(test)]
mod tests;
