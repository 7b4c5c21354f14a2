//! Upload sessions: which repository an unfinished blob belongs to.

use super::{RegistryState, StateError};

/// A session. Its offset is the length of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// The session's name.
    pub id: String,
    /// The repository that it pushes to.
    pub repository: String,
    /// When it began, Unix seconds.
    pub created_at: i64,
}

impl RegistryState {
    /// Records a session, unless there are `most` already: then `false`.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn begin_upload(&self, upload: &UploadRow, most: u32) -> Result<bool, StateError> {
        let mut transaction = self.state.write().await?;
        let added = sqlx::query(
            "INSERT INTO upload SELECT ?, ?, ? WHERE (SELECT count(*) FROM upload) < ?",
        )
        .bind(&upload.id)
        .bind(&upload.repository)
        .bind(upload.created_at)
        .bind(most)
        .execute(&mut *transaction)
        .await
        .map_err(|source| self.failed(source))?
        .rows_affected();
        self.state.commit(transaction).await?;
        Ok(added > 0)
    }

    /// Whether `repository` has the session.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn has_upload(&self, repository: &str, id: &str) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM upload WHERE id = ? AND repository = ?)")
            .bind(id)
            .bind(repository)
            .fetch_one(self.state.read())
            .await
            .map_err(|source| self.failed(source))
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn end_upload(&self, id: &str) -> Result<(), StateError> {
        let mut transaction = self.state.write().await?;
        sqlx::query("DELETE FROM upload WHERE id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(|source| self.failed(source))?;
        self.state.commit(transaction).await
    }

    /// The sessions that began before `before`, Unix seconds.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn stale_uploads(&self, before: i64) -> Result<Vec<UploadRow>, StateError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT id, repository, created_at FROM upload WHERE created_at < ? LIMIT 1000",
        )
        .bind(before)
        .fetch_all(self.state.read())
        .await
        .map_err(|source| self.failed(source))?;
        Ok(rows
            .into_iter()
            .map(|(id, repository, created_at)| UploadRow {
                id,
                repository,
                created_at,
            })
            .collect())
    }
}
