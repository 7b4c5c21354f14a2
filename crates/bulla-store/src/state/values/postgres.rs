//! Values in PostgreSQL.
//!
//! Every change is one conditional statement that locks its row until the batch
//! commits, so no isolation beyond `READ COMMITTED` is needed. Rows are locked in
//! the order of their keys: two batches never wait for each other in a ring.
//! Spaces and keys are bytes there: any text fits, and sorts as in SQLite.

use sqlx::{Postgres, Transaction};

use super::{
    super::{PostgresState, Schema, StateError},
    Change,
};

pub(in crate::state) const SCHEMA: Schema = Schema {
    component: "values",
    steps: &["CREATE TABLE value (
        space BYTEA NOT NULL, key BYTEA NOT NULL, value BYTEA NOT NULL,
        PRIMARY KEY (space, key)
    );"],
};

pub(super) async fn get(
    state: &PostgresState,
    space: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StateError> {
    let query = sqlx::query_scalar("SELECT value FROM value WHERE space = $1 AND key = $2")
        .bind(space.as_bytes())
        .bind(key.as_bytes())
        .fetch_optional(state.pool());
    state.within(query).await
}

pub(super) async fn scan(
    state: &PostgresState,
    space: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, Vec<u8>)>, StateError> {
    let query = sqlx::query_as(
        "SELECT key, value FROM value WHERE space = $1 AND key > $2 ORDER BY key LIMIT $3",
    )
    .bind(space.as_bytes())
    .bind(after.as_bytes())
    .bind(i64::from(limit))
    .fetch_all(state.pool());
    let rows: Vec<(Vec<u8>, Vec<u8>)> = state.within(query).await?;
    let text = |(key, value)| {
        let key = String::from_utf8(key).map_err(|source| {
            let source = Box::new(source);
            state.error(sqlx::Error::Decode(source))
        });
        key.map(|key| (key, value))
    };
    rows.into_iter().map(text).collect()
}

pub(super) async fn apply(
    state: &PostgresState,
    space: &str,
    changes: &[Change<'_>],
) -> Result<bool, StateError> {
    let mut ordered: Vec<&Change<'_>> = changes.iter().collect();
    // Stable: changes of one key keep their order.
    ordered.sort_by_key(|change| change.key().as_bytes());
    let mut transaction = state.begin().await?;
    for change in ordered {
        if !one(state, &mut transaction, space, change).await? {
            return Ok(false);
        }
    }
    state.commit(transaction).await?;
    Ok(true)
}

/// Whether the change found what it expected.
async fn one(
    state: &PostgresState,
    transaction: &mut Transaction<'static, Postgres>,
    space: &str,
    change: &Change<'_>,
) -> Result<bool, StateError> {
    let statement = match change {
        Change::Delete { .. } => "DELETE FROM value WHERE space = $1 AND key = $2",
        Change::Put { .. } => {
            "INSERT INTO value VALUES ($1, $2, $3)
             ON CONFLICT (space, key) DO UPDATE SET value = excluded.value"
        }
        Change::Swap { expected: None, .. } => {
            "INSERT INTO value VALUES ($1, $2, $3) ON CONFLICT (space, key) DO NOTHING"
        }
        Change::Swap { .. } => {
            "UPDATE value SET value = $3 WHERE space = $1 AND key = $2 AND value = $4"
        }
    };
    let query = sqlx::query(statement)
        .bind(space.as_bytes())
        .bind(change.key().as_bytes());
    let query = match change {
        Change::Delete { .. } => query,
        Change::Put { value, .. }
        | Change::Swap {
            expected: None,
            value,
            ..
        } => query.bind(*value),
        Change::Swap {
            expected, value, ..
        } => query.bind(*value).bind(*expected),
    };
    let done = state.within(query.execute(&mut **transaction)).await?;
    Ok(!matches!(change, Change::Swap { .. }) || done.rows_affected() == 1)
}
