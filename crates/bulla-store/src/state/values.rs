//! Small values by (space, key), with atomic batches and compare-and-swap.
//!
//! For whoever needs no table of its own: tree heads, sealed keys, sequences.
//! Keys sort as bytes, so a fixed-width number makes an ordered list.

use super::{Schema, StateError, StateStore};

pub(super) const SCHEMA: Schema = Schema {
    component: "values",
    steps: &["CREATE TABLE value (
        space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) STRICT, WITHOUT ROWID;"],
};

/// One change of a batch.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// Removes the value, if it is there.
    Delete {
        /// Its key.
        key: &'a str,
    },
    /// Writes the value, whatever was there.
    Put {
        /// Its key.
        key: &'a str,
        /// What to write.
        value: &'a [u8],
    },
    /// Writes the value if the present one is `expected` (`None`: absent);
    /// otherwise nothing of the batch happens.
    Swap {
        /// Its key.
        key: &'a str,
        /// What must be there.
        expected: Option<&'a [u8]>,
        /// What to write.
        value: &'a [u8],
    },
}

/// Small values of the state database.
#[derive(Clone)]
pub struct Values {
    state: StateStore,
}

impl Values {
    pub(crate) fn new(state: StateStore) -> Self {
        Self { state }
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn get(&self, space: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        sqlx::query_scalar("SELECT value FROM value WHERE space = ? AND key = ?")
            .bind(space)
            .bind(key)
            .fetch_optional(self.state.read())
            .await
            .map_err(|source| self.state.error(source))
    }

    /// At most `limit` keys after `after`, in order, with their values.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn scan(
        &self,
        space: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        sqlx::query_as(
            "SELECT key, value FROM value WHERE space = ? AND key > ? ORDER BY key LIMIT ?",
        )
        .bind(space)
        .bind(after)
        .bind(limit)
        .fetch_all(self.state.read())
        .await
        .map_err(|source| self.state.error(source))
    }

    /// Applies all changes, or none: `false` if a [`Change::Swap`] did not find
    /// what it expected. When this returns `true`, they survive a crash.
    ///
    /// # Errors
    /// [`StateError`] of the database; then nothing was changed.
    pub async fn apply(&self, space: &str, changes: &[Change<'_>]) -> Result<bool, StateError> {
        let failed = |source| self.state.error(source);
        let mut transaction = self.state.write().await?;
        for change in changes {
            let (key, value) = match change {
                Change::Delete { key } => {
                    sqlx::query("DELETE FROM value WHERE space = ? AND key = ?")
                        .bind(space)
                        .bind(*key)
                        .execute(&mut *transaction)
                        .await
                        .map_err(failed)?;
                    continue;
                }
                Change::Put { key, value } => (key, value),
                Change::Swap {
                    key,
                    expected,
                    value,
                } => {
                    let found: Option<Vec<u8>> =
                        sqlx::query_scalar("SELECT value FROM value WHERE space = ? AND key = ?")
                            .bind(space)
                            .bind(*key)
                            .fetch_optional(&mut *transaction)
                            .await
                            .map_err(failed)?;
                    if found.as_deref() != *expected {
                        return Ok(false);
                    }
                    (key, value)
                }
            };
            sqlx::query(
                "INSERT INTO value VALUES (?, ?, ?)
                 ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
            )
            .bind(space)
            .bind(*key)
            .bind(*value)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        self.state.commit(transaction).await?;
        Ok(true)
    }
}
