//! What refers to a subject, ready to be listed.

use bulla_core::{Descriptor, Digest};

use super::{Page, RegistryState, StateError};

/// One referrer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// How it is listed: with artifact type and annotations.
    pub descriptor: Descriptor,
}

impl RegistryState {
    /// At most `limit` referrers of `subject` after the digest `last`, ordered by
    /// digest; of one artifact type if `artifact_type` is given.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn referrers(
        &self,
        repository: &str,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: &str,
        limit: u32,
    ) -> Result<Page<Referrer>, StateError> {
        let sql = match artifact_type {
            Some(_) => {
                "SELECT f.descriptor FROM referrer f JOIN repository r ON r.id = f.repository_id
                 WHERE r.name = ? AND f.subject = ? AND f.artifact_type = ? AND f.digest > ?
                 ORDER BY f.digest LIMIT ?"
            }
            None => {
                "SELECT f.descriptor FROM referrer f JOIN repository r ON r.id = f.repository_id
                 WHERE r.name = ? AND f.subject = ? AND ? IS NULL AND f.digest > ?
                 ORDER BY f.digest LIMIT ?"
            }
        };
        let rows: Vec<String> = sqlx::query_scalar(sql)
            .bind(repository)
            .bind(subject.to_string())
            .bind(artifact_type)
            .bind(last)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.state.read())
            .await
            .map_err(|source| self.failed(source))?;
        let Page { items, more } = Page::cut(rows, limit);
        let items = items
            .iter()
            .map(|text| serde_json::from_str(text).map(|descriptor| Referrer { descriptor }))
            .collect::<Result<_, _>>()
            .map_err(|source| self.failed(sqlx::Error::Decode(Box::new(source))))?;
        Ok(Page { items, more })
    }
}
