//! Unfinished uploads between their requests.
//!
//! A request takes its upload away and puts it back when it is done; one that
//! was cut off never puts it back, and the next one takes it up from disk,
//! where its length and hash are read anew. So a half-written piece can never
//! be counted twice.

use axum::body::Body;
use bulla_store::{BlobUpload, Store, state::UploadRow};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{config::Limits, error::RegistryError};

/// Uploads kept open between requests; more are taken up from disk.
const OPEN: usize = 128;
/// Seconds between two sweeps.
const SWEEP: i64 = 600;

/// The unfinished uploads.
#[derive(Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<String, Box<dyn BlobUpload>>>,
    swept: AtomicI64,
}

impl Uploads {
    /// Begins a session of `repository`.
    pub(crate) async fn begin(
        &self,
        store: &Store,
        limits: &Limits,
        repository: &str,
        now: i64,
    ) -> Result<Box<dyn BlobUpload>, RegistryError> {
        self.sweep(store, limits, now).await?;
        let mut upload = store.blobs().begin(limits.blob_bytes).await?;
        let row = UploadRow {
            id: upload.id().to_owned(),
            repository: repository.to_owned(),
            created_at: now,
        };
        if !store.registry().begin_upload(&row, limits.uploads).await? {
            return Err(RegistryError::TooManyUploads);
        }
        upload.keep();
        Ok(upload)
    }

    /// Takes a session of `repository` away.
    pub(crate) async fn take(
        &self,
        store: &Store,
        limits: &Limits,
        repository: &str,
        id: &str,
    ) -> Result<Box<dyn BlobUpload>, RegistryError> {
        if !store.registry().has_upload(repository, id).await? {
            return Err(RegistryError::UploadUnknown);
        }
        if let Some(upload) = self.lock().remove(id) {
            return Ok(upload);
        }
        store
            .blobs()
            .resume(id, limits.blob_bytes)
            .await?
            .ok_or(RegistryError::UploadUnknown)
    }

    /// Puts a session back, with everything it holds written out.
    pub(crate) async fn put_back(
        &self,
        mut upload: Box<dyn BlobUpload>,
    ) -> Result<(), RegistryError> {
        upload.flush().await?;
        let mut open = self.lock();
        if open.len() < OPEN {
            open.insert(upload.id().to_owned(), upload);
        }
        Ok(())
    }

    /// Ends a session without a blob.
    pub(crate) async fn cancel(&self, store: &Store, id: &str) -> Result<(), RegistryError> {
        drop(self.lock().remove(id));
        store.blobs().discard(id).await?;
        Ok(store.registry().end_upload(id).await?)
    }

    async fn sweep(&self, store: &Store, limits: &Limits, now: i64) -> Result<(), RegistryError> {
        let swept = self.swept.load(Ordering::Relaxed);
        let mine = now.saturating_sub(swept) >= SWEEP
            && self
                .swept
                .compare_exchange(swept, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            let age = i64::try_from(limits.upload_age.as_secs()).unwrap_or(i64::MAX);
            let registry = store.registry();
            for row in registry.stale_uploads(now.saturating_sub(age)).await? {
                self.cancel(store, &row.id).await?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Box<dyn BlobUpload>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a body into an upload. It may take as long as it likes, but never
/// stand still for `idle`.
pub(crate) async fn receive(
    upload: &mut Box<dyn BlobUpload>,
    body: Body,
    idle: Duration,
) -> Result<(), RegistryError> {
    let mut pieces = body.into_data_stream();
    while let Some(piece) = next(&mut pieces, idle).await? {
        upload.append(piece).await?;
    }
    Ok(())
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: u64, idle: Duration) -> Result<Bytes, RegistryError> {
    let mut pieces = body.into_data_stream();
    let mut all = Vec::new();
    while let Some(piece) = next(&mut pieces, idle).await? {
        if (all.len() + piece.len()) as u64 > limit {
            return Err(RegistryError::TooLarge { limit });
        }
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}

async fn next(
    pieces: &mut axum::body::BodyDataStream,
    idle: Duration,
) -> Result<Option<Bytes>, RegistryError> {
    match tokio::time::timeout(idle, pieces.next()).await {
        Err(_) => Err(RegistryError::BodyIdle),
        Ok(Some(Err(_))) => Err(RegistryError::BodyCut),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(None) => Ok(None),
    }
}
