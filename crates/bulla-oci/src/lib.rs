//! OCI client, image layouts and archives, layers, referrers, credentials.
//!
//! Content is believed only as far as its digest and size were checked by this
//! crate: what a registry, a layout or an archive says about itself is never
//! taken over. Images are put together deterministically: the same files give
//! the same digest. What evidence *means* is decided by `bulla-trust`.

pub mod archive;
pub mod client;
pub mod cosign;
pub mod credentials;
pub mod image;
pub mod layer;
pub mod layers;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod platform;
pub mod saved;
pub mod source;
pub mod transfer;
pub mod tree;
pub mod verified;

pub use client::{
    Artifact, Attached, Attachments, Child, ClientError, Fetched, FileImage, Registry, Seals,
};
pub use credentials::Credentials;
pub use image::{Base, Image, ImageSpec, assemble};
pub use layer::{Compression, LayerEntry};
pub use layers::ImageLayers;
pub use layout::Layout;
pub use limits::Limits;
pub use manifest::{ImageConfig, ImageIndex, ImageManifest, Manifest};
pub use platform::PlatformName;
pub use saved::Saved;
pub use source::EvidenceSource;
