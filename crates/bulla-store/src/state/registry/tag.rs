//! Tags: names for digests, changed by compare-and-swap only.

use bulla_core::Digest;
use sqlx::{Sqlite, Transaction};

use super::{Expect, Page, PutManifest, RegistryState, StateError, TagChange};

impl RegistryState {
    /// The digest that a tag names.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn tag(&self, repository: &str, name: &str) -> Result<Option<Digest>, StateError> {
        let digest: Option<String> = sqlx::query_scalar(
            "SELECT t.digest FROM tag t JOIN repository r ON r.id = t.repository_id
             WHERE r.name = ? AND t.name = ?",
        )
        .bind(repository)
        .bind(name)
        .fetch_optional(self.state.read())
        .await
        .map_err(|source| self.failed(source))?;
        Ok(digest.and_then(|digest| digest.parse().ok()))
    }

    /// At most `limit` tags after `last`, in byte order.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn tags(
        &self,
        repository: &str,
        last: &str,
        limit: u32,
    ) -> Result<Page<String>, StateError> {
        let names = sqlx::query_scalar(
            "SELECT t.name FROM tag t JOIN repository r ON r.id = t.repository_id
             WHERE r.name = ? AND t.name > ? ORDER BY t.name LIMIT ?",
        )
        .bind(repository)
        .bind(last)
        .bind(i64::from(limit) + 1)
        .fetch_all(self.state.read())
        .await
        .map_err(|source| self.failed(source))?;
        Ok(Page::cut(names, limit))
    }

    /// Removes a tag; whether it was there.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn delete_tag(&self, repository: &str, name: &str) -> Result<bool, StateError> {
        let mut transaction = self.state.write().await?;
        let removed = sqlx::query(
            "DELETE FROM tag WHERE name = ?
             AND repository_id = (SELECT id FROM repository WHERE name = ?)",
        )
        .bind(name)
        .bind(repository)
        .execute(&mut *transaction)
        .await
        .map_err(|source| self.failed(source))?
        .rows_affected();
        self.state.commit(transaction).await?;
        Ok(removed > 0)
    }

    /// Points a tag at `digest` if it is as expected; otherwise says what it is.
    pub(super) async fn swap_tag(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        repository_id: i64,
        change: &TagChange,
        digest: &Digest,
        now: i64,
    ) -> Result<Option<PutManifest>, StateError> {
        let current: Option<String> =
            sqlx::query_scalar("SELECT digest FROM tag WHERE repository_id = ? AND name = ?")
                .bind(repository_id)
                .bind(&change.name)
                .fetch_optional(&mut **transaction)
                .await
                .map_err(|source| self.failed(source))?;
        let as_expected = match (&current, &change.expect) {
            (Some(current), _) if *current == digest.to_string() => return Ok(None),
            (None, Expect::Absent) => true,
            (Some(current), Expect::Is(expected)) => *current == expected.to_string(),
            (None, Expect::Is(_)) | (Some(_), Expect::Absent) => false,
        };
        if !as_expected {
            return Ok(Some(PutManifest::Tag {
                name: change.name.clone(),
                current: current.and_then(|digest| digest.parse().ok()),
            }));
        }
        sqlx::query("INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)")
            .bind(repository_id)
            .bind(&change.name)
            .bind(digest.to_string())
            .bind(now)
            .execute(&mut **transaction)
            .await
            .map_err(|source| self.failed(source))?;
        Ok(None)
    }
}
