//! One leader at a time: a lease with a fencing epoch.
//!
//! The database's clock decides whether a lease has run out; the holder counts
//! the same time from *before* it asked, on a clock that also runs while the
//! machine sleeps, and stops earlier. The epoch is raised at every change of
//! holder: whatever the leader writes carries it, so that a holder that slept
//! past its lease cannot change anything either. The lease alone is never proof.

mod embedded;
mod postgres;

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

use crate::state::{PostgresState, StateError, Values};

pub(crate) use postgres::SCHEMA as POSTGRES_SCHEMA;

/// A held lease.
#[derive(Clone, Debug)]
pub struct Lease {
    name: String,
    holder: String,
    epoch: u64,
    life: Duration,
    /// On the boot clock; `None`: as long as the process lives.
    until: Option<Duration>,
}

impl Lease {
    /// Raised at every change of holder; what the leader's writes carry.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How long it may still be relied on; zero: not any more. A tenth of its
    /// life earlier than the database may give it to another.
    pub fn remaining(&self) -> Duration {
        match self.until {
            Some(until) => until.saturating_sub(boot_time()),
            None => Duration::MAX,
        }
    }

    fn starting(at: Duration, life: Duration) -> Option<Duration> {
        Some(at + life - life / 10)
    }
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which process.
    pub holder: String,
    /// Where the other replicas reach it.
    pub address: String,
    /// Its epoch.
    pub epoch: u64,
}

/// What became of asking for a lease.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Another holds it.
    Held(Holder),
    /// It is ours.
    Won(Lease),
}

/// The leases of a database. Cheap to clone.
#[derive(Clone)]
pub struct Leases {
    form: Form,
}

#[derive(Clone)]
enum Form {
    /// One process holds the data directory's lock, and with it every lease.
    Embedded(Values),
    Postgres(PostgresState),
}

impl Leases {
    pub(crate) fn embedded(values: Values) -> Self {
        Self {
            form: Form::Embedded(values),
        }
    }

    pub(crate) fn shared(state: PostgresState) -> Self {
        Self {
            form: Form::Postgres(state),
        }
    }

    /// Asks for the lease `name` for `life`. `holder` names this process and no
    /// other, ever; `address` is where the other replicas reach it.
    ///
    /// # Errors
    /// [`StateError`] if the database cannot be asked; then it is not ours.
    pub async fn acquire(
        &self,
        name: &str,
        holder: &str,
        address: &str,
        life: Duration,
    ) -> Result<Claim, StateError> {
        match &self.form {
            Form::Embedded(values) => embedded::acquire(values, name, holder, address).await,
            Form::Postgres(state) => postgres::acquire(state, name, holder, address, life).await,
        }
    }

    /// Holds it for another life; `None` if it is not ours any more.
    ///
    /// # Errors
    /// [`StateError`] if the database cannot be asked; then the old end holds.
    pub async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, StateError> {
        match &self.form {
            Form::Embedded(_) => Ok(Some(lease.clone())),
            Form::Postgres(state) => postgres::renew(state, lease).await,
        }
    }

    /// Gives it back, so that another may have it at once.
    ///
    /// # Errors
    /// [`StateError`] if the database cannot be asked; then it runs out.
    pub async fn release(&self, lease: Lease) -> Result<(), StateError> {
        match &self.form {
            Form::Embedded(_) => Ok(()),
            Form::Postgres(state) => postgres::release(state, &lease).await,
        }
    }

    /// Who holds it at present.
    ///
    /// # Errors
    /// [`StateError`] if the database cannot be asked.
    pub async fn holder(&self, name: &str) -> Result<Option<Holder>, StateError> {
        match &self.form {
            Form::Embedded(values) => embedded::holder(values, name).await,
            Form::Postgres(state) => postgres::holder(state, name).await,
        }
    }
}

/// Time since the machine started, sleep included.
fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests;
