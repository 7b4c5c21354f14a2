//! Which repository shows which blob.

use bulla_core::Digest;

use super::{RegistryState, StateError};

impl RegistryState {
    /// Makes a committed blob of `size` bytes visible in `repository`, and ends
    /// the session that brought it.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn link_blob(
        &self,
        repository: &str,
        digest: &Digest,
        size: u64,
        session: Option<&str>,
        now: i64,
    ) -> Result<(), StateError> {
        let mut transaction = self.state.write().await?;
        let id = self.repository_id(&mut transaction, repository).await?;
        sqlx::query("INSERT OR REPLACE INTO blob_link VALUES (?, ?, ?, ?)")
            .bind(id)
            .bind(digest.to_string())
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(|source| self.failed(source))?;
        if let Some(session) = session {
            sqlx::query("DELETE FROM upload WHERE id = ?")
                .bind(session)
                .execute(&mut *transaction)
                .await
                .map_err(|source| self.failed(source))?;
        }
        self.state.commit(transaction).await
    }

    /// The size of a blob as linked in `repository`, in bytes.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, StateError> {
        let size: Option<i64> = sqlx::query_scalar(
            "SELECT b.size FROM blob_link b JOIN repository r ON r.id = b.repository_id
             WHERE r.name = ? AND b.digest = ?",
        )
        .bind(repository)
        .bind(digest.to_string())
        .fetch_optional(self.state.read())
        .await
        .map_err(|source| self.failed(source))?;
        Ok(size.and_then(|size| u64::try_from(size).ok()))
    }

    /// The size of a blob that any repository links, in bytes.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn blob_anywhere(&self, digest: &Digest) -> Result<Option<u64>, StateError> {
        let size: Option<i64> =
            sqlx::query_scalar("SELECT size FROM blob_link WHERE digest = ? LIMIT 1")
                .bind(digest.to_string())
                .fetch_optional(self.state.read())
                .await
                .map_err(|source| self.failed(source))?;
        Ok(size.and_then(|size| u64::try_from(size).ok()))
    }

    /// Removes a link; `None` if there was none, `Some(false)` if a manifest of
    /// the repository still needs it and it was kept.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn unlink_blob(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Option<bool>, StateError> {
        let failed = |source| self.failed(source);
        let digest = digest.to_string();
        let mut transaction = self.state.write().await?;
        let id: Option<i64> = sqlx::query_scalar(
            "SELECT r.id FROM blob_link b JOIN repository r ON r.id = b.repository_id
             WHERE r.name = ? AND b.digest = ?",
        )
        .bind(repository)
        .bind(&digest)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
        let Some(id) = id else { return Ok(None) };
        let needed: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM manifest_reference
             WHERE repository_id = ? AND digest = ?)",
        )
        .bind(id)
        .bind(&digest)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        if needed {
            return Ok(Some(false));
        }
        sqlx::query("DELETE FROM blob_link WHERE repository_id = ? AND digest = ?")
            .bind(id)
            .bind(&digest)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        self.state.commit(transaction).await?;
        Ok(Some(true))
    }
}
