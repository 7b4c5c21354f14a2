//! The blob port: content that never changes, named by its digest.
//!
//! Bytes are hashed while they are written and become visible under their
//! digest in one step, only when they match it and are safely on disk. Reading
//! is bounded: a length and pieces, never the whole. Nothing here decides who
//! may read what.

mod hasher;
mod local;
pub(crate) mod publish;

use bulla_core::{Code, Diagnose, Digest};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use std::{io, path::PathBuf};

pub use local::LocalBlobs;

/// Where blobs are kept.
pub trait BlobStore: Send + Sync + 'static {
    /// Starts an upload of at most `limit` bytes.
    fn begin(&self, limit: u64) -> BoxFuture<'_, Result<Box<dyn BlobUpload>, BlobError>>;

    /// Takes up a kept upload again, after a broken connection or a restart;
    /// `None` if there is none of that name.
    fn resume(
        &self,
        id: &str,
        limit: u64,
    ) -> BoxFuture<'_, Result<Option<Box<dyn BlobUpload>>, BlobError>>;

    /// Removes a kept upload, if it is there.
    fn discard(&self, id: &str) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Opens a blob; `None` if it is not there.
    fn open(&self, digest: &Digest) -> BoxFuture<'_, Result<Option<BlobReader>, BlobError>>;

    /// Removes a blob; whether it was there.
    fn delete(&self, digest: &Digest) -> BoxFuture<'_, Result<bool, BlobError>>;
}

/// A blob being written. Dropped without [`keep`](BlobUpload::keep) or
/// [`commit`](BlobUpload::commit), it leaves nothing behind.
pub trait BlobUpload: Send {
    /// Its name for [`BlobStore::resume`]: 32 hex digits, not guessable.
    fn id(&self) -> &str;

    /// Bytes taken so far.
    fn length(&self) -> u64;

    /// Appends bytes.
    fn append(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>>;

    /// From now on the bytes outlive this value, until committed or discarded.
    fn keep(&mut self);

    /// Writes out what [`append`](BlobUpload::append) still holds in memory.
    fn flush(&mut self) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Makes the bytes visible as `digest`, durably; returns their number.
    fn commit(self: Box<Self>, digest: Digest) -> BoxFuture<'static, Result<u64, BlobError>>;
}

/// An open blob.
pub struct BlobReader {
    size: u64,
    file: std::sync::Arc<std::fs::File>,
}

impl BlobReader {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// `length` bytes from `offset` in pieces of at most 256 KiB; an error, never
    /// a short answer, if the blob ends before.
    pub fn stream(&self, offset: u64, length: u64) -> BoxStream<'static, io::Result<Bytes>> {
        local::stream(self.file.clone(), offset, length)
    }

    /// The whole blob, if it is no longer than `limit` bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], or [`BlobError::Io`].
    pub async fn bytes(&self, limit: u64) -> Result<Bytes, BlobError> {
        use futures_util::TryStreamExt as _;
        if self.size > limit {
            return Err(BlobError::TooLarge { limit });
        }
        self.stream(0, self.size)
            .try_fold(Vec::new(), |mut all, piece| async move {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await
            .map(Bytes::from)
            .map_err(|source| BlobError::Io {
                path: PathBuf::new(),
                source,
            })
    }
}

/// Why a blob could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Somebody else is writing the same upload.
    #[error("the upload {id} is being written by another request")]
    Busy {
        /// The upload.
        id: String,
    },
    /// The disk is full.
    #[error("no room left for blobs in {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: io::Error,
    },
    /// The bytes are not what the digest names.
    #[error("the content has the digest {found}, not {expected}")]
    Mismatch {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// More bytes than allowed.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
}

impl BlobError {
    fn at(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { path, source },
        }
    }
}

impl Diagnose for BlobError {
    fn code(&self) -> Code {
        match self {
            Self::Busy { .. } => Code("STORE-0020"),
            Self::Full { .. } => Code("STORE-0021"),
            Self::Io { .. } => Code("STORE-0022"),
            Self::Mismatch { .. } => Code("STORE-0023"),
            Self::TooLarge { .. } => Code("STORE-0024"),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Busy { .. } => "wait for the other request, or start the push again",
                Self::Full { .. } => "make room on the disk, then push again",
                Self::Io { .. } => "see that the data directory's disk is sound and writable",
                Self::Mismatch { .. } => "push again: the content was changed on its way",
                Self::TooLarge { .. } => "push smaller layers, or raise the registry's blob limit",
            }
            .into(),
        )
    }
}

#[cfg(test)]
mod tests;
