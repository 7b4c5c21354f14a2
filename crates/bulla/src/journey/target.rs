//! What `sbom`, `scan` and `ship --image` look at.

use bulla_core::Reference;
use std::{path::PathBuf, str::FromStr};

/// An image in a registry, an image layout, an SBOM, or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A directory of files.
    Directory(PathBuf),
    /// An image in a registry.
    Image(Reference),
    /// An OCI image layout on disk.
    Layout(PathBuf),
    /// An SBOM: CycloneDX or SPDX JSON.
    Sbom(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        for (prefix, make) in [
            ("dir:", Self::Directory as fn(PathBuf) -> Self),
            ("layout:", Self::Layout),
            ("oci:", Self::Layout),
            ("sbom:", Self::Sbom),
        ] {
            if let Some(path) = text.strip_prefix(prefix) {
                return Ok(make(PathBuf::from(path)));
            }
        }
        let path = PathBuf::from(text);
        if path.join("oci-layout").is_file() {
            return Ok(Self::Layout(path));
        }
        if path.is_dir() {
            return Ok(Self::Directory(path));
        }
        if path.is_file() {
            return Ok(Self::Sbom(path));
        }
        text.parse().map(Self::Image).map_err(|_| {
            format!("{text:?} is neither a directory, an image layout, an SBOM file nor an image reference (REGISTRY/REPOSITORY:TAG)")
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Image(reference) => write!(f, "{reference}"),
            Self::Layout(path) => write!(f, "layout:{}", path.display()),
            Self::Sbom(path) => write!(f, "sbom:{}", path.display()),
        }
    }
}
