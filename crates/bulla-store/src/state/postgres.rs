//! The SQL port over PostgreSQL, for several replicas.
//!
//! A pool of connections that never waits without a limit, migrations as for
//! SQLite (forward only, one replica at a time), and commits whose outcome is
//! known: each leaves a receipt in the same transaction, and when the connection
//! is lost meanwhile, writing the same receipt once more tells what became of it.
//! (Numbers of transactions do not: after a crash they are given again.) Commits
//! are on the server's disk when they return: `synchronous_commit` is set on
//! every connection, and a server that runs without `fsync` is refused.

mod config;
mod error;

use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

pub use config::PostgresConfig;
pub use error::PostgresError;

use super::{Schema, StateError, values};
use crate::lease;

/// How long one statement may take from here; the server gives up earlier.
const STATEMENT: Duration = Duration::from_secs(15);
/// How long a free connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long the outcome of a commit is asked for.
const SETTLE: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// What migrations lock: any fixed number of ours.
const MIGRATION_LOCK: i64 = 0x6275_6c6c_6100;
/// The oldest server that is still mended by its makers.
const OLDEST: i32 = 130_000;

/// Receipts are thrown away once in so many commits.
const SWEEP: u32 = 1024;

const RECEIPTS: Schema = Schema {
    component: "receipt",
    steps: &["CREATE TABLE receipt (
        id BYTEA PRIMARY KEY, committed BOOLEAN NOT NULL,
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    );"],
};

const SCHEMAS: [Schema; 3] = [RECEIPTS, values::POSTGRES_SCHEMA, lease::POSTGRES_SCHEMA];

/// A PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct PostgresState {
    place: Arc<str>,
    pool: PgPool,
    commits: Arc<AtomicU32>,
}

impl PostgresState {
    /// Connects, checks that the server suits and brings the tables up to date.
    ///
    /// # Errors
    /// [`PostgresError`], wrapped.
    pub async fn connect(config: &PostgresConfig) -> Result<Self, StateError> {
        let (place, options) = config.options()?;
        let state = Self {
            pool: pool(config, options),
            place: place.into(),
            commits: Arc::default(),
        };
        let prepared = async {
            state.check().await?;
            state.migrate(&SCHEMAS).await
        };
        if let Err(error) = prepared.await {
            state.close().await;
            return Err(error);
        }
        Ok(state)
    }

    async fn check(&self) -> Result<(), StateError> {
        let (version, standby, fsync): (i32, bool, String) = self
            .within(
                sqlx::query_as(
                    "SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
                            current_setting('fsync')",
                )
                .fetch_one(&self.pool),
            )
            .await?;
        let unsuited = |why| {
            Err(StateError::Postgres(PostgresError::Unsuited {
                place: self.place.to_string(),
                why,
            }))
        };
        if version < OLDEST {
            return unsuited("it is older than PostgreSQL 13");
        }
        if standby {
            return unsuited("it is a standby, which cannot be written");
        }
        if fsync != "on" {
            return unsuited("it runs with fsync off, so what it acknowledges can be lost");
        }
        Ok(())
    }

    /// Brings the tables of `schemas` (in PostgreSQL's words) up to date, all in
    /// one transaction, while other replicas wait.
    ///
    /// # Errors
    /// [`PostgresError::Newer`] if a newer version wrote the database.
    pub async fn migrate(&self, schemas: &[Schema]) -> Result<(), StateError> {
        let mut transaction = self.begin().await?;
        self.apply(&mut transaction, schemas).await?;
        self.commit(transaction).await
    }

    async fn apply(
        &self,
        transaction: &mut Transaction<'static, Postgres>,
        schemas: &[Schema],
    ) -> Result<(), StateError> {
        self.within(
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(MIGRATION_LOCK)
                .execute(&mut **transaction),
        )
        .await?;
        self.within(
            sqlx::raw_sql(
                "CREATE TABLE IF NOT EXISTS schema_version (
                    component TEXT PRIMARY KEY, version BIGINT NOT NULL)",
            )
            .execute(&mut **transaction),
        )
        .await?;
        for schema in schemas {
            let known = i64::try_from(schema.steps.len()).unwrap_or(i64::MAX);
            let found: Option<i64> = self
                .within(
                    sqlx::query_scalar("SELECT version FROM schema_version WHERE component = $1")
                        .bind(schema.component)
                        .fetch_optional(&mut **transaction),
                )
                .await?;
            let found = found.unwrap_or(0);
            if found > known {
                return Err(StateError::Postgres(PostgresError::Newer {
                    place: self.place.to_string(),
                    component: schema.component.to_owned(),
                    found,
                    known,
                }));
            }
            let done = usize::try_from(found).unwrap_or(0);
            for step in schema.steps.iter().skip(done) {
                self.within(sqlx::raw_sql(AssertSqlSafe(*step)).execute(&mut **transaction))
                    .await?;
            }
            self.within(
                sqlx::query(
                    "INSERT INTO schema_version VALUES ($1, $2)
                     ON CONFLICT (component) DO UPDATE SET version = excluded.version",
                )
                .bind(schema.component)
                .bind(known)
                .execute(&mut **transaction),
            )
            .await?;
        }
        Ok(())
    }

    /// Connections: each statement on them through [`Self::within`].
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits for `work`, but not without a limit: a server that vanished without
    /// a word must not hold its callers.
    ///
    /// # Errors
    /// The failure of `work`, or [`PostgresError::Unreachable`].
    pub async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StateError> {
        timeout(STATEMENT, work)
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
            .map_err(|source| self.error(source))
    }

    /// A transaction, `READ COMMITTED`.
    ///
    /// # Errors
    /// [`StateError`] if the server cannot be reached.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StateError> {
        self.within(self.pool.begin()).await
    }

    /// Commits; when this returns, the changes survive a crash. A connection
    /// that is lost meanwhile is followed by the question what happened.
    ///
    /// # Errors
    /// [`PostgresError::Uncertain`] if the server stays away; any other error
    /// means that nothing was changed.
    pub async fn commit(
        &self,
        mut transaction: Transaction<'static, Postgres>,
    ) -> Result<(), StateError> {
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).map_err(|error| {
            let source = io::Error::other(error.to_string());
            self.error(source.into())
        })?;
        let receipt = sqlx::query("INSERT INTO receipt (id, committed) VALUES ($1, true)");
        let receipt = receipt.bind(&id[..]);
        self.within(receipt.execute(&mut *transaction)).await?;
        if self.commits.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            let old = "DELETE FROM receipt WHERE at < clock_timestamp() - interval '1 hour'";
            self.within(sqlx::query(old).execute(&mut *transaction))
                .await?;
        }
        match self.within(transaction.commit()).await {
            Err(StateError::Postgres(error)) if error.connection_lost() => self.settle(&id).await,
            done => done,
        }
    }

    /// What became of the transaction that wrote receipt `id`. Writing it waits
    /// for a transaction that is still under way; where it is new, the other one
    /// did not happen and cannot happen any more.
    async fn settle(&self, id: &[u8]) -> Result<(), StateError> {
        let place = || self.place.to_string();
        let until = Instant::now() + SETTLE;
        while Instant::now() < until {
            // `false` stays when this statement's own answer is lost.
            let query = sqlx::query_scalar(
                "INSERT INTO receipt AS r (id, committed) VALUES ($1, false)
                 ON CONFLICT (id) DO UPDATE SET committed = r.committed RETURNING committed",
            )
            .bind(id)
            .fetch_one(&self.pool);
            match self.within(query).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(PostgresError::Aborted { place: place() }.into()),
                Err(_) => sleep(PAUSE).await,
            }
        }
        Err(PostgresError::Uncertain { place: place() }.into())
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// [`StateError`] if there is none.
    pub async fn ping(&self) -> Result<(), StateError> {
        let one = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&self.pool);
        self.within(one).await.map(drop)
    }

    /// Names the database in a failure, and sorts it.
    pub fn error(&self, source: sqlx::Error) -> StateError {
        PostgresError::new(&self.place, source).into()
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

fn pool(config: &PostgresConfig, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(config.connections())
        .acquire_timeout(ACQUIRE)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options)
}
