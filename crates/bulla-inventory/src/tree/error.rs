//! Why a tree could not be taken in.

use bulla_core::{Code, Diagnose};
use std::io;

use super::TreeLimits;

/// Why a layer or directory was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// An entry is written through a link of its own layer.
    #[error("{path:?} lies beneath a link of the same layer")]
    BeneathLink {
        /// The entry.
        path: String,
    },
    /// More entries than allowed.
    #[error("there are more than {limit} entries")]
    Entries {
        /// The bound.
        limit: usize,
    },
    /// A path or link that leads out of the tree.
    #[error("{path:?} leads out of the tree ({target:?})")]
    Escape {
        /// The entry.
        path: String,
        /// The path or target that escapes.
        target: String,
    },
    /// A file beyond a bound.
    #[error("{path:?} is larger than {limit} bytes")]
    FileSize {
        /// The file.
        path: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// A hard link to nothing.
    #[error("{path:?} is a hard link to {target:?}, which is not a file of the tree")]
    HardLink {
        /// The entry.
        path: String,
        /// What it names.
        target: String,
    },
    /// The source cannot be read, or is not what it says it is.
    #[error("{what} cannot be read: {source}")]
    Read {
        /// A path, or `layer`.
        what: String,
        /// The failure.
        source: io::Error,
    },
    /// A layer that grows out of nothing.
    #[error("{what:?} grows to more than {ratio} times its archived size")]
    Ratio {
        /// `layer`.
        what: String,
        /// The bound.
        ratio: u64,
    },
    /// More bytes than allowed.
    #[error("there are more than {limit} bytes in all")]
    TotalSize {
        /// The bound in bytes.
        limit: u64,
    },
    /// An archive feature that container tools read in different ways.
    #[error("{path:?} uses {feature}, which is not read the same way by everyone")]
    Unsupported {
        /// The entry.
        path: String,
        /// The feature.
        feature: &'static str,
    },
}

impl TreeError {
    /// An I/O failure; one of ours that travelled through `io` comes out again.
    pub(super) fn read(what: &str, source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(inner) => inner,
            Err(source) => Self::Read {
                what: what.to_owned(),
                source,
            },
        }
    }

    pub(super) fn entries(limits: &TreeLimits) -> Self {
        Self::Entries {
            limit: limits.entries,
        }
    }
}

impl Diagnose for TreeError {
    fn code(&self) -> Code {
        match self {
            Self::BeneathLink { .. } => Code("INVENTORY-0010"),
            Self::Entries { .. } => Code("INVENTORY-0011"),
            Self::Escape { .. } => Code("INVENTORY-0012"),
            Self::FileSize { .. } => Code("INVENTORY-0013"),
            Self::HardLink { .. } => Code("INVENTORY-0014"),
            Self::Read { .. } => Code("INVENTORY-0015"),
            Self::Ratio { .. } => Code("INVENTORY-0016"),
            Self::TotalSize { .. } => Code("INVENTORY-0017"),
            Self::Unsupported { .. } => Code("INVENTORY-0018"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BeneathLink { .. } | Self::Escape { .. } | Self::HardLink { .. } => {
                "the layer is malformed or hostile: build the image again with `bulla build`"
            }
            Self::Read { .. } => "fetch it again, then run `bulla sbom` once more",
            _ => "refused to protect this machine: build the image without it, then `bulla sbom`",
        };
        Some(hint.into())
    }
}
