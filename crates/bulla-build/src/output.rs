//! The handover: declared outputs leave the work directory once, when nobody is
//! left who could change them.
//!
//! Each path is resolved beneath the held directory, never through a symbolic
//! link; only regular files pass, and a file with several names only if all of
//! them lie in the work directory. The bytes are hashed while they are copied, and
//! only the copy is used from then on.

use bulla_core::{Code, Diagnose, Digest, DigestHasher};
use std::{
    io,
    path::{Path, PathBuf},
};

use crate::recipe::Output;

/// A declared output, copied and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltFile {
    /// What the recipe declares: path, place in the image, mode.
    pub declared: Output,
    /// The copy.
    pub file: PathBuf,
    /// Of the bytes of the copy.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// Bytes of one output, at most.
pub const MAX_BYTES: u64 = 16 << 30;

/// Copies the outputs out of `work` into the directory `to`, named `0`, `1` …
#[cfg(target_os = "linux")]
pub(crate) fn collect(
    work: &rustix::fd::OwnedFd,
    outputs: &[Output],
    to: &Path,
) -> Result<Vec<BuiltFile>, OutputError> {
    std::fs::create_dir_all(to).map_err(|source| OutputError::Copy {
        path: to.to_path_buf(),
        source,
    })?;
    outputs
        .iter()
        .enumerate()
        .map(|(index, output)| {
            let file = to.join(index.to_string());
            let (digest, size) = linux::take(work, &output.path, &file)?;
            Ok(BuiltFile {
                declared: output.clone(),
                file,
                digest,
                size,
            })
        })
        .collect()
}

#[cfg(target_os = "linux")]
pub(crate) use linux::take;

#[cfg(target_os = "linux")]
mod linux {
    use super::{Digest, DigestHasher, MAX_BYTES, OutputError};
    use rustix::{
        fd::{AsFd, OwnedFd},
        fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2},
        io::Errno,
    };
    use std::{
        fs::{self, File},
        io::{self, Read, Write},
        os::unix::fs::OpenOptionsExt,
        path::Path,
    };

    /// Copies one file from beneath `work` to `to`, which must not exist.
    pub(crate) fn take(
        work: &OwnedFd,
        path: &Path,
        to: &Path,
    ) -> Result<(Digest, u64), OutputError> {
        let copying = |source: io::Error| OutputError::Copy {
            path: path.to_path_buf(),
            source,
        };
        // First without opening it: opening a device or a pipe does something.
        let seen = open(work, path, OFlags::PATH)?;
        let meta = fstat(&seen).map_err(|error| copying(error.into()))?;
        let kind = FileType::from_raw_mode(meta.st_mode);
        if kind != FileType::RegularFile {
            return Err(OutputError::NotAFile {
                path: path.to_path_buf(),
                kind: name(kind),
            });
        }
        #[allow(clippy::useless_conversion, reason = "u32 on other machines")]
        let names = u64::from(meta.st_nlink);
        if names > 1 && links_within(work, &meta, 0) < names {
            return Err(OutputError::Linked {
                path: path.to_path_buf(),
            });
        }
        if u64::try_from(meta.st_size).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(OutputError::TooLarge {
                path: path.to_path_buf(),
            });
        }
        let file = open(work, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let again = fstat(&file).map_err(|error| copying(error.into()))?;
        if (again.st_dev, again.st_ino) != (meta.st_dev, meta.st_ino) {
            return Err(OutputError::Changed {
                path: path.to_path_buf(),
            });
        }
        let options = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .clone();
        let copied = options
            .open(to)
            .and_then(|target| copy(File::from(file), target));
        copied.map_err(copying)
    }

    fn copy(source: File, mut target: File) -> io::Result<(Digest, u64)> {
        let mut hasher = DigestHasher::new();
        let mut source = source.take(MAX_BYTES);
        let mut buffer = vec![0; 256 << 10];
        loop {
            let length = source.read(&mut buffer)?;
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(hasher.finish());
            }
            hasher.update(bytes);
            target.write_all(bytes)?;
        }
    }

    fn open(work: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd, OutputError> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let path = path.to_path_buf();
        match openat2(work, &path, flags, Mode::empty(), resolve) {
            Ok(fd) => Ok(fd),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(OutputError::Missing { path }),
            Err(Errno::LOOP) => Err(OutputError::NotAFile {
                path,
                kind: "a symbolic link, or below one",
            }),
            Err(Errno::XDEV) => Err(OutputError::NotAFile {
                path,
                kind: "outside of the work directory",
            }),
            Err(error) => Err(OutputError::Copy {
                path,
                source: error.into(),
            }),
        }
    }

    fn name(kind: FileType) -> &'static str {
        match kind {
            FileType::Symlink => "a symbolic link",
            FileType::Directory => "a directory",
            FileType::Fifo => "a named pipe",
            FileType::Socket => "a socket",
            FileType::CharacterDevice | FileType::BlockDevice => "a device",
            _ => "no regular file",
        }
    }

    /// How many names of the file lie below `directory`.
    fn links_within(directory: impl AsFd, wanted: &Stat, depth: usize) -> u64 {
        let Ok(entries) = Dir::read_from(&directory) else {
            return 0;
        };
        let mut found = 0;
        for entry in entries.flatten() {
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV;
            let Ok(fd) = openat2(&directory, entry.file_name(), flags, Mode::empty(), resolve)
            else {
                continue;
            };
            let Ok(meta) = fstat(&fd) else { continue };
            match FileType::from_raw_mode(meta.st_mode) {
                FileType::RegularFile => {
                    found +=
                        u64::from((meta.st_dev, meta.st_ino) == (wanted.st_dev, wanted.st_ino));
                }
                FileType::Directory if depth < 256 => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                    if let Ok(below) =
                        openat2(&directory, entry.file_name(), flags, Mode::empty(), resolve)
                    {
                        found += links_within(below, wanted, depth + 1);
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// Why an output was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Another file stood there a moment later.
    #[error("output {path:?} changed while it was taken")]
    Changed {
        /// As declared.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("output {path:?} could not be copied: {source}")]
    Copy {
        /// As declared.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// Another name of the file lies elsewhere.
    #[error("output {path:?} is a hard link to a file outside of the work directory")]
    Linked {
        /// As declared.
        path: PathBuf,
    },
    /// No step wrote it.
    #[error("output {path:?} was not written by any step")]
    Missing {
        /// As declared.
        path: PathBuf,
    },
    /// A link, a device, a pipe, a directory.
    #[error("output {path:?} is {kind}, not a regular file")]
    NotAFile {
        /// As declared.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Larger than any output.
    #[error("output {path:?} is larger than {MAX_BYTES} bytes")]
    TooLarge {
        /// As declared.
        path: PathBuf,
    },
}

impl Diagnose for OutputError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Changed { .. } => "BUILD-0030",
            Self::Copy { .. } => "BUILD-0031",
            Self::Linked { .. } => "BUILD-0032",
            Self::Missing { .. } => "BUILD-0033",
            Self::NotAFile { .. } => "BUILD-0034",
            Self::TooLarge { .. } => "BUILD-0035",
        })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => {
                "compare [[output]] path in bulla.toml with what the steps write".into()
            }
            _ => "let a step copy it to a file of its own, and declare that".into(),
        })
    }
}
