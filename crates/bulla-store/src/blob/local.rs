//! Blobs as local files: `ALGORITHM/AB/HEX`, uploads in `uploads/ID`.
//!
//! An upload file is locked while it is written: a request that was cut off may
//! still be writing its last piece when the next one resumes. Only SHA-256 is
//! computed on the way; a digest of another kind costs a second read at commit.

use bulla_core::{Digest, digest::Algorithm};
use bytes::{Bytes, BytesMut};
use futures_util::{future::BoxFuture, stream, stream::BoxStream, stream::StreamExt as _};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    BlobError, BlobReader, BlobStore, BlobUpload,
    hasher::Hasher,
    publish::{LocalDisk, publish},
};

const READ_PIECE: u64 = 256 << 10;
const WRITE_PIECE: usize = 1 << 20;
const STALE: Duration = Duration::from_secs(2 * 24 * 3600);

/// Blobs in a directory of this machine.
#[derive(Clone)]
pub struct LocalBlobs {
    root: Arc<Path>,
}

impl LocalBlobs {
    /// Opens the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let uploads = root.join("uploads");
        fs::create_dir_all(&uploads).map_err(|source| BlobError::at(&uploads, source))?;
        if let Some(parent) = root.parent() {
            fs::File::open(parent)
                .and_then(|directory| directory.sync_all())
                .map_err(|source| BlobError::at(parent, source))?;
        }
        sweep(&uploads);
        Ok(Self { root: root.into() })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root
            .join(digest.algorithm().name())
            .join(hex.get(..2).unwrap_or(hex))
            .join(hex)
    }

    fn upload_path(&self, id: &str) -> Option<PathBuf> {
        let sound = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        sound.then(|| self.root.join("uploads").join(id))
    }
}

impl BlobStore for LocalBlobs {
    fn begin(&self, limit: u64) -> BoxFuture<'_, Result<Box<dyn BlobUpload>, BlobError>> {
        let root = self.root.clone();
        Box::pin(blocking(move || {
            let mut random = [0; 16];
            getrandom::fill(&mut random)
                .map_err(|error| BlobError::at(&*root, io::Error::other(error)))?;
            let id = hex::encode(random);
            let path = root.join("uploads").join(&id);
            let file =
                fs::File::create_new(&path).map_err(|source| BlobError::at(&path, source))?;
            let open = OpenUpload {
                file,
                path,
                hasher: Hasher::new(Algorithm::Sha256),
                kept: false,
            };
            open.lock(&id)?;
            Ok(LocalUpload::boxed(root, id, open, 0, limit))
        }))
    }

    fn resume(
        &self,
        id: &str,
        limit: u64,
    ) -> BoxFuture<'_, Result<Option<Box<dyn BlobUpload>>, BlobError>> {
        let (root, id, path) = (self.root.clone(), id.to_owned(), self.upload_path(id));
        Box::pin(blocking(move || {
            let Some(path) = path else { return Ok(None) };
            let opened = fs::File::options().read(true).append(true).open(&path);
            let file = match opened {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other.map_err(|source| BlobError::at(&path, source))?,
            };
            let mut open = OpenUpload {
                file,
                path,
                hasher: Hasher::new(Algorithm::Sha256),
                kept: true,
            };
            open.lock(&id)?;
            let length = open.hash_again(Algorithm::Sha256)?;
            Ok(Some(LocalUpload::boxed(root, id, open, length, limit)))
        }))
    }

    fn discard(&self, id: &str) -> BoxFuture<'_, Result<(), BlobError>> {
        let path = self.upload_path(id);
        Box::pin(blocking(move || match path {
            Some(path) => remove(&path).map(|_| ()),
            None => Ok(()),
        }))
    }

    fn open(&self, digest: &Digest) -> BoxFuture<'_, Result<Option<BlobReader>, BlobError>> {
        let path = self.path(digest);
        Box::pin(blocking(move || {
            let failed = |source| BlobError::at(&path, source);
            let file = match fs::File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other.map_err(failed)?,
            };
            let size = file.metadata().map_err(failed)?.len();
            let file = Arc::new(file);
            Ok(Some(BlobReader { size, file }))
        }))
    }

    fn delete(&self, digest: &Digest) -> BoxFuture<'_, Result<bool, BlobError>> {
        let path = self.path(digest);
        Box::pin(blocking(move || remove(&path)))
    }
}

/// The parts of an upload that blocking work takes away and brings back.
struct OpenUpload {
    file: fs::File,
    path: PathBuf,
    hasher: Hasher,
    kept: bool,
}

impl OpenUpload {
    fn lock(&self, id: &str) -> Result<(), BlobError> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(fs::TryLockError::WouldBlock) => Err(BlobError::Busy { id: id.to_owned() }),
            Err(fs::TryLockError::Error(source)) => Err(BlobError::at(&self.path, source)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file
            .write_all(bytes)
            .map_err(|source| BlobError::at(&self.path, source))?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Starts the hash over from what is in the file; its length.
    fn hash_again(&mut self, algorithm: Algorithm) -> Result<u64, BlobError> {
        let mut hasher = Hasher::new(algorithm);
        let mut file = fs::File::open(&self.path).map_err(|s| BlobError::at(&self.path, s))?;
        let mut piece = vec![0; WRITE_PIECE];
        let mut length = 0;
        loop {
            let count = file
                .read(&mut piece)
                .map_err(|source| BlobError::at(&self.path, source))?;
            if count == 0 {
                break;
            }
            hasher.update(piece.get(..count).unwrap_or_default());
            length += count as u64;
        }
        self.hasher = hasher;
        Ok(length)
    }

    fn commit(mut self, root: &Path, digest: &Digest) -> Result<(), BlobError> {
        self.kept = false;
        if self.hasher.algorithm() != digest.algorithm() {
            self.hash_again(digest.algorithm())?;
        }
        match self.hasher.digest() {
            Some(found) if found == *digest => {}
            found => {
                return Err(BlobError::Mismatch {
                    expected: digest.clone(),
                    found: found.unwrap_or_else(|| Digest::sha256(b"")),
                });
            }
        }
        let hex = digest.hex();
        let shelves = [digest.algorithm().name(), hex.get(..2).unwrap_or(hex)];
        publish(&LocalDisk, &self.path, root, &shelves, hex)
            .map_err(|source| BlobError::at(&self.path, source))?;
        self.kept = true; // under its new name; the old one is gone
        Ok(())
    }
}

impl Drop for OpenUpload {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: what stays is swept with the stale uploads.
            let _ = fs::remove_file(&self.path);
        }
    }
}

struct LocalUpload {
    root: Arc<Path>,
    id: String,
    /// `None` after a failure: then the file is gone, or must be resumed.
    open: Option<OpenUpload>,
    pending: BytesMut,
    length: u64,
    limit: u64,
}

impl LocalUpload {
    fn boxed(
        root: Arc<Path>,
        id: String,
        open: OpenUpload,
        length: u64,
        limit: u64,
    ) -> Box<dyn BlobUpload> {
        Box::new(Self {
            root,
            id,
            open: Some(open),
            pending: BytesMut::new(),
            length,
            limit,
        })
    }

    fn take(open: &mut Option<OpenUpload>, id: &str) -> Result<OpenUpload, BlobError> {
        open.take()
            .ok_or_else(|| BlobError::Busy { id: id.to_owned() })
    }

    async fn write_pending(&mut self) -> Result<(), BlobError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut open = Self::take(&mut self.open, &self.id)?;
        let piece = self.pending.split().freeze();
        let written = blocking(move || {
            open.write(&piece)?;
            Ok(open)
        });
        self.open = Some(written.await?);
        Ok(())
    }
}

impl BlobUpload for LocalUpload {
    fn id(&self) -> &str {
        &self.id
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn append(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(async move {
            let length = self.length.saturating_add(bytes.len() as u64);
            if length > self.limit {
                return Err(BlobError::TooLarge { limit: self.limit });
            }
            self.length = length;
            self.pending.extend_from_slice(&bytes);
            if self.pending.len() >= WRITE_PIECE {
                self.write_pending().await?;
            }
            Ok(())
        })
    }

    fn keep(&mut self) {
        if let Some(open) = &mut self.open {
            open.kept = true;
        }
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(self.write_pending())
    }

    fn commit(mut self: Box<Self>, digest: Digest) -> BoxFuture<'static, Result<u64, BlobError>> {
        Box::pin(async move {
            self.write_pending().await?;
            let open = Self::take(&mut self.open, &self.id)?;
            let root = self.root.clone();
            blocking(move || open.commit(&root, &digest)).await?;
            Ok(self.length)
        })
    }
}

pub(super) fn stream(
    file: Arc<fs::File>,
    offset: u64,
    length: u64,
) -> BoxStream<'static, io::Result<Bytes>> {
    let end = offset.saturating_add(length);
    stream::try_unfold((file, offset), move |(file, offset)| async move {
        if offset >= end {
            return Ok(None);
        }
        let count = usize::try_from((end - offset).min(READ_PIECE)).unwrap_or(0);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; count];
            file.read_exact_at(&mut piece, offset)?;
            Ok::<_, io::Error>((Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        let next = offset + piece.len() as u64;
        Ok(Some((piece, (file, next))))
    })
    .boxed()
}

/// Removes uploads that nobody touched for two days: left by a crash.
fn sweep(uploads: &Path) {
    let old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > STALE))
    };
    for entry in fs::read_dir(uploads).into_iter().flatten().flatten() {
        if old(&entry) {
            let _ = fs::remove_file(entry.path()); // the next start tries again
        }
    }
}

fn remove(path: &Path) -> Result<bool, BlobError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(BlobError::at(path, source)),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| BlobError::at(PathBuf::new(), io::Error::other(error)))?
}
