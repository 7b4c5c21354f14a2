//! Schema versions: each component counts its own steps, forward only.

use sqlx::{AssertSqlSafe, Sqlite, Transaction};
use std::path::Path;

use super::{StateError, registry, values};

/// The tables of one component: step *n* takes them from version *n* to *n* + 1.
/// Steps are never edited once released, only added.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The component's name, for example `authority`.
    pub component: &'static str,
    /// SQL scripts in order.
    pub steps: &'static [&'static str],
}

pub(super) const SCHEMAS: [Schema; 2] = [values::SCHEMA, registry::SCHEMA];

pub(super) async fn apply(
    path: &Path,
    transaction: &mut Transaction<'static, Sqlite>,
    schemas: &[Schema],
) -> Result<(), StateError> {
    let failed = |source| StateError::new(path, source);
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_version (
            component TEXT PRIMARY KEY, version INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
    )
    .execute(&mut **transaction)
    .await
    .map_err(failed)?;
    for schema in schemas {
        let known = i64::try_from(schema.steps.len()).unwrap_or(i64::MAX);
        let found: i64 =
            sqlx::query_scalar("SELECT version FROM schema_version WHERE component = ?")
                .bind(schema.component)
                .fetch_optional(&mut **transaction)
                .await
                .map_err(failed)?
                .unwrap_or(0);
        if found > known {
            return Err(StateError::Newer {
                path: path.to_owned(),
                component: schema.component.to_owned(),
                found,
                known,
            });
        }
        let done = usize::try_from(found).unwrap_or(0);
        for step in schema.steps.iter().skip(done) {
            sqlx::raw_sql(AssertSqlSafe(*step))
                .execute(&mut **transaction)
                .await
                .map_err(failed)?;
        }
        sqlx::query(
            "INSERT INTO schema_version VALUES (?, ?)
             ON CONFLICT (component) DO UPDATE SET version = excluded.version",
        )
        .bind(schema.component)
        .bind(known)
        .execute(&mut **transaction)
        .await
        .map_err(failed)?;
    }
    Ok(())
}
