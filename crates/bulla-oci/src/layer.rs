//! A layer, made so that the same files always give the same bytes.
//!
//! Entries are sorted by path, parents are created (mode 0755), owners are 0:0,
//! every time stamp is the one given, gzip carries no name and no time. Files
//! are read once, never through a link, and must keep their length meanwhile.

use bulla_core::{Code, Descriptor, Diagnose, Digest, DigestHasher, descriptor::media_type};
use rustix::fs::OFlags;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// One thing to put into a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerEntry {
    /// Where it goes: `/usr/bin/hello`. A leading slash is optional.
    pub path: String,
    /// Permission bits, `0o755`.
    pub mode: u32,
    /// What it is.
    pub content: EntryContent,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryContent {
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A directory.
    Directory,
    /// A file with the bytes of this regular file.
    File(PathBuf),
    /// A symbolic link to this text.
    Symlink(String),
}

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// gzip: what every client reads.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

/// A layer that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenLayer {
    /// Of the bytes as written.
    pub descriptor: Descriptor,
    /// Of the tar archive.
    pub diff_id: Digest,
}

/// Writes a layer of `entries` to `out`; `mtime` in Unix seconds.
///
/// # Errors
/// [`LayerError`]; what was written until then is of no use.
pub fn write_layer(
    entries: &[LayerEntry],
    mtime: u64,
    compression: Compression,
    out: impl Write,
) -> Result<WrittenLayer, LayerError> {
    let entries = ordered(entries)?;
    let mut outer = Hashing::new(out);
    let (diff_id, media) = match compression {
        Compression::None => (write_tar(&entries, mtime, &mut outer)?, media_type::LAYER),
        Compression::Gzip => {
            let level = flate2::Compression::new(6);
            let mut gzip = flate2::GzBuilder::new()
                .mtime(0)
                .operating_system(255)
                .write(&mut outer, level);
            let diff_id = write_tar(&entries, mtime, &mut gzip)?;
            gzip.finish().map_err(LayerError::Write)?;
            (diff_id, media_type::LAYER_GZIP)
        }
    };
    outer.flush().map_err(LayerError::Write)?;
    let (digest, size) = outer.hasher.finish();
    Ok(WrittenLayer {
        descriptor: Descriptor::new(media, digest, size),
        diff_id,
    })
}

/// By path, with parents, each path once and nothing inside a file.
fn ordered(entries: &[LayerEntry]) -> Result<BTreeMap<String, LayerEntry>, LayerError> {
    let mut all = BTreeMap::new();
    let mut parents = BTreeSet::new();
    for entry in entries {
        let path = clean(&entry.path)?;
        for (index, _) in path.match_indices('/') {
            parents.insert(path.get(..index).unwrap_or_default().to_owned());
        }
        if all.insert(path.clone(), entry.clone()).is_some() {
            return Err(LayerError::Twice { path });
        }
    }
    for path in parents {
        match all.get(&path).map(|entry| &entry.content) {
            Some(EntryContent::Directory) => {}
            Some(_) => return Err(LayerError::InsideFile { path }),
            None => {
                let parent = LayerEntry {
                    path: path.clone(),
                    mode: 0o755,
                    content: EntryContent::Directory,
                };
                all.insert(path, parent);
            }
        }
    }
    Ok(all)
}

/// `usr/bin/hello`; refuses what could leave the root or hide other files.
fn clean(path: &str) -> Result<String, LayerError> {
    let relative = path.strip_prefix('/').unwrap_or(path);
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    let bad =
        |part: &str| part.is_empty() || part == "." || part == ".." || part.starts_with(".wh.");
    if relative.is_empty() || relative.contains('\0') || relative.split('/').any(bad) {
        return Err(LayerError::Path {
            path: path.chars().take(200).collect(),
        });
    }
    Ok(relative.to_owned())
}

fn write_tar(
    entries: &BTreeMap<String, LayerEntry>,
    mtime: u64,
    out: impl Write,
) -> Result<Digest, LayerError> {
    let mut tar = tar::Builder::new(Hashing::new(out));
    for (path, entry) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(mtime);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mode(entry.mode & 0o7777);
        header.set_size(0);
        let written = match &entry.content {
            EntryContent::Bytes(bytes) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, path, bytes.as_slice())
            }
            EntryContent::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                tar.append_data(&mut header, format!("{path}/"), io::empty())
            }
            EntryContent::File(source) => append_file(&mut tar, &mut header, path, source)?,
            EntryContent::Symlink(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, path, target)
            }
        };
        written.map_err(LayerError::Write)?;
    }
    let inner = tar.into_inner().map_err(LayerError::Write)?;
    Ok(inner.hasher.finish().0)
}

fn append_file<W: Write>(
    tar: &mut tar::Builder<W>,
    header: &mut tar::Header,
    path: &str,
    source: &Path,
) -> Result<io::Result<()>, LayerError> {
    let failed = |error| LayerError::Read {
        path: source.to_owned(),
        source: error,
    };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = fs::File::options()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(source)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(LayerError::NotAFile {
            path: source.to_owned(),
        });
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(metadata.len());
    let mut reader = Counting {
        inner: file.take(metadata.len().saturating_add(1)),
        count: 0,
    };
    let written = tar.append_data(header, path, &mut reader);
    if reader.count != metadata.len() {
        return Err(LayerError::Changed {
            path: source.to_owned(),
        });
    }
    Ok(written)
}

struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

struct Hashing<W> {
    inner: W,
    hasher: DigestHasher,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: DigestHasher::new(),
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Why a layer could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The file changed while it was read.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A path leads through a file.
    #[error("/{path} is a file, and something is to be put inside it")]
    InsideFile {
        /// The path in the image.
        path: String,
    },
    /// A directory, device or link where a file must be.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A path that a layer cannot hold.
    #[error("{path:?} is not a path that can be put into an image")]
    Path {
        /// The path, cut.
        path: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// The same path twice.
    #[error("/{path} is put into the image twice")]
    Twice {
        /// The path in the image.
        path: String,
    },
    /// The layer cannot be written.
    #[error("the layer cannot be written: {0}")]
    Write(#[source] io::Error),
}

impl Diagnose for LayerError {
    fn code(&self) -> Code {
        match self {
            Self::Changed { .. } => Code("OCI-0010"),
            Self::InsideFile { .. } => Code("OCI-0011"),
            Self::NotAFile { .. } => Code("OCI-0012"),
            Self::Path { .. } => Code("OCI-0013"),
            Self::Read { .. } => Code("OCI-0014"),
            Self::Twice { .. } => Code("OCI-0015"),
            Self::Write(_) => Code("OCI-0016"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Changed { .. } => "run the same command again",
                Self::InsideFile { .. } | Self::Path { .. } | Self::Twice { .. } => {
                    "correct `to` of the [[output]] entries in bulla.toml"
                }
                Self::NotAFile { .. } | Self::Read { .. } => {
                    "correct `path` of the [[output]] entries in bulla.toml"
                }
                Self::Write(_) => "make room on the disk, then run the same command again",
            }
            .into(),
        )
    }
}

#[cfg(test)]
mod tests;
