//! Leases as rows of PostgreSQL: each step is one statement.

use std::time::Duration;

use super::{Claim, Holder, Lease, boot_time};
use crate::state::{PostgresState, Schema, StateError};

pub(crate) const SCHEMA: Schema = Schema {
    component: "lease",
    steps: &["CREATE TABLE lease (
        name TEXT PRIMARY KEY, holder TEXT NOT NULL, address TEXT NOT NULL,
        epoch BIGINT NOT NULL, expires TIMESTAMPTZ NOT NULL
    );"],
};

pub(super) async fn acquire(
    state: &PostgresState,
    name: &str,
    holder: &str,
    address: &str,
    life: Duration,
) -> Result<Claim, StateError> {
    let asked = boot_time();
    let query = sqlx::query_scalar(
        "INSERT INTO lease AS l VALUES ($1, $2, $3, 1, clock_timestamp() + make_interval(secs => $4))
         ON CONFLICT (name) DO UPDATE SET
            holder = excluded.holder, address = excluded.address, expires = excluded.expires,
            epoch = l.epoch + CASE WHEN l.holder = excluded.holder THEN 0 ELSE 1 END
         WHERE l.holder = excluded.holder OR l.expires <= clock_timestamp()
         RETURNING epoch",
    )
    .bind(name)
    .bind(holder)
    .bind(address)
    .bind(life.as_secs_f64())
    .fetch_optional(state.pool());
    let epoch: Option<i64> = state.within(query).await?;
    match epoch {
        Some(epoch) => Ok(Claim::Won(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            epoch: number(state, epoch)?,
            life,
            until: Lease::starting(asked, life),
        })),
        None => match self::holder(state, name).await? {
            Some(holder) => Ok(Claim::Held(holder)),
            // It ran out between the two statements: the next try decides.
            None => Ok(Claim::Held(Holder {
                holder: String::new(),
                address: String::new(),
                epoch: 0,
            })),
        },
    }
}

pub(super) async fn renew(
    state: &PostgresState,
    lease: &Lease,
) -> Result<Option<Lease>, StateError> {
    let asked = boot_time();
    let query = sqlx::query(
        "UPDATE lease SET expires = clock_timestamp() + make_interval(secs => $4)
         WHERE name = $1 AND holder = $2 AND epoch = $3",
    )
    .bind(&lease.name)
    .bind(&lease.holder)
    .bind(lease.epoch.cast_signed())
    .bind(lease.life.as_secs_f64())
    .execute(state.pool());
    let done = state.within(query).await?;
    Ok((done.rows_affected() == 1).then(|| Lease {
        until: Lease::starting(asked, lease.life),
        ..lease.clone()
    }))
}

pub(super) async fn release(state: &PostgresState, lease: &Lease) -> Result<(), StateError> {
    let query = sqlx::query(
        "UPDATE lease SET expires = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3",
    )
    .bind(&lease.name)
    .bind(&lease.holder)
    .bind(lease.epoch.cast_signed())
    .execute(state.pool());
    state.within(query).await.map(drop)
}

pub(super) async fn holder(
    state: &PostgresState,
    name: &str,
) -> Result<Option<Holder>, StateError> {
    let query = sqlx::query_as(
        "SELECT holder, address, epoch FROM lease WHERE name = $1 AND expires > clock_timestamp()",
    )
    .bind(name)
    .fetch_optional(state.pool());
    let row: Option<(String, String, i64)> = state.within(query).await?;
    row.map(|(holder, address, epoch)| {
        Ok(Holder {
            holder,
            address,
            epoch: number(state, epoch)?,
        })
    })
    .transpose()
}

fn number(state: &PostgresState, epoch: i64) -> Result<u64, StateError> {
    u64::try_from(epoch).map_err(|source| state.error(sqlx::Error::Decode(Box::new(source))))
}
