//! Small values by (space, key), with atomic batches and compare-and-swap, in
//! SQLite or PostgreSQL with the same meaning.
//!
//! For whoever needs no table of its own: sealed keys, sessions, sequences. Keys
//! sort as bytes, so a fixed-width number makes an ordered list.

mod postgres;
mod sqlite;

use super::{PostgresState, StateError, StateStore};

pub(super) use postgres::SCHEMA as POSTGRES_SCHEMA;
pub(super) use sqlite::SCHEMA;

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

impl Change<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Delete { key } | Self::Put { key, .. } | Self::Swap { key, .. } => key,
        }
    }
}

/// Small values of the state database. Cheap to clone.
#[derive(Clone)]
pub struct Values {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Postgres(PostgresState),
    Sqlite(StateStore),
}

impl Values {
    pub(crate) fn new(state: StateStore) -> Self {
        Self {
            form: Form::Sqlite(state),
        }
    }

    pub(crate) fn shared(state: PostgresState) -> Self {
        Self {
            form: Form::Postgres(state),
        }
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// [`StateError`] of the database.
    pub async fn get(&self, space: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match &self.form {
            Form::Postgres(state) => postgres::get(state, space, key).await,
            Form::Sqlite(state) => sqlite::get(state, space, key).await,
        }
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
        match &self.form {
            Form::Postgres(state) => postgres::scan(state, space, after, limit).await,
            Form::Sqlite(state) => sqlite::scan(state, space, after, limit).await,
        }
    }

    /// Applies all changes, or none: `false` if a [`Change::Swap`] did not find
    /// what it expected. When this returns `true`, they survive a crash.
    ///
    /// # Errors
    /// [`StateError`] of the database; then nothing was changed, unless it is
    /// [`PostgresError::Uncertain`](super::PostgresError::Uncertain).
    pub async fn apply(&self, space: &str, changes: &[Change<'_>]) -> Result<bool, StateError> {
        match &self.form {
            Form::Postgres(state) => postgres::apply(state, space, changes).await,
            Form::Sqlite(state) => sqlite::apply(state, space, changes).await,
        }
    }
}
