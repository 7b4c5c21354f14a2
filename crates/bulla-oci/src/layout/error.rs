//! What can be wrong with a layout.

use bulla_core::{Code, Diagnose, Digest, limits::LimitError};
use std::{
    io,
    path::{Path, PathBuf},
};

use super::DEPTH;
use crate::manifest::ManifestError;

/// Why a layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A blob has another digest than its name.
    #[error("the blob {digest} has another content than its digest says")]
    Digest {
        /// The blob.
        digest: Digest,
    },
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Too large, or not the JSON expected.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A blob is not there.
    #[error("the layout lacks the blob {digest}")]
    Missing {
        /// The blob.
        digest: Digest,
    },
    /// Indexes in indexes in indexes.
    #[error("the layout's indexes are nested deeper than {DEPTH} levels, or have too many entries")]
    Nested,
    /// No image for the architecture.
    #[error("the layout has no image for linux/{architecture}")]
    NoImage {
        /// The architecture.
        architecture: String,
    },
    /// Not a layout.
    #[error("{} is not an OCI image layout", path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Several images.
    #[error("the layout has several images, and it is not clear which one is meant")]
    Several,
    /// A blob has another size than its descriptor says.
    #[error("the blob {digest} has {stored} bytes, its descriptor says {stated}")]
    Size {
        /// The blob.
        digest: Digest,
        /// As stated, in bytes.
        stated: u64,
        /// As stored, in bytes.
        stored: u64,
    },
}

impl LayoutError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

impl Diagnose for LayoutError {
    fn code(&self) -> Code {
        match self {
            Self::Digest { .. } => Code("OCI-0020"),
            Self::Io { .. } => Code("OCI-0021"),
            Self::Limit(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Missing { .. } => Code("OCI-0022"),
            Self::Nested => Code("OCI-0023"),
            Self::NoImage { .. } => Code("OCI-0024"),
            Self::NotALayout { .. } => Code("OCI-0025"),
            Self::NotEmpty { .. } => Code("OCI-0026"),
            Self::Several => Code("OCI-0027"),
            Self::Size { .. } => Code("OCI-0028"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Manifest(error) => return error.hint(),
                Self::Digest { .. } | Self::Missing { .. } | Self::Size { .. } => {
                    "the layout was changed or cut short: make it again with the tool that wrote it"
                }
                Self::NoImage { .. } | Self::Several => {
                    "name one image by its digest: REGISTRY/REPOSITORY@sha256:HEX"
                }
                Self::NotALayout { .. } => {
                    "name a directory with `oci-layout` and `index.json`, as `skopeo copy … oci:DIR` writes it"
                }
                Self::NotEmpty { .. } => "name a directory that is empty or not there",
                _ => return None,
            }
            .into(),
        )
    }
}
