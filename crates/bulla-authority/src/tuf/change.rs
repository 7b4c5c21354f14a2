//! Changes of what the online role lists.

use bulla_trust::tuf::metadata::check_path;

use super::{ONLINE_PATHS, TufError};

/// A target of the online role has at most so many bytes.
const TARGET_BYTES: usize = 16 << 20;

/// One change of what the online role lists.
#[derive(Clone, Debug)]
pub enum TargetChange {
    /// Lists these bytes under a path.
    Put {
        /// `revocations/list.json`
        path: String,
        /// At most 16 MiB.
        bytes: Vec<u8>,
    },
    /// Lists it no more.
    Remove {
        /// Its path.
        path: String,
    },
}

impl TargetChange {
    /// That it can be published at all.
    pub(super) fn check(&self) -> Result<(), TufError> {
        let path = match self {
            TargetChange::Put { path, .. } | TargetChange::Remove { path } => path,
        };
        check_path(path)?;
        let folders = ONLINE_PATHS;
        let depth = path.split('/').count();
        let covered = folders.iter().any(|pattern| {
            let folder = pattern.split('/').next();
            pattern.split('/').count() == depth && path.split('/').next() == folder
        });
        if !covered {
            return Err(TufError::NotOnline { path: path.clone() });
        }
        if let TargetChange::Put { path, bytes } = self
            && bytes.len() > TARGET_BYTES
        {
            return Err(TufError::TooLarge {
                path: path.clone(),
                length: bytes.len(),
                limit: TARGET_BYTES,
            });
        }
        Ok(())
    }
}
