//! Values in SQLite: one writer at a time, so a batch sees no other.

use super::{
    super::{Schema, StateError, StateStore},
    Change,
};

pub(in crate::state) const SCHEMA: Schema = Schema {
    component: "values",
    steps: &["CREATE TABLE value (
        space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) STRICT, WITHOUT ROWID;"],
};

pub(super) async fn get(
    state: &StateStore,
    space: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StateError> {
    sqlx::query_scalar("SELECT value FROM value WHERE space = ? AND key = ?")
        .bind(space)
        .bind(key)
        .fetch_optional(state.read())
        .await
        .map_err(|source| state.error(source))
}

pub(super) async fn scan(
    state: &StateStore,
    space: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, StateError> {
    sqlx::query_as("SELECT key, value FROM value WHERE space = ? AND key > ? ORDER BY key LIMIT ?")
        .bind(space)
        .bind(after)
        .bind(limit)
        .fetch_all(state.read())
        .await
        .map_err(|source| state.error(source))
}

pub(super) async fn apply(
    state: &StateStore,
    space: &str,
    changes: &[Change<'_>],
) -> Result<bool, StateError> {
    let failed = |source| state.error(source);
    let mut transaction = state.write().await?;
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
    state.commit(transaction).await?;
    Ok(true)
}
