//! An image layout as one tar file (`oci-archive`).
//!
//! Only the three kinds of files that a layout has are taken out of an archive,
//! each to a place that we name ourselves; a path or link that leads out is an
//! error, and a blob must have the digest of its name. Compressed archives are
//! not read.

use bulla_core::{Code, Descriptor, Diagnose, Digest, limits};
use std::{
    fs,
    io::{self, Read, Write},
    path::{Component, Path},
};
use tar::EntryType;

use crate::{
    layout::{Layout, LayoutError},
    verified::Hasher,
};

/// Files in one archive.
const FILES: usize = 100_000;
/// Bytes of all of them.
const BYTES: u64 = limits::LAYER_BYTES;

/// Unpacks an archive into `root`, which must be empty or not be there.
///
/// # Errors
/// [`ArchiveError`]; then nothing is left in `root`.
pub fn unpack(archive: impl Read, root: &Path) -> Result<Layout, ArchiveError> {
    let layout = Layout::create(root)?;
    let done = fill(archive, &layout);
    if done.is_err() {
        // Best effort: the error that counts is the first one.
        let _ = fs::remove_dir_all(root);
    }
    done?;
    Ok(Layout::open(root)?)
}

/// Writes a layout as an archive: the same layout gives the same bytes.
///
/// # Errors
/// [`ArchiveError`] if a blob is not what it should be, or writing fails.
pub fn pack(layout: &Layout, out: impl Write) -> Result<(), ArchiveError> {
    layout.validate()?;
    let mut tar = tar::Builder::new(out);
    let mut names = vec!["index.json".to_owned(), "oci-layout".to_owned()];
    for algorithm in ["sha256", "sha384", "sha512"] {
        let directory = layout.path().join("blobs").join(algorithm);
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let name = entry.map_err(ArchiveError::Write)?.file_name();
            names.push(format!("blobs/{algorithm}/{}", name.to_string_lossy()));
        }
    }
    names.sort();
    for name in names {
        let file = fs::File::open(layout.path().join(&name)).map_err(ArchiveError::Write)?;
        let length = file.metadata().map_err(ArchiveError::Write)?.len();
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(length);
        tar.append_data(&mut header, name, file.take(length))
            .map_err(ArchiveError::Write)?;
    }
    tar.finish().map_err(ArchiveError::Write)
}

/// What an entry of an archive is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A blob.
    Blob(Digest),
    /// Not of a layout.
    Other,
    /// `index.json`.
    Index,
    /// `oci-layout`.
    Marker,
}

/// What a path in an archive names.
///
/// # Errors
/// [`ArchiveError::Escape`] if it leads out of the archive.
pub fn member(path: &str) -> Result<Member, ArchiveError> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            _ => {
                return Err(ArchiveError::Escape {
                    path: path.chars().take(200).collect(),
                });
            }
        }
    }
    Ok(match parts.as_slice() {
        ["index.json"] => Member::Index,
        ["oci-layout"] => Member::Marker,
        ["blobs", algorithm, hex] => match format!("{algorithm}:{hex}").parse() {
            Ok(digest) => Member::Blob(digest),
            Err(_) => Member::Other,
        },
        _ => Member::Other,
    })
}

fn fill(archive: impl Read, layout: &Layout) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(archive);
    let (mut files, mut bytes, mut index) = (0, 0u64, None);
    for entry in archive.entries().map_err(ArchiveError::Read)? {
        let mut entry = entry.map_err(ArchiveError::Read)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let member = member(&path)?;
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if files > FILES || bytes > BYTES {
            return Err(ArchiveError::TooLarge);
        }
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => {
                return Err(ArchiveError::Kind {
                    path: path.chars().take(200).collect(),
                });
            }
        }
        match member {
            Member::Other | Member::Marker => {}
            Member::Index => {
                let what = "index.json";
                let limit = limits::MANIFEST_BYTES;
                index =
                    Some(limits::read_bounded(&mut entry, limit, what).map_err(LayoutError::from)?);
            }
            Member::Blob(digest) => take_blob(layout, &mut entry, &digest)?,
        }
    }
    let index = index.ok_or(ArchiveError::NoIndex)?;
    fs::write(layout.path().join("index.json"), index).map_err(ArchiveError::Write)
}

fn take_blob(layout: &Layout, entry: &mut impl Read, digest: &Digest) -> Result<(), ArchiveError> {
    let mut hasher = Hasher::like(digest);
    let mut draft = layout.draft()?;
    let mut piece = vec![0; 256 << 10];
    loop {
        let count = entry.read(&mut piece).map_err(ArchiveError::Read)?;
        if count == 0 {
            break;
        }
        let bytes = piece.get(..count).unwrap_or_default();
        hasher.update(bytes);
        draft.write_all(bytes).map_err(ArchiveError::Write)?;
    }
    if !hasher.is(digest) {
        let digest = digest.clone();
        return Err(LayoutError::Digest { digest }.into());
    }
    Ok(layout.keep(draft, digest)?)
}

/// The descriptors that an unpacked archive lists.
///
/// # Errors
/// [`ArchiveError::Layout`].
pub fn listed(layout: &Layout) -> Result<Vec<Descriptor>, ArchiveError> {
    Ok(layout.index()?.manifests)
}

/// Why an archive cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// A path leads out.
    #[error("the archive has the path {path:?}, which leads out of it")]
    Escape {
        /// The path, cut.
        path: String,
    },
    /// A link, device or sparse file.
    #[error("the archive has {path:?}, which is neither a file nor a directory")]
    Kind {
        /// The path, cut.
        path: String,
    },
    /// The layout in it.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// No index.
    #[error("the archive has no index.json")]
    NoIndex,
    /// It cannot be read.
    #[error("the archive cannot be read: {0}")]
    Read(#[source] io::Error),
    /// Too many files or bytes.
    #[error("the archive has more than {FILES} files or {BYTES} bytes")]
    TooLarge,
    /// It cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[source] io::Error),
}

impl Diagnose for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Escape { .. } => Code("OCI-0030"),
            Self::Kind { .. } => Code("OCI-0031"),
            Self::Layout(error) => error.code(),
            Self::NoIndex => Code("OCI-0032"),
            Self::Read(_) => Code("OCI-0033"),
            Self::TooLarge => Code("OCI-0034"),
            Self::Write(_) => Code("OCI-0035"),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Layout(error) => error.hint(),
            Self::Write(_) => Some("make room on the disk, then run the same command again".into()),
            _ => Some(
                "make the archive again, for example with `skopeo copy … oci-archive:FILE`".into(),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
