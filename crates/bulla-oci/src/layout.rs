//! An OCI image layout: a directory of blobs and an index.
//!
//! OCI image specification, *Image Layout* 1.0.0. Nothing is read from one
//! without checking size and digest, whoever wrote it; blobs that we write are
//! put in place whole or not at all.

use bulla_core::{
    Descriptor, Digest,
    descriptor::media_type,
    limits::{self, LimitError},
};
use rustix::fs::OFlags;
use std::{
    fs,
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    manifest::{ImageIndex, ImageManifest, Manifest, ManifestError, parse_manifest},
    verified::VerifiedReader,
};

mod error;
mod validate;

pub use error::LayoutError;
pub use validate::Summary;

const MARKER: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// How deep indexes may hold indexes.
const DEPTH: usize = 4;
/// The annotation that names a manifest in a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image layout in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes an empty layout in `root`, which must be empty or not be there.
    ///
    /// # Errors
    /// [`LayoutError::NotEmpty`] or [`LayoutError::Io`].
    pub fn create(root: &Path) -> Result<Self, LayoutError> {
        let failed = |source| LayoutError::io(root, source);
        fs::create_dir_all(root).map_err(failed)?;
        if fs::read_dir(root).map_err(failed)?.next().is_some() {
            return Err(LayoutError::NotEmpty { path: root.into() });
        }
        fs::create_dir_all(root.join("blobs/sha256")).map_err(failed)?;
        let layout = Self { root: root.into() };
        layout.put_file("oci-layout", MARKER.as_bytes())?;
        layout.set_manifests(Vec::new())?;
        Ok(layout)
    }

    /// Opens a layout.
    ///
    /// # Errors
    /// [`LayoutError::NotALayout`] if there is none.
    pub fn open(root: &Path) -> Result<Self, LayoutError> {
        let layout = Self { root: root.into() };
        let bytes = layout.read_file("oci-layout", 4096)?;
        let marker: serde_json::Value = limits::parse_json(&bytes, 4096, "oci-layout")?;
        let version = marker.get("imageLayoutVersion").and_then(|v| v.as_str());
        if version != Some("1.0.0") {
            return Err(LayoutError::NotALayout { path: root.into() });
        }
        layout.index()?;
        Ok(layout)
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// `index.json`.
    ///
    /// # Errors
    /// [`LayoutError`] if it cannot be read or is no index.
    pub fn index(&self) -> Result<ImageIndex, LayoutError> {
        let bytes = self.read_file("index.json", limits::MANIFEST_BYTES)?;
        match parse_manifest(&bytes, Some(media_type::INDEX))? {
            Manifest::Index(index) => Ok(index),
            Manifest::Image(_) => Err(ManifestError::Ambiguous.into()),
        }
    }

    /// Lists exactly these manifests.
    ///
    /// # Errors
    /// [`LayoutError::Io`].
    pub fn set_manifests(&self, manifests: Vec<Descriptor>) -> Result<(), LayoutError> {
        let text = to_json(&ImageIndex::of(manifests))?;
        self.put_file("index.json", &text)
    }

    /// Where a blob is.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root
            .join("blobs")
            .join(digest.algorithm().name())
            .join(digest.hex())
    }

    /// Opens a blob; its end is an error unless size and digest are right.
    ///
    /// # Errors
    /// [`LayoutError::Missing`], [`LayoutError::Size`], or [`LayoutError::Io`].
    pub fn open_blob(
        &self,
        descriptor: &Descriptor,
    ) -> Result<VerifiedReader<fs::File>, LayoutError> {
        let path = self.blob_path(&descriptor.digest);
        let file = match open_regular(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayoutError::Missing {
                    digest: descriptor.digest.clone(),
                });
            }
            other => other.map_err(|source| LayoutError::io(&path, source))?,
        };
        let metadata = file.metadata();
        let stored = metadata
            .map_err(|source| LayoutError::io(&path, source))?
            .len();
        if stored != descriptor.size {
            return Err(LayoutError::Size {
                digest: descriptor.digest.clone(),
                stated: descriptor.size,
                stored,
            });
        }
        Ok(VerifiedReader::new(file, descriptor))
    }

    /// Reads a blob of at most `limit` bytes, checked.
    ///
    /// # Errors
    /// [`LayoutError`] if it is missing, too large or not what it should be.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, LayoutError> {
        if descriptor.size > limit {
            let what = "the blob";
            return Err(LimitError::Size { what, limit }.into());
        }
        let mut bytes = Vec::new();
        let mut reader = self.open_blob(descriptor)?;
        reader
            .read_to_end(&mut bytes)
            .map_err(|source| self.broken(descriptor, source))?;
        Ok(bytes)
    }

    /// Reads a manifest, checked.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest, LayoutError> {
        let bytes = self.read_blob(descriptor, limits::MANIFEST_BYTES)?;
        Ok(parse_manifest(&bytes, Some(&descriptor.media_type))?)
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// [`LayoutError::Io`].
    pub fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, LayoutError> {
        let descriptor = Descriptor::of(media_type, bytes);
        let mut draft = self.draft()?;
        draft
            .write_all(bytes)
            .map_err(|source| LayoutError::io(&self.root, source))?;
        self.keep(draft, &descriptor.digest)?;
        Ok(descriptor)
    }

    /// Stores bytes whose digest was checked, under that digest.
    pub(crate) fn put_named(&self, digest: &Digest, bytes: &[u8]) -> Result<(), LayoutError> {
        let mut draft = self.draft()?;
        draft
            .write_all(bytes)
            .map_err(|source| LayoutError::io(&self.root, source))?;
        self.keep(draft, digest)
    }

    /// Stores a document as canonical JSON.
    ///
    /// # Errors
    /// [`LayoutError::Io`].
    pub fn put_json(
        &self,
        media_type: &str,
        document: &impl serde::Serialize,
    ) -> Result<Descriptor, LayoutError> {
        self.put_blob(media_type, &to_json(document)?)
    }

    /// A file for a blob whose digest is not known yet; gone unless kept.
    ///
    /// # Errors
    /// [`LayoutError::Io`].
    pub(crate) fn draft(&self) -> Result<tempfile::NamedTempFile, LayoutError> {
        let directory = self.root.join("blobs");
        tempfile::Builder::new()
            .prefix(".draft-")
            .tempfile_in(&directory)
            .map_err(|source| LayoutError::io(&directory, source))
    }

    /// Puts a draft in place. The caller has hashed what it wrote.
    pub(crate) fn keep(
        &self,
        draft: tempfile::NamedTempFile,
        digest: &Digest,
    ) -> Result<(), LayoutError> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.blob_path(digest);
        let failed = |source| LayoutError::io(&path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mode = fs::Permissions::from_mode(0o644);
        draft.as_file().set_permissions(mode).map_err(failed)?;
        draft.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Copies a checked blob from another layout, unless it is here.
    ///
    /// # Errors
    /// [`LayoutError`] if it is missing there or not what it should be.
    pub fn copy_blob(&self, from: &Self, descriptor: &Descriptor) -> Result<(), LayoutError> {
        if self.blob_path(&descriptor.digest).exists() {
            return Ok(());
        }
        let mut reader = from.open_blob(descriptor)?;
        let mut draft = self.draft()?;
        io::copy(&mut reader, &mut draft).map_err(|source| self.broken(descriptor, source))?;
        self.keep(draft, &descriptor.digest)
    }

    /// The one image for `architecture` on Linux: the only manifest, or the one
    /// of that platform in (nested) indexes.
    ///
    /// # Errors
    /// [`LayoutError::NoImage`] if there is none, [`LayoutError::Several`] if
    /// it is not clear which one.
    pub fn image(&self, architecture: &str) -> Result<(Descriptor, ImageManifest), LayoutError> {
        let mut found = Vec::new();
        for descriptor in self.index()?.manifests {
            if !crate::saved::is_evidence(&descriptor) {
                self.collect(&descriptor, architecture, DEPTH, &mut found)?;
            }
        }
        one(found, architecture)
    }

    /// The image of this digest, or the one for `architecture` in the index of
    /// this digest. It must be listed by the layout.
    ///
    /// # Errors
    /// [`LayoutError::Missing`] if it is not listed, or as [`Layout::image`].
    pub fn image_by_digest(
        &self,
        digest: &Digest,
        architecture: &str,
    ) -> Result<(Descriptor, ImageManifest), LayoutError> {
        let index = self.index()?;
        let listed = index.manifests.into_iter().find(|d| d.digest == *digest);
        let missing = || LayoutError::Missing {
            digest: digest.clone(),
        };
        let mut found = Vec::new();
        let descriptor = listed.ok_or_else(missing)?;
        self.collect(&descriptor, architecture, DEPTH, &mut found)?;
        one(found, architecture)
    }

    fn collect(
        &self,
        descriptor: &Descriptor,
        architecture: &str,
        depth: usize,
        found: &mut Vec<(Descriptor, ImageManifest)>,
    ) -> Result<(), LayoutError> {
        if depth == 0 {
            return Err(LayoutError::Nested);
        }
        let fits = descriptor
            .platform
            .as_ref()
            .is_none_or(|p| p.os == "linux" && p.architecture == architecture);
        if !fits || found.len() > 1 {
            return Ok(());
        }
        match self.manifest(descriptor)? {
            Manifest::Image(manifest) if manifest.subject.is_none() => {
                found.push((descriptor.clone(), manifest));
            }
            Manifest::Image(_) => {}
            Manifest::Index(index) => {
                for child in &index.manifests {
                    self.collect(child, architecture, depth - 1, found)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn broken(&self, descriptor: &Descriptor, source: io::Error) -> LayoutError {
        match source.kind() {
            io::ErrorKind::InvalidData => LayoutError::Digest {
                digest: descriptor.digest.clone(),
            },
            _ => LayoutError::io(&self.blob_path(&descriptor.digest), source),
        }
    }

    fn read_file(&self, name: &str, limit: u64) -> Result<Vec<u8>, LayoutError> {
        let path = self.root.join(name);
        let file = match open_regular(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(LayoutError::NotALayout {
                    path: self.root.clone(),
                });
            }
            other => other.map_err(|source| LayoutError::io(&path, source))?,
        };
        Ok(limits::read_bounded(file, limit, "the layout's index")?)
    }

    fn put_file(&self, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
        let path = self.root.join(name);
        let failed = |source| LayoutError::io(&path, source);
        let mut draft = self.draft()?;
        draft.write_all(bytes).map_err(failed)?;
        draft.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

fn one(
    mut found: Vec<(Descriptor, ImageManifest)>,
    architecture: &str,
) -> Result<(Descriptor, ImageManifest), LayoutError> {
    found.dedup_by(|a, b| a.0.digest == b.0.digest);
    match (found.pop(), found.pop()) {
        (Some(image), None) => Ok(image),
        (None, _) => Err(LayoutError::NoImage {
            architecture: architecture.to_owned(),
        }),
        _ => Err(LayoutError::Several),
    }
}

/// Opens a regular file: no device or pipe that would block or never end.
pub(crate) fn open_regular(path: &Path) -> io::Result<fs::File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, LayoutError> {
    serde_json::to_vec(document).map_err(|source| {
        let what = "the document";
        LimitError::Json { what, source }.into()
    })
}

#[cfg(test)]
mod tests;
