//! Looking through the blobs of a folder for manifests with a subject.
//!
//! Only what could be a manifest is read: regular files of bounded size that
//! begin as a JSON object, and whose name is the digest of what they hold.

use bulla_core::{Descriptor, Digest, descriptor::media_type, limits};
use std::{collections::BTreeMap, fs, io::Read as _};

use crate::{
    layout::{Layout, LayoutError, open_regular},
    manifest::{Manifest, parse_manifest},
};

/// Files that are looked at.
const FILES: usize = 50_000;
/// Bytes of documents that are read.
const BYTES: u64 = 256 << 20;

/// Every referrer in the folder, by subject, in the order of its digest. A file
/// that is not what its name says is left out: nothing names it.
pub(super) fn referrers(layout: &Layout) -> Result<BTreeMap<Digest, Vec<Descriptor>>, LayoutError> {
    let folder = layout.path().join("blobs/sha256");
    let failed = |source| LayoutError::io(&folder, source);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        let name = name.to_str().unwrap_or_default();
        if let Ok(digest) = format!("sha256:{name}").parse::<Digest>() {
            names.push(digest);
        }
        if names.len() > FILES {
            return Err(LayoutError::Nested);
        }
    }
    names.sort();
    let (mut found, mut left) = (BTreeMap::<_, Vec<_>>::new(), BYTES);
    for digest in names {
        let path = layout.blob_path(&digest);
        let Ok(mut file) = open_regular(&path) else {
            continue; // not a file: nothing that a manifest could be
        };
        let size = file.metadata().map_err(failed)?.len();
        let mut start = [0];
        let is_object = file.read_exact(&mut start).is_ok() && start == *b"{";
        if size > limits::MANIFEST_BYTES || !is_object {
            continue;
        }
        left = left.checked_sub(size).ok_or(LayoutError::Nested)?;
        let mut bytes = vec![b'{'];
        let rest = file.take(limits::MANIFEST_BYTES).read_to_end(&mut bytes);
        rest.map_err(|source| LayoutError::io(&path, source))?;
        let Ok(Manifest::Image(manifest)) = parse_manifest(&bytes, None) else {
            continue;
        };
        let Some(subject) = manifest.subject.as_ref().filter(|_| digest.matches(&bytes)) else {
            continue;
        };
        let media = manifest.media_type.as_deref();
        let media = media.unwrap_or(media_type::MANIFEST).to_owned();
        let mut entry = Descriptor::new(media, digest, bytes.len() as u64);
        entry.artifact_type = Some(manifest.kind().to_owned());
        entry.annotations.clone_from(&manifest.annotations);
        found.entry(subject.digest.clone()).or_default().push(entry);
    }
    Ok(found)
}
