//! The registry's tables: repositories, blob links, manifests, tags, referrers,
//! upload sessions.
//!
//! A manifest is stored with its bytes; pushing one is a single transaction that
//! checks its references, writes its tags by compare-and-swap and files it
//! under its subject. What a tag may do is the registry's rule, not this one's.
//! Blobs are visible in a repository only through their link.

mod blob;
mod manifest;
mod referrer;
mod tag;
mod upload;

use sqlx::{Sqlite, Transaction};

use super::{Schema, StateError, StateStore};

pub use manifest::{Expect, ManifestRow, NewManifest, PutManifest, TagChange};
pub use referrer::Referrer;
pub use upload::UploadRow;

pub(super) const SCHEMA: Schema = Schema {
    component: "registry",
    steps: &["
        CREATE TABLE repository (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE
        ) STRICT;
        CREATE TABLE blob_link (
            repository_id INTEGER NOT NULL REFERENCES repository, digest TEXT NOT NULL,
            size INTEGER NOT NULL, created_at INTEGER NOT NULL,
            PRIMARY KEY (repository_id, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blob_link_by_digest ON blob_link (digest);
        CREATE TABLE manifest (
            id INTEGER PRIMARY KEY,
            repository_id INTEGER NOT NULL REFERENCES repository, digest TEXT NOT NULL,
            media_type TEXT NOT NULL, subject TEXT, created_at INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            UNIQUE (repository_id, digest)
        ) STRICT;
        CREATE TABLE manifest_reference (
            repository_id INTEGER NOT NULL, digest TEXT NOT NULL, manifest TEXT NOT NULL,
            PRIMARY KEY (repository_id, digest, manifest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX manifest_reference_by_manifest
            ON manifest_reference (repository_id, manifest);
        CREATE TABLE tag (
            repository_id INTEGER NOT NULL REFERENCES repository, name TEXT NOT NULL,
            digest TEXT NOT NULL, updated_at INTEGER NOT NULL,
            PRIMARY KEY (repository_id, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tag_by_digest ON tag (repository_id, digest);
        CREATE TABLE referrer (
            repository_id INTEGER NOT NULL REFERENCES repository, subject TEXT NOT NULL,
            artifact_type TEXT NOT NULL, digest TEXT NOT NULL, descriptor TEXT NOT NULL,
            PRIMARY KEY (repository_id, subject, artifact_type, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX referrer_by_digest ON referrer (repository_id, subject, digest);
        CREATE TABLE upload (
            id TEXT PRIMARY KEY, repository TEXT NOT NULL, created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
    "],
};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in order.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub more: bool,
}

impl<T> Page<T> {
    /// Cuts `items`, which were asked for with one entry more than `limit`.
    fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

/// The registry's part of the state database. Cheap to clone.
#[derive(Clone)]
pub struct RegistryState {
    state: StateStore,
}

impl RegistryState {
    pub(crate) fn new(state: StateStore) -> Self {
        Self { state }
    }

    fn failed(&self, source: sqlx::Error) -> StateError {
        self.state.error(source)
    }

    /// Whether anything was ever pushed to `repository`.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn has_repository(&self, repository: &str) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM repository WHERE name = ?)")
            .bind(repository)
            .fetch_one(self.state.read())
            .await
            .map_err(|source| self.failed(source))
    }

    /// At most `limit` repositories after `last`, in order.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn repositories(&self, last: &str, limit: u32) -> Result<Page<String>, StateError> {
        let names =
            sqlx::query_scalar("SELECT name FROM repository WHERE name > ? ORDER BY name LIMIT ?")
                .bind(last)
                .bind(i64::from(limit) + 1)
                .fetch_all(self.state.read())
                .await
                .map_err(|source| self.failed(source))?;
        Ok(Page::cut(names, limit))
    }

    /// The repository's row, made if it is not there.
    async fn repository_id(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        name: &str,
    ) -> Result<i64, StateError> {
        sqlx::query("INSERT INTO repository (name) VALUES (?) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .execute(&mut **transaction)
            .await
            .map_err(|source| self.failed(source))?;
        sqlx::query_scalar("SELECT id FROM repository WHERE name = ?")
            .bind(name)
            .fetch_one(&mut **transaction)
            .await
            .map_err(|source| self.failed(source))
    }
}

#[cfg(test)]
mod tests;
