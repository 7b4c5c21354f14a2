//! Manifests, and the one transaction that pushes one.

use bulla_core::{Descriptor, Digest};
use sqlx::{Sqlite, Transaction};

use super::{RegistryState, StateError};

/// A manifest as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// The media type it was pushed with.
    pub media_type: String,
    /// Its bytes, verbatim.
    pub bytes: Vec<u8>,
}

/// What a tag must be for a change to happen. A tag that already names the new
/// digest is never a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Not there.
    Absent,
    /// Naming this digest.
    Is(Digest),
}

/// A tag to write together with a manifest.
#[derive(Clone, Debug)]
pub struct TagChange {
    /// The tag.
    pub name: String,
    /// What it must be before.
    pub expect: Expect,
}

/// A manifest to push.
#[derive(Clone, Debug)]
pub struct NewManifest<'a> {
    /// The repository's name.
    pub repository: &'a str,
    /// The digest of `bytes`.
    pub digest: &'a Digest,
    /// The media type.
    pub media_type: &'a str,
    /// At most 4 MiB.
    pub bytes: &'a [u8],
    /// Blobs that must be linked in the repository with this size.
    pub blobs: &'a [Descriptor],
    /// Manifests that must be in the repository with this size.
    pub manifests: &'a [Descriptor],
    /// What it refers to, and the descriptor to list it by.
    pub subject: Option<(&'a Digest, &'a Descriptor)>,
    /// Tags to write.
    pub tags: &'a [TagChange],
    /// Unix seconds.
    pub now: i64,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutManifest {
    /// Stored; tags and referrers are written.
    Done,
    /// Nothing was stored: this reference is not in the repository.
    Missing(Digest),
    /// Nothing was stored: this reference has another size there.
    Size {
        /// The reference.
        digest: Digest,
        /// Its size in the repository, in bytes.
        stored: u64,
    },
    /// Nothing was stored: the tag is not as expected.
    Tag {
        /// The tag.
        name: String,
        /// What it names, if it is there.
        current: Option<Digest>,
    },
}

impl RegistryState {
    /// Stores a manifest, its tags and its place under its subject, all or nothing.
    ///
    /// # Errors
    /// [`StateError`] of the database; then nothing was stored.
    pub async fn put_manifest(&self, new: NewManifest<'_>) -> Result<PutManifest, StateError> {
        let mut transaction = self.state.write().await?;
        let id = self.repository_id(&mut transaction, new.repository).await?;
        for (kind, references) in [(Kind::Blob, new.blobs), (Kind::Manifest, new.manifests)] {
            for reference in references {
                let size = self
                    .stored_size(&mut transaction, id, kind, reference)
                    .await?;
                match size {
                    None => return Ok(PutManifest::Missing(reference.digest.clone())),
                    Some(stored) if stored != reference.size => {
                        let digest = reference.digest.clone();
                        return Ok(PutManifest::Size { digest, stored });
                    }
                    Some(_) => {}
                }
            }
        }
        for change in new.tags {
            let done = self.swap_tag(&mut transaction, id, change, new.digest, new.now);
            if let Some(refused) = done.await? {
                return Ok(refused);
            }
        }
        self.insert_manifest(&mut transaction, id, &new).await?;
        self.state.commit(transaction).await?;
        Ok(PutManifest::Done)
    }

    /// A manifest by digest.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn manifest(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Option<ManifestRow>, StateError> {
        let row: Option<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT m.media_type, m.bytes FROM manifest m JOIN repository r ON r.id = m.repository_id
             WHERE r.name = ? AND m.digest = ?",
        )
        .bind(repository)
        .bind(digest.to_string())
        .fetch_optional(self.state.read())
        .await
        .map_err(|source| self.failed(source))?;
        Ok(row.map(|(media_type, bytes)| ManifestRow {
            digest: digest.clone(),
            media_type,
            bytes,
        }))
    }

    /// Removes a manifest with the tags on it; whether it was there.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn delete_manifest(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<bool, StateError> {
        let failed = |source| self.failed(source);
        let digest = digest.to_string();
        let mut transaction = self.state.write().await?;
        let id: Option<i64> = sqlx::query_scalar("SELECT id FROM repository WHERE name = ?")
            .bind(repository)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        let Some(id) = id else { return Ok(false) };
        let mut removed = 0;
        for sql in [
            "DELETE FROM tag WHERE repository_id = ? AND digest = ?",
            "DELETE FROM referrer WHERE repository_id = ? AND digest = ?",
            "DELETE FROM manifest_reference WHERE repository_id = ? AND manifest = ?",
            "DELETE FROM manifest WHERE repository_id = ? AND digest = ?",
        ] {
            removed = sqlx::query(sql)
                .bind(id)
                .bind(&digest)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?
                .rows_affected();
        }
        self.state.commit(transaction).await?;
        Ok(removed > 0)
    }

    async fn stored_size(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        repository_id: i64,
        kind: Kind,
        reference: &Descriptor,
    ) -> Result<Option<u64>, StateError> {
        let sql = match kind {
            Kind::Blob => "SELECT size FROM blob_link WHERE repository_id = ? AND digest = ?",
            Kind::Manifest => {
                "SELECT length(bytes) FROM manifest WHERE repository_id = ? AND digest = ?"
            }
        };
        let size: Option<i64> = sqlx::query_scalar(sql)
            .bind(repository_id)
            .bind(reference.digest.to_string())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(|source| self.failed(source))?;
        Ok(size.and_then(|size| u64::try_from(size).ok()))
    }

    async fn insert_manifest(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        id: i64,
        new: &NewManifest<'_>,
    ) -> Result<(), StateError> {
        let failed = |source| self.failed(source);
        let digest = new.digest.to_string();
        sqlx::query(
            "INSERT INTO manifest (repository_id, digest, media_type, subject, created_at, bytes)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (repository_id, digest) DO NOTHING",
        )
        .bind(id)
        .bind(&digest)
        .bind(new.media_type)
        .bind(new.subject.map(|(subject, _)| subject.to_string()))
        .bind(new.now)
        .bind(new.bytes)
        .execute(&mut **transaction)
        .await
        .map_err(failed)?;
        for reference in new.blobs.iter().chain(new.manifests) {
            sqlx::query("INSERT OR IGNORE INTO manifest_reference VALUES (?, ?, ?)")
                .bind(id)
                .bind(reference.digest.to_string())
                .bind(&digest)
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
        }
        if let Some((subject, descriptor)) = new.subject {
            let text = serde_json::to_string(descriptor).unwrap_or_default();
            sqlx::query("INSERT OR REPLACE INTO referrer VALUES (?, ?, ?, ?, ?)")
                .bind(id)
                .bind(subject.to_string())
                .bind(descriptor.artifact_type.as_deref().unwrap_or_default())
                .bind(&digest)
                .bind(text)
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Blob,
    Manifest,
}
